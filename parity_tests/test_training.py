"""Training, and what is kept of it."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_impl import __main__, tasks, train
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


def test_the_file_that_a_link_leads_to_is_replaced_and_not_the_link(tmp_path):
    (tmp_path / "file").write_text("before")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with replacing(tmp_path / "link") as temporary:
        temporary.write_text("after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "after"


def test_a_training_that_is_interrupted_leaves_no_record_of_another(tmp_path, monkeypatch):
    (tmp_path / "training.json").write_text("{}")

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "fit", interrupted)
    assert main(["train", "digits", "--out", str(tmp_path)]) == 130
    assert not (tmp_path / "training.json").exists()


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


@pytest.mark.ci
def test_the_digits_are_told_right_and_better_with_attention(tmp_path):
    task = TASKS["digits"]
    data = task.load("attention", task.numbers, 0)
    with_it, without = (
        train.fit(task, "attention", data, task.epochs // 2, tmp_path / "model.keras", attention=attention)["accuracy"]
        for attention in (True, False)
    )
    assert with_it >= 0.97
    assert 1 - without > 2 * (1 - with_it)


@pytest.mark.ci
def test_a_translator_with_attention_reads_dates_that_it_never_saw(tmp_path):
    task = TASKS["dates"]
    data = task.load("gru", task.numbers, 0)
    assert train.fit(task, "gru", data, 2, tmp_path / "model.keras")["exact_match"] >= 0.9  # without it a tenth
