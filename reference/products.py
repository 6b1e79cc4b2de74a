"""Sums of the products of two arrays, without an array of all the products, which would be as large as the scores.

What carries a bound has rules for a product and for a sum: for that, these are what they stand for.
"""

import numpy as np

from reference.broadcasting import sum_to_shape
from reference.inputs import Array


def dot_rows(a: Array, b: Array) -> Array:
    """Return ``np.sum(a * b, axis=-1, keepdims=True)`` of two arrays of one shape.

    Examples
    --------
    >>> dot_rows(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 1.0], [0.0, 1.0]]))
    array([[3.],
           [4.]])
    """
    if _are_plain(a, b):
        return np.asarray(np.einsum("...i,...i->...", a, b))[..., None]
    return np.sum(a * b, axis=-1, keepdims=True)


def sum_products_to_shape(a: Array, b: Array, shape: tuple[int, ...]) -> Array:
    """Return ``sum_to_shape(a * b, shape)`` of two arrays of one shape.

    Where the last axis is not summed, there are as many products left as there were.

    Examples
    --------
    >>> sum_products_to_shape(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 1.0], [0.0, 1.0]]), (1, 1))
    array([[7.]])
    """
    if _are_plain(a, b) and (not shape or shape[-1] != a.shape[-1]):
        return sum_to_shape(dot_rows(a, b), shape)
    return sum_to_shape(a * b, shape)


def _are_plain(a: Array, b: Array) -> bool:
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
