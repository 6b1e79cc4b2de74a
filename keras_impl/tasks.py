"""The two tasks: what is learned, from which data, by which models, and how good they are at it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from keras_impl import dates, digits, models
from keras_impl.evaluation import classification_metrics
from keras_impl.translation import translate


class Data(NamedTuple):
    """What one part of the data is: what goes in, and what should come out."""

    x: object
    y: np.ndarray


class Task(NamedTuple):
    """A task.

    Attributes:
        models: Builders by the name of the model; the first is the default. Each takes ``attention``.
        numbers: How many examples each part has.
        load: From the name of a model, those numbers and a seed to the `Data` of each part.
        measure: From a trained model and the part for the test to its metrics, by name.
        epochs, batch_size, learning_rate: How it is trained.
        watched: What of the validation tells which epoch was the best.
        score: The metric that counts.
    """

    models: dict[str, Callable]
    numbers: dict[str, int]
    load: Callable
    measure: Callable
    epochs: int
    batch_size: int
    learning_rate: float
    watched: str
    score: str


def _load_digits(model, numbers, seed):
    lines = model == "hierarchical"
    return {part: Data(*digits.sequences(part, number, seed, lines=lines)) for part, number in numbers.items()}


def _measure_digits(model, test):
    return classification_metrics(test.y, model.predict(test.x, batch_size=500, verbose=0))._asdict()


def _load_dates(model, numbers, seed):
    drawn = {part: dates.dates(part, number, seed) for part, number in numbers.items()}
    return {part: _as_tokens(*one) for part, one in drawn.items()}


def _as_tokens(written, iso):
    target = dates.encode_iso(iso)
    return Data([dates.encode(written, dates.characters()), target[:, :-1]], target[:, 1:])


def _measure_dates(model, test):
    source, _ = test.x
    metrics = classification_metrics(test.y, model.predict(test.x, batch_size=500, verbose=0))
    told = translate(model, source, dates.LONGEST)
    exact = np.mean([one == true for one, true in zip(dates.decode_iso(told), dates.decode_iso(test.y))])
    return {**metrics._asdict(), "exact_match": float(exact)}


def _translator(recurrent):
    return lambda **options: models.translator(
        len(dates.characters()) + 1, dates.TARGET_TOKENS, recurrent=recurrent, **options
    )


TASKS = {
    "digits": Task(
        models={
            "attention": models.attention_classifier,
            "self_attention": models.self_attention_classifier,
            "lstm": models.lstm_attention_classifier,
            "gru": models.gru_attention_classifier,
            "multi_head": models.multi_head_attention_classifier,
            "hierarchical": models.hierarchical_attention_classifier,
        },
        numbers={"train": 12000, "validation": 1000, "test": digits.TEST},
        load=_load_digits,
        measure=_measure_digits,
        epochs=15,
        batch_size=64,
        learning_rate=5e-3,
        watched="val_accuracy",
        score="accuracy",
    ),
    "dates": Task(
        models={"gru": _translator("gru"), "lstm": _translator("lstm")},
        numbers={"train": 10000, "validation": 1000, "test": 2000},
        load=_load_dates,
        measure=_measure_dates,
        epochs=8,
        batch_size=64,
        learning_rate=3e-3,
        watched="val_loss",
        score="exact_match",
    ),
}
