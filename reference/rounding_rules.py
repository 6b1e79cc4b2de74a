"""How far rounding can carry each operation astray: one rule an operation.

Every rule takes arrays of which it is known how far off a machine may have them, and the machine's
arithmetic; it returns the result with its own bound. `reference.rounding` puts them behind NumPy's
operators. Higham, "Accuracy and Stability of Numerical Algorithms" (2002), chapters 2 and 3.
"""

import numpy as np

from reference.inputs import Array, refuse
from reference.rounding_model import EXP_LIMIT, Arithmetic, Tracked, float64, quantum, single
from reference.rounding_softmax import average_error, normalize

ELEMENTARY = 8  # unit roundoffs (4 ulp) that exp and tanh of a vectorized library may err by


def add(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A sum. Its operands may be sums, and all their terms added up in any order.

    Then each term of one takes part in as many more roundings as the other has terms.
    """
    value = a.value + b.value
    hidden = ~np.isfinite(value)
    magnitude = np.where(hidden, 0.0, a.magnitude + b.magnitude)
    step = np.minimum(a.step, b.step)
    representable = (magnitude * machine.unit_roundoff <= step) & _clear_of_underflow(step, machine)
    exact = hidden | (a.exact & b.exact & representable)
    fused = b.terms * (a.magnitude + a.loose) + a.terms * (b.magnitude + b.loose)
    loose = a.loose + b.loose + machine.unit_roundoff * fused + machine.underflow
    loose = np.where(hidden | (a.absent & b.absent), 0.0, loose)
    return Tracked(value, loose, exact, magnitude, step, a.terms + b.terms)


def subtract(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A difference of finished numbers. If ``b`` is the largest of each row of ``a``, its error is common to the row.

    Then three unit roundoffs, as exponentials to base 2 multiply it by a constant, itself rounded.
    """
    difference = add(_finished(a), _finished(negative(b, machine)), machine)
    if b.maximum_of is not a:
        return difference
    finite = np.isfinite(difference.value)
    distance = np.where(finite, float64(np.abs(difference.value)), 0.0) + a.error + b.error
    row_error = np.where(finite, a.error + 3 * machine.unit_roundoff * distance, 0.0)
    return difference._replace(row_error=row_error)


def negative(a: Tracked, machine: Arithmetic) -> Tracked:
    """A change of sign, which is exact."""
    return Tracked(-a.value, a.loose, a.exact, a.magnitude, a.step, a.terms)


def multiply(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A product. If one is a sum, the other may have been multiplied into its terms.

    Twice the unit roundoff, as a root of the scale may be applied to both sides of a product.
    """
    value = a.value * b.value
    magnitude = a.magnitude * b.magnitude
    step = _product(a.step, b.step)
    exact = a.exact & b.exact & (magnitude * machine.unit_roundoff <= step)
    absent = a.absent | b.absent
    exact = (exact & _clear_of_underflow(step, machine)) | absent
    carried = a.loose * (float64(np.abs(b.value)) + b.loose) + float64(np.abs(a.value)) * b.loose
    loose = carried + 2 * machine.unit_roundoff * (magnitude + carried) + machine.underflow
    return Tracked(value, np.where(absent, 0.0, loose), exact, magnitude, step, np.maximum(a.terms, b.terms))


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
    return single(value, np.where(a.absent, 0.0, loose), a.absent, magnitude)


def exp(a: Tracked, machine: Arithmetic) -> Tracked:
    """An exponential. exp(-inf) is exactly 0."""
    value = np.exp(a.value)
    hidden = a.value == -np.inf
    size = float64(value)
    with np.errstate(over="ignore", invalid="ignore"):
        largest = np.exp(float64(a.value) + a.error)
        carried = np.where(a.value > -EXP_LIMIT, size * np.expm1(a.error), largest)
    loose = carried + ELEMENTARY * machine.unit_roundoff * (size + carried) + machine.underflow
    row_error = None if a.row_error is None else a.row_error + ELEMENTARY * machine.unit_roundoff
    result = single(value, np.where(hidden, 0.0, loose), hidden, size)
    return result._replace(row_error=row_error, exponent=a.value)


def tanh(a: Tracked, machine: Arithmetic) -> Tracked:
    """A hyperbolic tangent, steepest at the point of the error's interval that is nearest to 0."""
    value = np.tanh(a.value)
    nearest = np.maximum(float64(np.abs(a.value)) - a.error, 0.0)
    steepness = 1 / np.square(np.cosh(np.minimum(nearest, EXP_LIMIT / 2)))
    size = float64(np.abs(value))
    carried = np.minimum(a.error * steepness, 1 + size)
    loose = carried + ELEMENTARY * machine.unit_roundoff * (size + carried)
    return single(value, np.where(a.absent, 0.0, loose + machine.underflow), a.absent, size)


def matmul(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """Dot products of length n, added up in any order, with or without fused multiply-add.

    The rounding of one, to nearest and clear of underflow, is at most ``n u |a| |b|``: Jeannerod and Rump, "Improved
    Error Bounds for Inner Products in Floating-Point Arithmetic", SIAM J. Matrix Anal. Appl. 34 (2013). Two
    more are for terms that are scaled before they are added, as an online softmax does.
    """
    if b.value.ndim < 2:
        refuse("matmul", "a right operand with at least two axes", b.value.shape)
    value = a.value @ b.value
    n = float64(~a.absent) @ float64(~b.absent)
    magnitude = a.size @ b.size
    carried = a.error @ float64(np.abs(b.value)) + a.size @ b.error
    rounding = (n + 2) * machine.unit_roundoff * magnitude + n * machine.underflow
    step = _product(quantum(a.value, axis=-1), quantum(b.value, axis=-2)).reshape(value.shape)
    exact = (a.exact.all(axis=-1, keepdims=True) & b.exact.all(axis=-2, keepdims=True)).reshape(value.shape)
    exact = exact & (magnitude * machine.unit_roundoff <= step) & _clear_of_underflow(step, machine)
    loose = carried + rounding
    if a.convex:
        loose = np.minimum(loose, average_error(a, b, value, machine))
    return Tracked(value, np.where(n == 0, 0.0, loose), exact | (n == 0), magnitude, step, np.maximum(n, 1))


def sum_along(a: Tracked, machine: Arithmetic, axis: int | tuple[int, ...] | None, keepdims: bool) -> Tracked:
    """A sum along axes, in any order; of sums that are finished, not of all their terms as one."""

    def summed(array: Array) -> Array:
        return np.sum(array, axis=axis, keepdims=keepdims)

    value = summed(a.value)
    additions = np.maximum(summed(float64(~a.absent)) - 1, 0)
    magnitude = summed(a.magnitude)
    step = np.min(a.step, axis=axis, keepdims=keepdims, initial=np.inf)
    representable = (magnitude * machine.unit_roundoff <= step) & _clear_of_underflow(step, machine)
    exact = np.all(a.exact, axis=axis, keepdims=keepdims) & representable
    carried = summed(a.loose)
    rounding = machine.unit_roundoff * (magnitude + carried) + machine.underflow
    loose = carried + np.where(additions == 0, 0.0, np.maximum(additions, 1) * rounding)
    terms = np.maximum(additions + 1, np.max(a.terms, axis=axis, keepdims=keepdims, initial=1))
    result = Tracked(value, loose, exact, magnitude, step, terms)
    return result._replace(sum_of=a if _is_of_rows(a, axis, keepdims) else None)


def maximum_along(a: Tracked, axis: int | tuple[int, ...] | None, keepdims: bool, initial: float) -> Tracked:
    """The largest along axes, which is off by no more than the worst of them."""
    value = np.max(a.value, axis=axis, keepdims=keepdims, initial=initial)
    error = np.max(a.error, axis=axis, keepdims=keepdims, initial=0.0)
    size = np.where(value == initial, 0.0, float64(np.abs(value)))
    return single(value, error, error == 0, size)._replace(maximum_of=a if _is_of_rows(a, axis, keepdims) else None)


def select(condition: Array, a: Tracked, b: Tracked) -> Tracked:
    """Elements of one or the other, which is exact. A sum stays one if only zeros are replaced."""
    value, loose, exact, magnitude, step, terms = (np.where(condition, x, y) for x, y in zip(a[:6], b[:6]))
    sum_of = a.sum_of if np.all(condition | (a.value == 0)) else None
    sum_of = b.sum_of if np.all(~condition | (b.value == 0)) else sum_of
    return Tracked(value, loose, exact, magnitude, step, terms, sum_of=sum_of)


def _finished(a: Tracked) -> Tracked:
    """The same number, into whose sum nothing more is fused."""
    return a._replace(terms=np.ones(np.shape(a.value)))


def _is_of_rows(a: Tracked, axis: int | tuple[int, ...] | None, keepdims: bool) -> bool:
    return keepdims and axis in (-1, a.value.ndim - 1)


def _product(a: Array, b: Array) -> Array:
    """``a * b``, but 0 where one is 0 (nothing is known) and the other infinite."""
    with np.errstate(invalid="ignore"):
        return np.where((a == 0) | (b == 0), 0.0, a * b)


def _clear_of_underflow(step: Array, machine: Arithmetic) -> Array:
    return step >= machine.underflow
