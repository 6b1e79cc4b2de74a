"""What is shown of a trained model: where it looks."""

import json

import keras
import numpy as np
import pytest

from keras_impl import attention_weights, dates, digits, seen, tasks
from keras_impl.__main__ import main

METRICS = {"accuracy": 0.5, "exact_match": 0.5}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make a folder with a model that was not trained at all, to look at."""

    def folder(task, model):
        place = tmp_path_factory.mktemp("made")
        tasks.TASKS[task].models[model]().save(place / "model.keras")
        record = {"schema": 1, "task": task, "model": model, "seed": 0, "score": tasks.TASKS[task].score}
        record |= {"characters": dates.characters(), "results": {"attention": METRICS, "without": METRICS}}
        (place / "training.json").write_text(json.dumps(record))
        return place

    return folder


@pytest.fixture(scope="module")
def translator(made):
    """A folder with a translator."""
    return made("dates", "gru")


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


@pytest.mark.parametrize(("model", "maps"), [("attention", 1), ("lstm", 1), ("multi_head", 4), ("hierarchical", 6)])
def test_digits_are_shown_as_images(made, model, maps, capsys):
    folder = made("digits", model)
    assert main(["show", str(folder), "7"]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    given, told = (numbers.split() for numbers in first.split(" -> "))
    assert given == sorted(given)  # those of a kind stand beside one another
    assert second == f"{sum(one == other for one, other in zip(given, told))} of {len(given)} are right."
    page = (folder / "digits-7.html").read_text()
    assert page.count('class="map"') == maps
    # A line is pooled by a query that is no image, and what the lines attend are lines.
    assert page.count('alt="image 1"') == (maps - 1 if model == "hierarchical" else 2 * maps)


@pytest.mark.parametrize(
    ("what", "answer", "message"),
    [
        ("", "2021-03-03", "Expected a written date"),
        ("march", "2021-03-03", "Expected a written date"),
        ("3 march 2021" + 10_000 * " a", "2021-03-03", "of at most 60 characters"),
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


def test_the_order_in_which_a_recurrent_model_reads_is_left_to_it(made):
    """What is shown in another order than it was read is of the same images: each weight stays with its two."""
    model = keras.saving.load_model(made("digits", "lstm") / "model.keras")
    shown = seen.seen_by(model, {"task": "digits", "model": "lstm", "seed": 0}, "7")
    images, labels = (one[7] for one in digits.sequences("test", digits.TEST, 0))
    (weights,) = attention_weights(model, images[None])["self_attention"]
    order = np.argsort(labels, kind="stable")
    assert not np.array_equal(order, np.arange(len(order)))
    assert np.array_equal(shown.views[0].weights, weights[order][:, order])
    assert np.array_equal(shown.views[0].keys, images[order].reshape(-1, 8, 8))
