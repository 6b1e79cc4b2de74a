"""Sums of the products of two arrays, without an array of all the products, which would be as large as the scores.

So it is for float64, whose rows `numpy.matmul` sums at once. An array that carries a bound has a rule for ``*`` and one
for ``sum``; of longdouble, ``sum`` is more accurate, as it sums in pairs.

What overflowed has no part in a sum where it is multiplied by 0.
"""

import numpy as np

from reference.broadcasting import sum_to_shape
from reference.inputs import Array, all_of


def dot_rows(a: Array, b: Array) -> Array:
    """Return ``np.sum(a * b, axis=-1, keepdims=True)`` of two arrays whose last axes are alike.

    Examples
    --------
    >>> dot_rows(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 1.0], [0.0, 1.0]]))
    array([[3.],
           [4.]])
    """
    if _are_float64(a, b):
        products: Array = (a[..., None, :] @ b[..., :, None])[..., 0]
        return products
    return np.sum(a * b, axis=-1, keepdims=True)


def sum_products_to_shape(a: Array, b: Array, shape: tuple[int, ...]) -> Array:
    """Return ``sum_to_shape(a * b, shape)``, by `dot_rows` if the last axis is among those that are summed.

    Where ``a`` is 0, ``b`` may be infinite or NaN, and counts as 0.

    Examples
    --------
    >>> sum_products_to_shape(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 1.0], [0.0, 1.0]]), (1, 1))
    array([[7.]])
    """
    total = _sum_products_to_shape(a, b, shape)
    if not all_of(np.isfinite(total)):
        total = _sum_products_to_shape(a, finite_beside_zeros(b, a), shape)
    return total


def finite_beside_zeros(array: Array, factor: Array) -> Array:
    """Return ``array`` with 0 for what is not finite where the factor is 0: infinity times 0 is NaN.

    So it is where a key or a value is hidden and so large that a product with it overflowed. Its weight is 0, and so is
    its part in every gradient. If all is finite, it is the array itself.

    Examples
    --------
    >>> finite_beside_zeros(np.array([3.0, 4.0, np.inf, np.inf]), np.array([1.0, 0.0, 0.0, 1.0]))
    array([ 3.,  4.,  0., inf])
    """
    finite = np.isfinite(array)
    return array if all_of(finite) else np.where(finite | (factor != 0), array, 0.0)


def _sum_products_to_shape(a: Array, b: Array, shape: tuple[int, ...]) -> Array:
    if _are_float64(a, b) and (not shape or shape[-1] != a.shape[-1]):
        return sum_to_shape(dot_rows(a, b), shape)
    return sum_to_shape(a * b, shape)


def _are_float64(a: Array, b: Array) -> bool:
    return type(a) is type(b) is np.ndarray and a.dtype == b.dtype == np.float64
