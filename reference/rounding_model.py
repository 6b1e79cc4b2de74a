"""What is known of an array: its values, and how far off a machine may have them.

The model of a machine is the standard one: an operation returns its exact result times ``1 + delta``, where
``|delta| <= u``. Higham, "Accuracy and Stability of Numerical Algorithms" (2002), chapter 2.
"""

from typing import NamedTuple

import numpy as np

from reference.inputs import Array

EXP_LIMIT = 700.0  # exp(700) does not yet overflow, nor exp(-700) underflow


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
    were added up, which is what the rounding of sums goes by, whatever their order; ``terms`` is how
    many they are, and ``step`` a power of two that each of them is a multiple of.
    """

    value: Array
    loose: Array
    exact: Array
    magnitude: Array
    step: Array
    terms: Array
    row_error: Array | None = None  # the error but for what a row has in common: an addend; after exp, a factor
    maximum_of: "Tracked | None" = None
    sum_of: "Tracked | None" = None
    exponent: Array | None = None  # what an exponential is the exponential of, where it may have underflowed
    convex: bool = False  # rows of weights that sum to 1

    @property
    def error(self) -> Array:
        """How far a machine may be off."""
        return np.where(self.exact, 0.0, self.loose)

    @property
    def absent(self) -> Array:
        """Where a machine has exactly 0 for sure, as at hidden positions: what is multiplied by it costs nothing."""
        return (self.value == 0) & (self.loose == 0)

    @property
    def size(self) -> Array:
        """The largest absolute value that the machine may have."""
        return float64(np.abs(self.value)) + self.error


def track(value: Array, machine: Arithmetic) -> Tracked:
    """An input: exact if the machine can represent it, else rounded to the nearest number it can.

    A number that the machine computes itself, such as ``d_k ** -0.5``, is good to twice that.
    """
    magnitude = np.where(np.isfinite(value), float64(np.abs(value)), 0.0)
    step = quantum(value)
    exact = (magnitude * machine.unit_roundoff <= step) & (step >= machine.underflow)
    below = np.where(step < machine.underflow, np.minimum(machine.underflow, magnitude), 0.0)
    return single(value, 2 * machine.unit_roundoff * magnitude + below, exact, magnitude)


def single(value: Array, loose: Array, exact: Array, magnitude: Array) -> Tracked:
    """A number that is no sum of others."""
    return Tracked(value, loose, exact, magnitude, quantum(value), np.ones(np.shape(value)))


def quantum(value: Array, axis: int | None = None) -> Array:
    """The largest power of two that each element is a multiple of, or all along an axis are.

    Infinity for 0, a multiple of everything; 0 for a number that float64 cannot hold.
    """
    narrow = np.where(np.isfinite(value), float64(value), 0.0)
    fraction, exponent = np.frexp(narrow)
    integer = np.ldexp(fraction, 53).astype(np.int64)
    powers = np.where(integer == 0, np.inf, np.ldexp((integer & -integer).astype(float), exponent - 53))
    powers = np.where(narrow == np.where(np.isfinite(value), value, 0.0), powers, 0.0)
    return powers if axis is None else np.min(powers, axis=axis, keepdims=True, initial=np.inf)


def float64(array: Array) -> Array:
    """Errors and magnitudes are float64, whatever the values are."""
    return np.asarray(array, dtype=np.float64)
