"""How far rounding can carry what runs along an axis astray: products of matrices, sums, and the largest number.

`rounding_rules` has the operations on single numbers, and says what a rule is. Higham, "Accuracy and Stability of
Numerical Algorithms" (2002), chapter 3.
"""

from typing import Any

import numpy as np

from reference import rounding_averages as averages
from reference.inputs import Array, refuse
from reference.rounding_model import LARGEST_STEP, Arithmetic, Tracked, float64, known, rounded


def matmul(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """Dot products of length n, added up in any order, with or without fused multiply-add.

    There are sharper rules for rows of weights, and of the gradient of their logits.
    """
    if b.value.ndim < 2:
        refuse("matmul", "a right operand with at least two axes", b.value.shape)
    value = a.value @ b.value
    n = _meetings(a, b)
    of_a, of_b = float64(np.abs(a.value)), float64(np.abs(b.value))
    size = of_a + a.error
    magnitude = size @ (of_b + b.error)
    if a.softmax is not None:
        loose = averages.average_error(a, a.softmax, b, value, machine)
    else:
        from_b = size @ b.error
        carried = a.error @ of_b + from_b
        if a.gradient is not None:
            carried = np.fmin(carried, averages.gradient_error(a.gradient, b, value) + from_b)
        rounding = rounding_of_sum(n, magnitude, float64(np.abs(value)) + carried, machine)
        loose = carried + machine.unit_roundoff * magnitude + rounding
    step = None
    if a.step is not None and b.step is not None:
        of_rows = np.min(a.step, axis=-1, keepdims=True, initial=LARGEST_STEP)
        of_columns = np.min(b.step, axis=-2, keepdims=True, initial=LARGEST_STEP)
        step = np.minimum(of_rows * of_columns, LARGEST_STEP).reshape(value.shape)
    if not np.all(n):
        loose, step = np.where(n == 0, 0.0, loose), None if step is None else np.where(n == 0, LARGEST_STEP, step)
    return known(value, loose, magnitude, step, np.zeros(value.shape) + np.maximum(n, 1), machine)


def _meetings(a: Tracked, b: Tracked) -> Any:
    """How many terms each dot product has, but for those that are 0 for sure; a number if it is the same for all."""
    if a.value.all() and b.value.all():
        return a.value.shape[-1]
    return float64(~a.absent) @ float64(~b.absent)


def rounding_of_sum(n: Any, magnitude: Array, total: Array, machine: Arithmetic) -> Array:
    """The rounding of the ``n - 1`` additions of a sum, in any order; and what its terms may lose to underflow.

    Each rounds a sum of some of the terms. That is at most the sum of the positive ones or of the negative
    ones, of which the larger is half of ``magnitude + total``, the sums of the absolute values and of the
    values; but for the rounding so far, ``n`` unit roundoffs of the magnitude, and what scaling the terms adds to that.
    All in all no more than ``n - 1`` of the magnitude: Jeannerod and Rump, "Improved Error Bounds for
    Inner Products in Floating-Point Arithmetic", SIAM J. Matrix Anal. Appl. 34 (2013).
    """
    largest = np.minimum(magnitude, total / 2 + (0.5 + (n + 3) * machine.unit_roundoff) * magnitude)
    return (np.maximum(n - 1, 0) * machine.unit_roundoff) * largest + n * machine.underflow


def sum_along(a: Tracked, machine: Arithmetic, axis: int | tuple[int, ...] | None, keepdims: bool) -> Tracked:
    """A sum along axes, in any order; of sums that are finished, unless the axes are leading ones.

    Products of matrices that are summed over leading axes, as those of heads that share a key are, are one
    contraction, and all their terms may be added up as one sum.
    """

    def summed(array: Array) -> Array:
        return np.asarray(array.sum(axis=axis, keepdims=keepdims))

    with np.errstate(over="ignore", invalid="ignore"):  # the bound of a large exponential is infinite
        value, size = summed(a.value), summed(a.size)
        n, carried = summed(~a.absent), summed(a.loose)
        if a.factors is not None and _of_whole_rows(a, axis):
            of_rows, b = a.factors
            carried = summed(averages.products_error(a, of_rows, b, machine))
            size = np.maximum(size, summed(of_rows.size * b.magnitude))
            n = np.maximum(n, summed(np.broadcast_to(b.terms, a.value.shape) / a.value.shape[-1]))
        total = float64(np.abs(value)) + carried
        rounding, terms = rounding_of_sum(n, size, total, machine), n
        if _of_leading_axes(a, axis) and np.any(a.terms > 1):
            terms = summed(np.where(a.absent, 0.0, a.terms))
            rounding = np.maximum(rounding, rounding_of_sum(terms, summed(a.magnitude + a.loose), total, machine))
        loose = carried + np.where(n > 1, rounding, 0.0)
    step = None if a.step is None else np.min(a.step, axis=axis, keepdims=keepdims, initial=LARGEST_STEP)
    terms = np.maximum(terms, np.max(a.terms, axis=axis, keepdims=keepdims, initial=1))
    result = known(value, loose, summed(a.magnitude), step, terms, machine)
    if not _is_of_rows(a, axis, keepdims):
        return result
    return averages.summed(a, result, machine)


def maximum_along(a: Tracked, axis: int | tuple[int, ...] | None, keepdims: bool, initial: float) -> Tracked:
    """The largest along axes, which is off by no more than the worst of them."""
    value = np.max(a.value, axis=axis, keepdims=keepdims, initial=initial)
    error = np.max(a.error, axis=axis, keepdims=keepdims, initial=0.0)
    size = np.where(value == initial, 0.0, float64(np.abs(value)))
    return rounded(value, error, size)._replace(maximum_of=a if _is_of_rows(a, axis, keepdims) else None)


def _of_whole_rows(a: Tracked, axis: int | tuple[int, ...] | None) -> bool:
    return axis is None or a.value.ndim - 1 in np.atleast_1d(axis) % a.value.ndim


def _of_leading_axes(a: Tracked, axis: int | tuple[int, ...] | None) -> bool:
    """Whether axes are none of the last two, which are those of matrices."""
    axes = () if axis is None else (axis,) if isinstance(axis, int) else axis
    return bool(axes) and max(one % a.value.ndim for one in axes) < a.value.ndim - 2


def _is_of_rows(a: Tracked, axis: int | tuple[int, ...] | None, keepdims: bool) -> bool:
    return keepdims and axis in (-1, a.value.ndim - 1)
