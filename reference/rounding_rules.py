"""How far rounding can carry each operation astray: one rule an operation.

Every rule takes arrays of which it is known how far off a machine may have them, and the machine's
arithmetic; it returns the result with its own bound. `reference.rounding` puts them behind NumPy's
operators. The model is the standard one: an operation returns its exact result times ``1 + delta``,
``|delta| <= u``. Higham, "Accuracy and Stability of Numerical Algorithms" (2002), chapters 2 and 3.
"""

from typing import NamedTuple

import numpy as np

from reference.inputs import Array

ELEMENTARY = 8  # unit roundoffs (4 ulp) that exp and tanh of a vectorized library may err by
EXP_LIMIT = 700.0  # beyond it exp overflows; a bound that large says no more than infinity does


class Arithmetic(NamedTuple):
    """What a machine's floating-point numbers can do."""

    unit_roundoff: float  # half the distance from 1 to the next number
    underflow: float  # what a result too small to represent may be off by


class Tracked(NamedTuple):
    """An array, and how far off a machine may have it.

    A machine may have any number within ``error`` of ``value``. Where ``exact``, every way of
    computing that is covered gives the same number and the error is 0; ``loose`` is the error that
    there would be had it been rounded, and comes back as soon as a sum that a machine may fuse
    with this one is not exact. ``magnitude`` is the sum of the absolute values of the terms that
    were added up, which is what the rounding of sums goes by, whatever their order.
    """

    value: Array
    loose: Array
    exact: Array
    magnitude: Array
    row_error: Array | None = None  # the error but for what a row has in common: an addend; after exp, a factor
    maximum_of: "Tracked | None" = None
    sum_of: "Tracked | None" = None
    convex: bool = False  # rows of weights that sum to 1

    @property
    def error(self) -> Array:
        return np.where(self.exact, 0.0, self.loose)

    @property
    def absent(self) -> Array:
        """Where a machine has exactly 0 for sure, as at hidden positions: what is multiplied by it costs nothing."""
        return (self.value == 0) & (self.loose == 0)

    @property
    def size(self) -> Array:
        """The largest absolute value that the machine may have."""
        return _float64(np.abs(self.value)) + self.error


def track(value: Array, machine: Arithmetic) -> Tracked:
    """An input: exact if the machine can represent it, else rounded to the nearest number it can.

    A number that the machine computes itself, such as ``d_k ** -0.5``, is good to twice that.
    """
    magnitude = np.where(np.isfinite(value), _float64(np.abs(value)), 0.0)
    exact = magnitude * machine.unit_roundoff <= quantum(value)
    return Tracked(value, 2 * machine.unit_roundoff * magnitude, exact, magnitude)


def quantum(value: Array, axis: int | None = None) -> Array:
    """The largest power of two that each element is a multiple of, or all along an axis are.

    Infinity for 0, a multiple of everything; 0 for a number that float64 cannot hold.
    """
    narrow = np.where(np.isfinite(value), _float64(value), 0.0)
    fraction, exponent = np.frexp(narrow)
    integer = np.ldexp(fraction, 53).astype(np.int64)
    powers = np.where(integer == 0, np.inf, np.ldexp((integer & -integer).astype(float), exponent - 53))
    powers = np.where(narrow == np.where(np.isfinite(value), value, 0.0), powers, 0.0)
    return powers if axis is None else np.min(powers, axis=axis, keepdims=True, initial=np.inf)


