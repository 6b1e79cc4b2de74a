"""What is known of an array: its values, and how far off a machine may have them.

The model of a machine is the standard one: an operation returns its exact result times ``1 + delta``, where
``|delta| <= u``. Higham, "Accuracy and Stability of Numerical Algorithms" (2002), chapter 2.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np

from reference.inputs import Array

EXPONENTIAL = 8  # unit roundoffs (4 ulp) that exp of a vectorized library may err by,
TANGENT = 12  # and tanh (6 ulp)
EXP_LIMIT = 700.0  # exp(700) does not yet overflow, nor exp(-700) underflow
LARGEST_STEP = 2.0**400  # of which 0 is a multiple, as of everything; its square is a float64
FRACTION = np.int64(2**52 - 1)  # the bits of a float64 after the leading one


class Arithmetic(NamedTuple):
    """What a machine's floating-point numbers can do."""

    unit_roundoff: float  # half the distance from 1 to the next number
    underflow: float  # what a result too small to represent may be off by
    log_sum_exp: bool = False  # whether weights are exp(score - log_sum_exp), rounded at the size of the scores


class Softmax(NamedTuple):
    """Why weights are off: their exponents are, and normalizing them is rounded.

    A machine's weights are those of exponents that are off by ``exponent_error`` each, which moves a
    weight by ``moved`` at most and leaves the sum of a row 1, and of which each is then off by ``alone``.
    """

    exponent_error: Array
    moved: Array
    alone: Array


class Mean(NamedTuple):
    """A row's ``sum(d_weights * weights)``, and why it is off: as weights move, and by ``common`` besides."""

    d_weights: "Tracked"
    weights: "Tracked"
    moved: Array
    common: Array
    carried: Array  # of which this much from the error of each of d_weights


class RowGradient(NamedTuple):
    """A row ``weights * slope`` where the weighted mean of ``slope`` is 0, and why it is off.

    As weights move, the mean moves by ``mean_moved``; each slope is off by ``slope_error`` on its own,
    all of a row by the same number, up to ``common``; and each product by ``alone`` besides.
    """

    weights: "Tracked"
    softmax: Softmax
    slope: Array
    mean_moved: Array
    slope_error: Array
    common: Array
    alone: Array


class Tracked(NamedTuple):
    """An array, and how far off a machine may have it.

    A machine may have any number within ``error`` of ``value``. ``magnitude`` is the sum of the absolute
    values of the terms that were added up, which is what the rounding of sums goes by, whatever their
    order; ``terms`` is how many they are, and ``step`` a power of two that each of them is a multiple of.
    Where there is a step that is not 0, every way of computing that is covered gives the same number and
    the error is 0; ``loose`` is the error that there would be had it been rounded, and comes back as
    soon as a sum that a machine may fuse with this one is not exact.
    """

    value: Array
    error: Array
    loose: Array
    magnitude: Array
    step: Array | None
    terms: Array
    row_error: Array | None = None  # the error but for what a row has in common: an addend; after exp, a factor
    maximum_of: "Tracked | None" = None
    sum_of: "Tracked | None" = None
    one_more_than: "Tracked | None" = None  # an exponential, to which 1 was added
    exponent: Array | None = None  # what an exponential is the exponential of, where it may have underflowed
    softmax: Softmax | None = None  # of weights
    factors: "tuple[Tracked, Tracked] | None" = None  # weights and what they are multiplied by, or a row gradient and
    mean: Mean | None = None  # of a mean, and of what it was subtracted from
    gradient: RowGradient | None = None

    @property
    def absent(self) -> Array:
        """Where a machine has exactly 0 for sure, as at hidden positions: what is multiplied by it costs nothing."""
        return (self.value == 0) & (self.loose == 0)

    @property
    def size(self) -> Array:
        """The largest absolute value that the machine may have."""
        return float64(np.abs(self.value)) + self.error


def known(
    value: Array, loose: Array, magnitude: Array, step: Array | None, terms: Array, machine: Arithmetic
) -> Tracked:
    """A result. It stays exact only where all sums of its terms can be represented."""
    if step is not None:
        step = np.where((magnitude * machine.unit_roundoff <= step) & (step >= machine.underflow), step, 0.0)
        if step.any():
            return Tracked(value, np.where(step > 0, 0.0, loose), loose, magnitude, step, terms)
    return Tracked(value, loose, loose, magnitude, None, terms)


