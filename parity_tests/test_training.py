"""Training, showing, and their commands."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_impl import __main__, dates, seen, tasks, train
from keras_impl.__main__ import main
from keras_impl.files import replacing

FEW = {"train": 64, "validation": 32, "test": 32}
TASKS = dict(tasks.TASKS)


@pytest.fixture(scope="module")
def with_few():
    """The tasks with few examples, so that training is a matter of a second."""
    with pytest.MonkeyPatch.context() as patch:
        for name, task in TASKS.items():
            patch.setitem(tasks.TASKS, name, task._replace(numbers=FEW))
        yield


@pytest.fixture(scope="module")
def trained(with_few, tmp_path_factory):
    """A folder with a classifier of digits that was trained a little, and what was returned."""
    folder = tmp_path_factory.mktemp("trained")
    return folder, train.train("digits", epochs=1, out=folder)


@pytest.fixture(scope="module")
def made(trained, tmp_path_factory):
    """Make a folder with a model that was not trained at all, to look at."""

    def folder(task, model):
        place = tmp_path_factory.mktemp("made")
        TASKS[task].models[model]().save(place / "model.keras")
        record = {**trained[1], "task": task, "model": model, "characters": dates.characters()}
        (place / "training.json").write_text(json.dumps(record))
        return place

    return folder


@pytest.fixture(scope="module")
def translator(made):
    """A folder with a translator."""
    return made("dates", "gru")


def test_training_keeps_the_models_what_they_are_worth_and_pictures(trained):
    folder, record = trained
    assert {file.name for file in folder.iterdir()} == {
        "model.keras", "without_attention.keras", "training.json", "history.png", "confusion.png",
    }  # fmt: skip
    assert json.loads((folder / "training.json").read_text()) == record
    assert (record["task"], record["model"], record["seed"]) == ("digits", "attention", 0)


@pytest.mark.parametrize(("part", "file"), [("attention", "model.keras"), ("without", "without_attention.keras")])
def test_what_is_told_of_a_model_is_true_of_the_file(trained, part, file):
    folder, record = trained
    model = keras.saving.load_model(folder / file)
    task = tasks.TASKS["digits"]
    metrics = task.measure(model, task.load("attention", FEW, 0)["test"])
    assert metrics["accuracy"] == record["results"][part]["accuracy"]
    assert model.count_params() == record["results"][part]["parameters"]
    assert ("attention" in {layer.name for layer in model.layers}) == (part == "attention")


def test_the_same_seed_trains_the_same_model(with_few, tmp_path):
    task = tasks.TASKS["digits"]
    data = task.load("attention", FEW, 3)
    histories = [
        train.fit(task, "attention", data, 1, tmp_path / "model.keras", seed=seed)["history"] for seed in (3, 3, 4)
    ]
    assert histories[0] == histories[1] != histories[2]


@pytest.mark.parametrize(("watched", "best"), [("val_loss", 1), ("val_accuracy", 2)])
def test_the_best_epoch_is_kept(tmp_path, watched, best):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    keep = train.KeepBest(tmp_path / "model.keras", watched)
    keep.set_model(model)
    for epoch, (loss, accuracy) in enumerate([(3.0, 0.5), (1.0, 0.6), (2.0, 0.7), (2.0, 0.7)]):
        model.set_weights([np.full((1, 1), epoch)])
        keep.on_epoch_end(epoch, {"val_loss": loss, "val_accuracy": accuracy})
    assert keras.saving.load_model(tmp_path / "model.keras").get_weights() == [[best]]


def test_it_is_the_best_epoch_that_is_measured(tmp_path):
    task = TASKS["digits"]._replace(learning_rate=1.0)  # so large that it gets worse
    data = task.load("attention", FEW, 0)
    results = train.fit(task, "attention", data, 5, tmp_path / "model.keras")
    accuracies = results["history"]["val_accuracy"]
    assert max(accuracies) > accuracies[-1]
    assert task.measure(keras.saving.load_model(tmp_path / "model.keras"), data["test"])["loss"] == results["loss"]


def test_an_interrupted_write_leaves_the_file_as_it_was(tmp_path):
    (tmp_path / "file").write_text("before")
    with pytest.raises(TypeError), replacing(tmp_path / "file") as temporary:
        temporary.write_bytes(b"half") and temporary.write_text(None)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["before"]


@pytest.fixture
def reads_a_date(monkeypatch):
    """A translator that was trained too little to read has its answer put into its mouth."""

    def answers(iso):
        monkeypatch.setattr(seen, "translate", lambda *_: dates.encode_iso([iso])[:, 1:])

    return answers


def test_a_date_is_shown_character_by_character(translator, reads_a_date, capsys):
    reads_a_date("2021-03-03")
    assert main(["show", str(translator), " 3  March 2021"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3 march 2021 -> 2021-03-03"
    assert [line.split()[0] for line in lines[1:11]] == list("2021-03-03")
    assert lines[11:] == [f"wrote {translator / '3-march-2021'}.{kind}" for kind in ("png", "html")]
    assert (translator / "3-march-2021.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_needs_nothing_else(translator, reads_a_date):
    reads_a_date("2021-03-03")
    assert main(["show", str(translator), "3 mars 2021"]) == 0
    page = (translator / "3-mars-2021.html").read_text()
    assert "http" not in page.replace("http-equiv", "")
    assert page.count('src="data:image/png;base64,') == 1
    assert page.count("<button") == 10
    assert page.count('class="key"') == len("3 mars 2021")


def test_a_form_that_was_not_learned_is_remarked_on(translator, reads_a_date, capsys):
    reads_a_date("2021-03-03")
    assert main(["show", str(translator), "the 3 of march 2021"]) == 0
    assert "2021-03-03 is not written so in any form that was learned." in capsys.readouterr().out


@pytest.mark.parametrize(("model", "maps"), [("attention", 1), ("multi_head", 4), ("hierarchical", 6)])
def test_digits_are_shown_as_images(made, model, maps, capsys):
    folder = made("digits", model)
    assert main(["show", str(folder), "7"]) == 0
    assert "are right." in capsys.readouterr().out
    page = (folder / "digits-7.html").read_text()
    assert page.count('class="map"') == maps
    assert page.count('alt="image 1"') == 2 * (maps - (model == "hierarchical"))


@pytest.mark.parametrize(
    ("what", "answer", "message"),
    [
        ("", "2021-03-03", "Expected a written date"),
        ("march", "2021-03-03", "Expected a written date"),
        ("3 мая 2021", "2021-05-03", "Expected a date of the characters"),
        ("30 february 2021", "2021-02-30", "'30 february 2021' cannot be read: the model makes '2021-02-30' of it"),
        ("99 99 99", "1999-09-09", "'99 99 99' cannot be read: the model makes 1999-09-09 of it"),
    ],
)
def test_a_date_that_cannot_be_read_is_refused_in_a_line(translator, reads_a_date, what, answer, message, capsys):
    reads_a_date(answer)
    before = set(translator.iterdir())
    assert main(["show", str(translator), what]) == 2
    assert set(translator.iterdir()) == before
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("what", ["-1", "1000", "first", "٣"])
def test_a_sequence_that_is_not_there_is_refused(what):
    with pytest.raises(ValueError, match="Expected the number of a sequence of the test, from 0 to 999"):
        seen.seen_by(None, {"task": "digits", "model": "attention", "seed": 0}, what)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"schema": 2}', '{"schema": 1}'])
def test_a_folder_without_a_model_is_refused_in_a_line(tmp_path, content, capsys):
    if content is not None:
        (tmp_path / "training.json").write_text(content)
    assert main(["show", str(tmp_path), "3 march 2021"]) == 2
    assert capsys.readouterr().err.startswith(f"keras_impl: {tmp_path}")


@pytest.mark.parametrize("content", [b"", b"no model", b"PK"])
def test_a_damaged_model_is_refused_in_a_line(made, content, capsys):
    folder = made("digits", "attention")
    (folder / "model.keras").write_bytes(content)
    assert main(["show", str(folder), "1"]) == 2
    assert capsys.readouterr().err.startswith(f"keras_impl: {folder / 'model.keras'}: expected a model of Keras")


def test_a_training_that_is_interrupted_leaves_no_record_of_another(made, monkeypatch):
    folder = made("digits", "attention")

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "fit", interrupted)
    assert main(["train", "digits", "--out", str(folder)]) == 130
    assert not (folder / "training.json").exists()


def test_what_is_not_installed_is_told_with_the_command_that_does(monkeypatch, capsys):
    monkeypatch.setattr(__main__, "NEEDED", ("numpy", "no_such_package"))
    assert main(["train", "digits"]) == 2
    assert capsys.readouterr().err == (
        'keras_impl: no_such_package: not installed; pip install "attention-reference[models]"\n'
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "digits", "--model", "transformer"], "Expected one of 'attention', 'self_attention', 'lstm'"),
        (["train", "digits", "--epochs", "0"], "Expected a positive integer. Received: epochs=0"),
        (["train", "dates", "--out", "/dev/null/folder"], "/dev/null"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_a_line(arguments, message, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr().err
    assert message in captured
    assert captured.count("\n") == 1


def test_the_commands_are_explained_before_keras_is_there():
    script = "import sys; from keras_impl.__main__ import main; main(['--help'])"
    check = "import atexit; atexit.register(lambda: print('keras' in sys.modules));"
    run = subprocess.run([sys.executable, "-c", check + script], capture_output=True, text=True, check=True)
    assert "train" in run.stdout
    assert run.stdout.endswith("False\n")


def test_training_prints_its_progress_and_a_table(with_few, tmp_path, capsys):
    assert main(["train", "digits", "--epochs", "1", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "val_accuracy" in printed
    assert "without it" in printed
    assert "F1, macro" in printed


def test_the_digits_are_told_right_and_better_with_attention(tmp_path):
    task = TASKS["digits"]
    data = task.load("attention", task.numbers, 0)
    with_it, without = (
        train.fit(task, "attention", data, task.epochs, tmp_path / "model.keras", attention=attention)["accuracy"]
        for attention in (True, False)
    )
    assert with_it >= 0.97
    assert 1 - without > 2 * (1 - with_it)


def test_a_translator_with_attention_reads_dates_that_it_never_saw(tmp_path):
    task = TASKS["dates"]
    data = task.load("gru", task.numbers, 0)
    assert train.fit(task, "gru", data, 4, tmp_path / "model.keras")["exact_match"] >= 0.97
