"""The leading axes of a golden case as one batch, and back."""

from math import prod

import numpy as np

from parity_tests import strategies
from reference.concepts import concept_of


def leading(case):
    """The leading axes of a case's results."""
    weights = case.expected["weights"]
    return weights.shape[: weights.ndim - len(concept_of(case.inputs).results["weights"]) + 1]


def depth(case):
    """The depth of queries and keys."""
    return case.inputs["W_q" if "W_q" in case.inputs else "query"].shape[-1]


def flat(case, array, own, dtype):
    """An array with its leading axes as one batch, and whole; the last ``own`` axes stay.

    Numbers are of the dtype, booleans stay what they are.
    """
    if array is None:
        return None
    whole = np.broadcast_to(array, (*leading(case), *array.shape[array.ndim - own :]))
    whole = whole.reshape(prod(leading(case)), *array.shape[array.ndim - own :])
    return whole if whole.dtype == bool else as_dtype(whole, dtype)


def as_dtype(array, dtype):
    """An array of what is learned, in the dtype of that name."""
    return np.asarray(array).astype(strategies.numpy_dtype(dtype))


def in_shape(case, name, array):
    """A result in the shape of what is expected, if it has that shape but for its leading axes."""
    shape = case.expected[name].shape
    axes = len(leading(case))
    return array.reshape(shape) if array.shape == (prod(shape[:axes]), *shape[axes:]) else array


def shares(case, *names):
    """Whether one of these inputs has other leading axes than the results, whose gradients a layer would not sum."""
    axes = concept_of(case.inputs).inputs
    return any(case.inputs[name].shape[: 1 - len(axes[name])] != leading(case) for name in names)