def track(value: Array, machine: Arithmetic) -> Tracked:
    """An input: exact if the machine can represent it, else rounded to the nearest number it can.

    A number that the machine computes itself, such as ``d_k ** -0.5``, is good to twice that.
    """
    magnitude = float64(np.abs(value))
    if not np.isfinite(magnitude).all():
        magnitude = np.where(np.isfinite(magnitude), magnitude, 0.0)
    step = quantum(value)
    loose = 2 * machine.unit_roundoff * magnitude
    if (step < machine.underflow).any():
        loose = loose + np.where(step < machine.underflow, np.minimum(machine.underflow, magnitude), 0.0)
    return known(value, loose, magnitude, step, np.ones(np.shape(value)), machine)


@lru_cache
def constant(number: Any, machine: Arithmetic) -> Tracked:
    """A number that the code itself writes."""
    return track(np.asarray(number, dtype=carrier(machine)), machine)


def by_its_root(a: Tracked, machine: Arithmetic) -> Tracked:
    """The same, but for what a scale costs if its root is applied to both sides of a product.

    A scale is a number that the last two axes share, or it would have no root that suits both sides. The square
    of the root that a machine has rounded is off by two roundings more than the scale, and exact only where the root
    is: then the root has half the scale's digits at most, so that its last digit is the root of the scale's last
    digit, while a rounded one has more. Of a negative scale it is the root without the sign, which goes to one side.
    """
    if np.prod(a.value.shape[-2:]) != 1:
        return a
    size = np.abs(a.value)
    loose = np.maximum(a.loose, a.error + rounded_twice(float64(size) + a.error, machine))
    if a.step is None:
        return a._replace(loose=loose)
    exact = np.square(quantum(np.sqrt(size))) == quantum(size)
    return a._replace(loose=loose, step=np.where(exact, a.step, 0.0))


def rounded_twice(size: Array, machine: Arithmetic) -> Array:
    """The error of two roundings, one after the other, of numbers of this size."""
    return (2 + machine.unit_roundoff) * machine.unit_roundoff * size


def rounded(value: Array, loose: Array, magnitude: Array) -> Tracked:
    """A number that is no sum of others, and not exact, even where it has no error."""
    return Tracked(value, loose, loose, magnitude, None, np.ones(np.shape(value)))


def quantum(value: Array) -> Array:
    """The largest power of two that each element is a multiple of; 0 for a number that float64 cannot hold.

    Taking 1 away from the bits of a float64 and keeping what is left of them clears the last bit that
    is set, so that the difference is this bit alone.
    """
    size = np.abs(float64(value))
    bits = size.view(np.int64)
    last = np.where(bits & FRACTION, size - (bits & (bits - 1)).view(np.float64), size)
    last = np.where(size == 0, LARGEST_STEP, np.minimum(last, LARGEST_STEP))
    return last if value.dtype == np.float64 else np.where(size == np.abs(value), last, 0.0)


def float64(array: Array) -> Array:
    """Errors and magnitudes are float64, whatever the values are."""
    return np.asarray(array, dtype=np.float64)


def rearranged(tracked: Tracked, move: Callable[[Array], Array]) -> Tracked:
    """The same elements in another order or shape, or some of them."""
    value, error, loose, magnitude, step, terms = tracked[:6]
    moved = None if step is None else move(step)
    return Tracked(move(value), move(error), move(loose), move(magnitude), moved, move(terms))


def joined(parts: list[Tracked], axis: int) -> Tracked:
    """Several arrays, one after the other along an axis that they have."""

    def in_a_row(arrays: list[Array]) -> Array:
        return np.concatenate(arrays, axis=axis)

    value, error, loose, magnitude, terms = (
        in_a_row([getattr(part, name) for part in parts]) for name in ("value", "error", "loose", "magnitude", "terms")
    )
    step = None
    if any(part.step is not None for part in parts):
        step = in_a_row([np.zeros(part.value.shape) if part.step is None else part.step for part in parts])
    return Tracked(value, error, loose, magnitude, step, terms)


def carrier(machine: Arithmetic) -> type:
    """The type of the values, which must be more precise than the machine if it can be."""
    return np.longdouble if machine.unit_roundoff <= 2.0**-53 else np.float64


@cache
def both_roundings(machine: Arithmetic) -> Arithmetic:
    """The machine's rounding and that of the values themselves, since what is compared differs by both."""
    own = float(np.finfo(carrier(machine)).eps) / 2
    return machine._replace(unit_roundoff=machine.unit_roundoff + own)
