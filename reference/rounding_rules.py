"""How far rounding can carry each operation astray: one rule an operation.

Every rule takes arrays of which it is known how far off a machine may have them, and the machine's
arithmetic; it returns the result with its own bound. `reference.rounding` puts them behind NumPy's
operators. Higham, "Accuracy and Stability of Numerical Algorithms" (2002), chapters 2 and 3.
"""

from typing import Any

import numpy as np

from reference import rounding_averages as averages
from reference.inputs import Array, refuse
from reference.rounding_model import (
    EXP_LIMIT,
    EXPONENTIAL,
    LARGEST_STEP,
    TANGENT,
    Arithmetic,
    Tracked,
    by_its_root,
    float64,
    known,
    rounded,
    rounded_twice,
)
from reference.rounding_sigmoid import by_either_form
from reference.rounding_softmax import normalize


def add(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A sum. Its operands may be sums, and all their terms added up in any order.

    Then each term of one takes part in as many more roundings as the other has terms.
    """
    value = a.value + b.value
    magnitude = a.magnitude + b.magnitude
    fused = b.terms * (a.magnitude + a.loose) + a.terms * (b.magnitude + b.loose)
    loose = a.loose + b.loose + machine.unit_roundoff * fused + machine.underflow
    if not value.all() or not np.isfinite(value).all():
        loose = np.where((a.absent & b.absent) | (value == -np.inf), 0.0, loose)
    step = None if a.step is None or b.step is None else np.minimum(a.step, b.step)
    total = known(value, loose, magnitude, step, a.terms + b.terms, machine)
    return total if b.exponent is None or not np.all(a.value == 1) else total._replace(one_more_than=b)


def subtract(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A difference of finished numbers. If ``b`` is the largest of each row of ``a``, its error is common to the row.

    Then three unit roundoffs, as exponentials to base 2 multiply it by a constant, itself rounded. A machine that takes
    the logarithm of the sum from a score instead of dividing by the sum rounds at the size of both.
    """
    difference = add(_finished(a), _finished(negative(b, machine)), machine)
    if b.mean is not None and b.mean.d_weights is a:
        return difference._replace(mean=b.mean)
    if b.maximum_of is not a:
        return difference
    finite = np.isfinite(difference.value)
    distance = np.where(finite, float64(np.abs(difference.value)), 0.0) + a.error + b.error
    own_error = difference.loose if machine.log_sum_exp else a.error
    row_error = np.where(finite, own_error + 3 * machine.unit_roundoff * distance, 0.0)
    return difference._replace(row_error=row_error)


def negative(a: Tracked, machine: Arithmetic) -> Tracked:
    """A change of sign, which is exact."""
    return Tracked(-a.value, a.error, a.loose, a.magnitude, a.step, a.terms)


def multiply(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A product, of which one operand may be a scale whose root is applied to both sides of what it multiplies."""
    product = _product(by_its_root(a, machine), by_its_root(b, machine), machine)
    return averages.multiplied(a, b, product, machine)


def _product(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A product. If one is a sum, the other may have been multiplied into its terms; if both are, both are finished.

    Rounded twice, as both sides of a product are where each is multiplied by the root of a scale.
    """
    value = a.value * b.value
    of_a, of_b = float64(np.abs(a.value)), float64(np.abs(b.value))
    magnitude, terms = a.magnitude * b.magnitude, np.maximum(a.terms, b.terms)
    if a.gradient is not None or b.gradient is not None:
        sums = np.minimum(a.terms, b.terms) > 1
        magnitude, terms = np.where(sums, of_a * of_b, magnitude), np.where(sums, 1.0, terms)
    carried = a.loose * (of_b + b.loose) + of_a * b.loose
    loose = carried + rounded_twice(magnitude + carried, machine) + machine.underflow
    step = None if a.step is None or b.step is None else np.minimum(a.step * b.step, LARGEST_STEP)
    if not value.all():
        absent = a.absent | b.absent
        loose, step = np.where(absent, 0.0, loose), None if step is None else np.where(absent, LARGEST_STEP, step)
    return known(value, loose, magnitude, step, terms, machine)


def square(a: Tracked, machine: Arithmetic) -> Tracked:
    """A product with itself."""
    return multiply(a, a, machine)


def divide(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A quotient. Exponentials divided by their own sum are weights, for which there is a sharper rule."""
    if b.sum_of is a and a.exponent is not None and a.row_error is not None:
        return normalize(a, b, a.row_error, a.exponent, machine)
    value = a.value / b.value
    least = np.maximum(float64(np.abs(b.value)) - b.error, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        carried = (a.error + float64(np.abs(value)) * b.error) / least
    carried = np.where(np.isnan(carried), np.inf, carried)
    loose = carried + 2 * machine.unit_roundoff * (float64(np.abs(value)) + carried) + machine.underflow
    with np.errstate(over="ignore"):  # a divisor that may be 0 leaves no bound
        magnitude = a.magnitude / np.where(least == 0, np.finfo(float).tiny, least)
    quotient = rounded(value, np.where(a.absent, 0.0, loose), magnitude)
    return quotient if b.one_more_than is None else by_either_form(a, b.one_more_than, quotient, machine)


def exp(a: Tracked, machine: Arithmetic) -> Tracked:
    """An exponential. exp(-inf) is exactly 0."""
    value = np.exp(a.value)
    size = float64(value)
    with np.errstate(over="ignore", invalid="ignore"):
        carried = size * np.expm1(a.error)
        if (a.value <= -EXP_LIMIT).any():
            carried = np.where(a.value > -EXP_LIMIT, carried, np.exp(float64(a.value) + a.error))
        loose = carried + EXPONENTIAL * machine.unit_roundoff * (size + carried) + machine.underflow
    row_error = None if a.row_error is None else a.row_error - np.log1p(-EXPONENTIAL * machine.unit_roundoff)
    result = rounded(value, np.where(a.value == -np.inf, 0.0, loose), size)
    return result._replace(row_error=row_error, exponent=a.value)


def tanh(a: Tracked, machine: Arithmetic) -> Tracked:
    """A hyperbolic tangent, steepest at the point of the error's interval that is nearest to 0."""
    value = np.tanh(a.value)
    nearest = np.maximum(float64(np.abs(a.value)) - a.error, 0.0)
    steepness = 1 / np.square(np.cosh(np.minimum(nearest, EXP_LIMIT / 2)))
    size = float64(np.abs(value))
    carried = np.minimum(a.error * steepness, 1 + size)
    loose = carried + TANGENT * machine.unit_roundoff * (size + carried)
    return rounded(value, np.where(a.absent, 0.0, loose + machine.underflow), size)


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


def select(condition: Array, a: Tracked, b: Tracked) -> Tracked:
    """Elements of one or the other, which is exact. A sum stays one if only zeros are replaced."""
    sum_of = None
    if a.sum_of is not None and np.all(condition | (a.value == 0)):
        sum_of = a.sum_of
    if b.sum_of is not None and np.all(~condition | (b.value == 0)):
        sum_of = b.sum_of
    value, error, loose, magnitude, terms = (
        np.where(condition, getattr(a, name), getattr(b, name))
        for name in ("value", "error", "loose", "magnitude", "terms")
    )
    step = None
    if a.step is not None or b.step is not None:
        steps = np.where(condition, 0.0 if a.step is None else a.step, 0.0 if b.step is None else b.step)
        step = np.broadcast_to(steps, value.shape)  # as a condition may have fewer axes than what it chooses
    return Tracked(value, error, loose, magnitude, step, terms, sum_of=sum_of)


def _finished(a: Tracked) -> Tracked:
    """The same number, into whose sum nothing more is fused."""
    return Tracked(a.value, a.error, a.loose, float64(np.abs(a.value)), a.step, np.ones(np.shape(a.value)))


def _of_whole_rows(a: Tracked, axis: int | tuple[int, ...] | None) -> bool:
    return axis is None or a.value.ndim - 1 in np.atleast_1d(axis) % a.value.ndim


def _of_leading_axes(a: Tracked, axis: int | tuple[int, ...] | None) -> bool:
    """Whether axes are none of the last two, which are those of matrices."""
    axes = () if axis is None else (axis,) if isinstance(axis, int) else axis
    return bool(axes) and max(one % a.value.ndim for one in axes) < a.value.ndim - 2


def _is_of_rows(a: Tracked, axis: int | tuple[int, ...] | None, keepdims: bool) -> bool:
    return keepdims and axis in (-1, a.value.ndim - 1)
