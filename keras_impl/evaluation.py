"""How good a model is: the usual metrics, as scikit-learn computes them."""

from typing import NamedTuple

import numpy as np


class Classification(NamedTuple):
    """How well classes are told.

    Attributes:
        loss: The mean cross-entropy, in nats.
        accuracy: The share that is told right.
        precision, recall, f1: Means over the classes that occur or are told, each class counting the same.
        confusion: ``(classes, classes)``: how many of each true class, a row, are told to be of each class, a column.
    """

    loss: float
    accuracy: float
    precision: float
    recall: float
    f1: float
    confusion: np.ndarray


class Regression(NamedTuple):
    """How far off numbers are.

    Attributes:
        mse: The mean squared error.
        mae: The mean absolute error.
    """

    mse: float
    mae: float


def classification_metrics(labels, probabilities):
    """Compare true classes with the probabilities that a model gives.

    Args:
        labels: The true classes, integers of any shape.
        probabilities: Of each class, in the shape of labels and one axis more.

    Returns:
        The metrics, as `Classification`. A class that occurs and is never told has precision 0.

    Raises:
        ValueError: If the shapes do not fit, or a label is no class.

    Example:

    >>> metrics = classification_metrics([0, 1, 1], [[0.5, 0.5], [0.25, 0.75], [0.75, 0.25]])
    >>> round(metrics.accuracy, 3), round(metrics.recall, 3)
    (0.667, 0.75)
    >>> metrics.confusion
    array([[1, 0],
           [1, 1]])
    """
    from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support

    labels, probabilities = np.asarray(labels), np.asarray(probabilities, "float64")
    if probabilities.ndim == 0 or labels.shape != probabilities.shape[:-1] or not labels.size:
        raise ValueError(
            "Expected labels, at least one, and probabilities of the same shape with an axis of classes more. "
            f"Received: labels.shape={labels.shape}, probabilities.shape={probabilities.shape}"
        )
    classes = np.arange(probabilities.shape[-1])
    if not np.isin(labels, classes).all():
        raise ValueError(
            f"Expected labels from 0 to {len(classes) - 1}. Received: {labels[~np.isin(labels, classes)][0]}"
        )
    labels, probabilities = labels.ravel(), probabilities.reshape(-1, len(classes))
    told = probabilities.argmax(axis=-1)
    precision, recall, f1, _ = precision_recall_fscore_support(labels, told, average="macro", zero_division=0)
    # Probabilities of a float32 softmax add up to 1 but for rounding.
    loss = log_loss(labels, probabilities / probabilities.sum(axis=-1, keepdims=True), labels=classes)
    confusion = confusion_matrix(labels, told, labels=classes)
    return Classification(
        float(loss), float(accuracy_score(labels, told)), float(precision), float(recall), float(f1), confusion
    )


def regression_metrics(expected, predicted):
    """Compare true numbers with those that a model predicts.

    Args:
        expected: The true numbers, of any shape.
        predicted: What a model says they are, in the same shape.

    Returns:
        The metrics, as `Regression`.

    Raises:
        ValueError: If the shapes differ, or there is nothing to compare.

    Example:

    >>> regression_metrics([1.0, 2.0], [1.0, 4.0])
    Regression(mse=2.0, mae=1.0)
    """
    from sklearn.metrics import mean_absolute_error, mean_squared_error

    expected, predicted = np.asarray(expected), np.asarray(predicted)
    if expected.shape != predicted.shape or not expected.size:
        raise ValueError(
            "Expected two arrays of the same shape with at least one number. "
            f"Received: expected.shape={expected.shape}, predicted.shape={predicted.shape}"
        )
    expected, predicted = expected.ravel(), predicted.ravel()
    return Regression(float(mean_squared_error(expected, predicted)), float(mean_absolute_error(expected, predicted)))
