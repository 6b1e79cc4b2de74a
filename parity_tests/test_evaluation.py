"""Metrics: those of scikit-learn, on what a model gives."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_impl.evaluation import classification_metrics, regression_metrics

SEEDS = st.integers(0, 2**31)


def drawn(seed, classes=3, shape=(4, 4)):
    random = np.random.default_rng(seed)
    return random.integers(classes, size=shape), random.dirichlet(np.ones(classes), shape)


def test_metrics_of_a_few_answers_by_hand():
    # Told: 0, 0, 1, 1, 0; of class 0 two of three are right, of class 1 one of two.
    metrics = classification_metrics([0, 0, 1, 0, 1], [[1, 0], [1, 0], [0, 1], [0, 1], [1, 0]])
    assert metrics.confusion.tolist() == [[2, 1], [1, 1]]
    assert metrics.accuracy == 3 / 5
    assert metrics.precision == metrics.recall == metrics.f1 == (2 / 3 + 1 / 2) / 2


@given(seed=SEEDS)
def test_what_is_told_right_throughout_has_the_best_metrics(seed):
    labels, _ = drawn(seed)
    metrics = classification_metrics(labels, np.eye(3)[labels])
    assert metrics[1:5] == (1, 1, 1, 1)
    assert np.array_equal(metrics.confusion, np.diag(np.bincount(labels.ravel(), minlength=3)))


@given(seed=SEEDS)
def test_the_confusion_counts_every_answer_in_the_row_of_its_class(seed):
    labels, probabilities = drawn(seed)
    metrics = classification_metrics(labels, probabilities)
    assert np.array_equal(metrics.confusion.sum(axis=1), np.bincount(labels.ravel(), minlength=3))
    assert np.array_equal(metrics.confusion.sum(axis=0), np.bincount(probabilities.argmax(-1).ravel(), minlength=3))
    assert metrics.accuracy == np.trace(metrics.confusion) / labels.size


@given(seed=SEEDS)
def test_positions_count_the_same_whatever_sequence_they_are_in(seed):
    labels, probabilities = drawn(seed)
    flat = classification_metrics(labels.ravel(), probabilities.reshape(-1, 3))
    for one, other in zip(classification_metrics(labels, probabilities), flat):
        assert np.array_equal(one, other)


@given(seed=SEEDS)
def test_keras_counts_the_same_accuracy(seed):
    labels, probabilities = drawn(seed)
    accuracy = keras.metrics.SparseCategoricalAccuracy(dtype="float64")
    accuracy.update_state(labels, probabilities)
    assert classification_metrics(labels, probabilities).accuracy == float(accuracy.result())


def test_a_certain_answer_that_is_wrong_has_a_large_loss_and_a_sure_one_none():
    sure, wrong = (classification_metrics([0], [[one, 1 - one]]).loss for one in (1.0, 0.0))
    assert sure <= -np.log(1 - np.finfo(float).eps)  # that of the largest probability which scikit-learn leaves
    assert wrong > 30


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([0, 1], [[1.0, 0.0]], r"labels.shape=\(2,\), probabilities.shape=\(1, 2\)"),
        ([], np.zeros((0, 2)), "at least one"),
        ([2], [[1.0, 0.0]], "Expected labels from 0 to 1. Received: 2"),
    ],
)
def test_answers_that_cannot_be_compared_are_refused(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        classification_metrics(labels, probabilities)


@given(seed=SEEDS)
def test_errors_are_squared_or_taken_as_they_are(seed):
    expected, errors = np.random.default_rng(seed).integers(-8, 8, (2, 4, 4)).astype(float)
    metrics = regression_metrics(expected, expected + errors)
    assert metrics == ((errors**2).sum() / 16, np.abs(errors).sum() / 16)


@pytest.mark.parametrize("predicted", [[1.0], np.zeros((0,))])
def test_numbers_of_another_shape_are_refused(predicted):
    with pytest.raises(ValueError, match="same shape with at least one number"):
        regression_metrics(np.zeros(2) if len(predicted) else predicted, predicted)
