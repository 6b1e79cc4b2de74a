"""What a trained model makes of one input, and where it looks."""

import datetime
import re
import unicodedata
from typing import NamedTuple

import numpy as np

from keras_impl import dates, digits
from keras_impl.inspection import attention_weights
from keras_impl.translation import translate

LONGEST = 60  # characters; no date that was learned has more than 40


class View(NamedTuple):
    """One attention, or one with several heads.

    Attributes:
        title: What attends what.
        weights: ``(T, S)`` or ``(H, T, S)``.
        queries, keys: Labels, or images ``(n, 8, 8)``.
    """

    title: str
    weights: np.ndarray
    queries: object
    keys: object


class Seen(NamedTuple):
    """What a model made of an input, and where it looked.

    Attributes:
        name: Of the files to write.
        given, told: What went in, and what came out.
        remark: What there is to say of it, or nothing.
        views: One `View` for each attention.
    """

    name: str
    given: str
    told: str
    remark: str
    views: list


def seen_by(model, record, what):
    """Show an input to a trained model.

    Args:
        model: The model.
        record: What was written of its training.
        what: A written date; for digits, the number of a sequence of the test.

    Returns:
        What it made of it, as `Seen`.

    Raises:
        ValueError: If what was given cannot be read.
    """
    return _seen_date(model, record, what) if record["task"] == "dates" else _seen_digits(model, record, what)


def _seen_date(model, record, what):
    written = " ".join(unicodedata.normalize("NFC", what).lower().split())
    if len(written) > LONGEST or not any(character.isdigit() for character in written):
        raise ValueError(
            f"Expected a written date, such as '3 march 2021', of at most {LONGEST} characters. Received: {what[:60]!r}"
        )
    source = dates.encode([written], record["characters"])
    target = translate(model, source, dates.LONGEST)
    (iso,) = dates.decode_iso(target)
    try:
        day = datetime.date.fromisoformat(iso)
    except ValueError:
        raise ValueError(f"{what!r} cannot be read: the model makes {iso!r} of it, which is no date") from None
    if not _has_the_numbers_of(written, day):
        raise ValueError(f"{what!r} cannot be read: the model makes {iso} of it, whose day or year is not there")
    remark = "" if written in dates.ways_to_write(day) else f"{iso} is not written so in any form that was learned."
    before = np.concatenate([[[dates.START]], target[:, : len(iso) - 1]], axis=1)
    (weights,) = attention_weights(model, [source, before])["attention"]
    name = re.sub(r"\W+", "-", written).strip("-")
    return Seen(name, written, iso, remark, [View("", weights, list(iso), list(written))])


def _has_the_numbers_of(written, day):
    """Whether a reading can be right: its day and year are there, and no other number but that of its month."""
    numbers = {int(number) for number in re.findall(r"\d+", written)}
    year = {day.year, day.year % 100}
    return day.day in numbers and bool(year & numbers) and numbers <= {day.day, day.month, *year}


def _seen_digits(model, record, what):
    if not re.fullmatch("[0-9]{1,4}", what) or not int(what) < digits.TEST:
        raise ValueError(
            f"Expected the number of a sequence of the test, from 0 to {digits.TEST - 1}. Received: {what!r}"
        )
    number = int(what)
    lines = record["model"] == "hierarchical"
    test = digits.sequences("test", digits.TEST, record["seed"], lines=lines)
    images, labels = test.images[number], test.labels[number]
    order = np.argsort(labels, kind="stable")  # those of a kind beside one another, as their order says nothing
    if record["model"] not in ("lstm", "gru"):
        images, labels = images[order], labels[order]
        order = np.arange(len(labels))
    told = model.predict(images[None], verbose=0)[0].argmax(axis=-1)
    weights = {name: one[0] for name, one in attention_weights(model, images[None]).items()}
    views = _views_of_lines(weights, images) if lines else _views_of_images(weights, images, order)
    wrong = int((told != labels).sum())
    remark = f"{len(labels) - wrong} of {len(labels)} are right."
    given, told = (" ".join(str(one) for one in numbers[order]) for numbers in (labels, told))
    return Seen(f"digits-{number}", given, told, remark, views)


def _views_of_images(weights, images, order):
    """All attentions are heads of one, as they attend the same."""
    images = images[order].reshape(-1, 8, 8)
    heads = np.stack([one[np.ix_(order, order)] for one in weights.values()])
    return [View("", heads if len(heads) > 1 else heads[0], images, images)]


def _views_of_lines(weights, images):
    """What each line is made of, and what the lines attend."""
    lines = [f"line {number + 1}" for number in range(len(images))]
    words = [
        View(line, one[None], ["context"], image.reshape(-1, 8, 8))
        for line, one, image in zip(lines, weights["word_pooling"], images)
    ]
    return [*words, View("lines", weights["sentence_attention"], lines, lines)]