def add(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A sum. It may be fused into the sums that its operands are, in any order."""
    value = a.value + b.value
    hidden = ~np.isfinite(value)
    magnitude = np.where(hidden, 0.0, a.magnitude + b.magnitude)
    step = np.minimum(quantum(a.value), quantum(b.value))
    exact = hidden | (a.exact & b.exact & (magnitude * machine.unit_roundoff <= step))
    loose = a.loose + b.loose + machine.unit_roundoff * magnitude + machine.underflow
    return Tracked(value, np.where(hidden | (a.absent & b.absent), 0.0, loose), exact, magnitude)


def subtract(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A difference. If ``b`` is the largest of each row of ``a``, its error is common to the row.

    Twice the unit roundoff, as exponentials to base 2 and a running maximum round it once more.
    """
    difference = add(a, negative(b, machine), machine)
    if b.maximum_of is not a:
        return difference
    finite = np.isfinite(difference.value)
    distance = np.where(finite, _float64(np.abs(difference.value)), 0.0) + a.error + b.error
    row_error = np.where(finite, a.error + 2 * machine.unit_roundoff * distance, 0.0)
    return difference._replace(row_error=row_error)


def negative(a: Tracked, machine: Arithmetic) -> Tracked:
    """A change of sign, which is exact."""
    return Tracked(-a.value, a.loose, a.exact, a.magnitude)


def multiply(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A product. If one is a sum, the other may have been multiplied into its terms.

    Twice the unit roundoff, as a root of the scale may be applied to both sides of a product.
    """
    value = a.value * b.value
    magnitude = a.magnitude * b.magnitude
    step = _product(quantum(a.value), quantum(b.value))
    exact = a.exact & b.exact & (magnitude * machine.unit_roundoff <= step)
    absent = a.absent | b.absent
    exact = (exact & _clear_of_underflow(step, machine)) | absent
    carried = a.loose * (_float64(np.abs(b.value)) + b.loose) + _float64(np.abs(a.value)) * b.loose
    loose = carried + 2 * machine.unit_roundoff * (magnitude + carried) + machine.underflow
    return Tracked(value, np.where(absent, 0.0, loose), exact, magnitude)


def square(a: Tracked, machine: Arithmetic) -> Tracked:
    """A product with itself."""
    return multiply(a, a, machine)


def divide(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """A quotient. Exponentials divided by their own sum are weights, for which there is a sharper rule."""
    if b.sum_of is a and a.row_error is not None:
        return _normalize(a, b, a.row_error, machine)
    value = a.value / b.value
    least = np.maximum(_float64(np.abs(b.value)) - b.error, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        carried = (a.error + _float64(np.abs(value)) * b.error) / least
    carried = np.where(np.isnan(carried), np.inf, carried)
    loose = carried + 2 * machine.unit_roundoff * (_float64(np.abs(value)) + carried) + machine.underflow
    magnitude = a.magnitude / np.where(least == 0, np.finfo(float).tiny, least)
    return Tracked(value, np.where(a.absent, 0.0, loose), a.absent, magnitude)


def _normalize(exponentials: Tracked, total: Tracked, row_error: Array, machine: Arithmetic) -> Tracked:
    """Weights. What a row has in common cancels, and no weight leaves the interval from 0 to 1.

    With ``p`` the weights, a machine's is at most ``p exp(e) / (p exp(e) + rest)``, where ``rest`` sums the
    other weights, each at its least; its own least is found likewise. The differences from ``p`` are
    written so that nothing cancels.
    """
    weights = exponentials.value / total.value
    p = _float64(weights)
    visible = exponentials.loose > 0
    e = np.minimum(row_error, EXP_LIMIT)
    others = 1.0 - np.eye(p.shape[-1])
    rest, least_rest, most_rest = p @ others, (p * np.exp(-e)) @ others, (p * np.exp(e)) @ others
    fallen, risen = (p * -np.expm1(-e)) @ others, (p * np.expm1(e)) @ others
    with np.errstate(invalid="ignore"):
        above = p * (rest * np.expm1(e) + fallen) / (p * np.exp(e) + least_rest)
        below = p * (risen - rest * np.expm1(-e)) / (p * np.exp(-e) + most_rest)
    carried = np.where(p > 0, np.minimum(np.maximum(above, below), 1.0), 0.0)
    terms = np.sum(visible, axis=-1, keepdims=True)
    rounding = (p + carried) * ((terms + 3) * machine.unit_roundoff + terms * machine.underflow)
    vanished = 2 * machine.underflow  # as an exponential, and as a weight
    return Tracked(weights, np.where(visible, carried + rounding + vanished, 0.0), ~visible, p, convex=True)


def exp(a: Tracked, machine: Arithmetic) -> Tracked:
    """An exponential. exp(-inf) is exactly 0."""
    value = np.exp(a.value)
    hidden = a.value == -np.inf
    size = _float64(value)
    carried = size * np.expm1(np.minimum(a.error, EXP_LIMIT))
    loose = carried + ELEMENTARY * machine.unit_roundoff * (size + carried)
    loose = np.where(hidden, 0.0, loose + machine.underflow)
    row_error = None if a.row_error is None else a.row_error + np.where(hidden, 0.0, ELEMENTARY * machine.unit_roundoff)
    return Tracked(value, loose, hidden, size, row_error=row_error)


def tanh(a: Tracked, machine: Arithmetic) -> Tracked:
    """A hyperbolic tangent, steepest at the point of the error's interval that is nearest to 0."""
    value = np.tanh(a.value)
    nearest = np.maximum(_float64(np.abs(a.value)) - a.error, 0.0)
    steepness = 1 / np.square(np.cosh(np.minimum(nearest, EXP_LIMIT / 2)))
    size = _float64(np.abs(value))
    carried = np.minimum(a.error * steepness, 1 + size)
    loose = carried + ELEMENTARY * machine.unit_roundoff * (size + carried)
    return Tracked(value, np.where(a.absent, 0.0, loose + machine.underflow), a.absent, size)


def matmul(a: Tracked, b: Tracked, machine: Arithmetic) -> Tracked:
    """Dot products of length n, added up in any order, with or without fused multiply-add.

    The rounding of one is at most ``n u |a| |b|``: Jeannerod and Rump, "Improved Error Bounds for Inner
    Products in Floating-Point Arithmetic", SIAM J. Matrix Anal. Appl. 34 (2013). Two more are for terms that are
    scaled before they are added, as an online softmax does.
    """
    value = a.value @ b.value
    n = _float64(~a.absent) @ _float64(~b.absent)
    magnitude = a.size @ b.size
    carried = a.error @ _float64(np.abs(b.value)) + a.size @ b.error
    rounding = (n + 2) * machine.unit_roundoff * magnitude + n * machine.underflow
    step = _product(quantum(a.value, axis=-1), quantum(b.value, axis=-2))
    exact = a.exact.all(axis=-1, keepdims=True) & b.exact.all(axis=-2, keepdims=True)
    exact = exact & (magnitude * machine.unit_roundoff <= step) & _clear_of_underflow(step, machine)
    loose = carried + rounding
    if a.convex:
        loose = np.minimum(loose, _average_error(a, b, value, machine))
    return Tracked(value, np.where(n == 0, 0.0, loose), exact | (n == 0), magnitude)


def _average_error(weights: Tracked, b: Tracked, average: Array, machine: Arithmetic) -> Array:
    """The error of weighted averages, by how far the averaged values lie from their average.

    As the weights sum to 1 whatever their errors are, a value common to all of them costs nothing; and
    no average leaves the interval of the visible values.
    """
    center = _float64(average)
    visible = weights.loose > 0
    shape = center.shape
    spread, size, largest_error, carried = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for s in range(weights.value.shape[-1]):  # a key at a time, lest (..., T, S, d_v) be held at once
        value, error = _float64(b.value[..., s : s + 1, :]), b.error[..., s : s + 1, :]
        seen = visible[..., :, s : s + 1]
        distance = np.where(seen, np.abs(value - center), 0.0)
        spread = np.maximum(spread, distance)
        size = np.maximum(size, np.where(seen, np.abs(value) + error, 0.0))
        largest_error = np.maximum(largest_error, np.where(seen, error, 0.0))
        carried = carried + weights.error[..., :, s : s + 1] * distance
    terms = np.sum(visible, axis=-1, keepdims=True)
    sum_error = (terms + 4) * machine.unit_roundoff + terms * machine.underflow
    rounding = ((terms + 2) * machine.unit_roundoff + sum_error) * size + terms * machine.underflow
    return np.minimum(carried, spread) + largest_error + sum_error * np.abs(center) + rounding


def sum_along(a: Tracked, machine: Arithmetic, axis: int | tuple[int, ...] | None, keepdims: bool) -> Tracked:
    """A sum along axes, in any order, fused or not with the sums that its terms are."""

    def summed(array: Array) -> Array:
        return np.sum(array, axis=axis, keepdims=keepdims)

    value = summed(a.value)
    additions = np.maximum(summed(_float64(~a.absent)) - 1, 0)
    magnitude = summed(a.magnitude)
    step = np.min(quantum(a.value), axis=axis, keepdims=keepdims, initial=np.inf)
    exact = np.all(a.exact, axis=axis, keepdims=keepdims) & (magnitude * machine.unit_roundoff <= step)
    carried = summed(a.loose)
    loose = carried + additions * (machine.unit_roundoff * (magnitude + carried) + machine.underflow)
    return Tracked(value, loose, exact, magnitude, sum_of=a if axis in (-1, a.value.ndim - 1) else None)


def maximum_along(a: Tracked, axis: int | tuple[int, ...] | None, keepdims: bool, initial: float) -> Tracked:
    """The largest along axes, which is off by no more than the worst of them."""
    value = np.max(a.value, axis=axis, keepdims=keepdims, initial=initial)
    error = np.max(a.error, axis=axis, keepdims=keepdims, initial=0.0)
    size = np.where(value == initial, 0.0, _float64(np.abs(value)))
    return Tracked(value, error, error == 0, size, maximum_of=a if axis in (-1, a.value.ndim - 1) else None)


def select(condition: Array, a: Tracked, b: Tracked) -> Tracked:
    """Elements of one or the other, which is exact."""
    fields = (np.where(condition, x, y) for x, y in zip(a[:4], b[:4]))
    return Tracked(*fields, sum_of=a.sum_of or b.sum_of)


def _float64(array: Array) -> Array:
    return np.asarray(array, dtype=np.float64)


def _product(a: Array, b: Array) -> Array:
    """``a * b``, but 0 where one is 0 (nothing is known) and the other infinite."""
    with np.errstate(invalid="ignore"):
        return np.where((a == 0) | (b == 0), 0.0, a * b)


def _clear_of_underflow(step: Array, machine: Arithmetic) -> Array:
    return step >= machine.underflow
