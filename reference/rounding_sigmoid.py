"""How far rounding can carry a sigmoid: as a quotient of exponentials, or as half of a hyperbolic tangent.

The two are the same number, ``1 / (1 + exp(-x))`` and ``0.5 + 0.5 * tanh(x / 2)``, but not the same to a machine. The
first is off by a few roundings of itself, however small it is. The second is what is left of 0.5 when nearly 0.5 is
taken away, so that it is off by what a tangent of nearly 1 is off by: where the gate is 1e-9, a machine may have 0.
"""

import numpy as np

from reference.rounding_model import LARGEST_STEP, TANGENT, Arithmetic, Tracked, float64, rounded


def by_either_form(a: Tracked, exponentials: Tracked, quotient: Tracked, machine: Arithmetic) -> Tracked:
    """The quotient ``a / (1 + exponentials)``, a sigmoid if ``a`` is 1 or the exponential: no further off than 0 or 1.

    An exponential s that is off by e moves it by ``e / ((1 + s) * (1 + s + e))`` where it is larger, and by
    ``e / ((1 + s) * (1 + s - e))`` where it is smaller; it is not negative. The sum and the quotient are rounded.
    In the other form the halves are exact, the sum is rounded, and the size of the tangent is ``abs(2 * y - 1)`` of
    any y that is possible. This covers besides that ``exp(-x)`` overflows in float16, which makes 0 of 2 ** -16.
    """
    if not np.all((a.value == 1) | (a.value == exponentials.value)):
        return quotient
    y, s = float64(quotient.value), float64(exponentials.value)
    larger = np.minimum(exponentials.error, LARGEST_STEP)
    smaller = np.minimum(larger, s)
    moved = np.maximum(larger / (1 + s + larger), smaller / (1 + s - smaller)) / (1 + s)
    u = machine.unit_roundoff
    by_tangent = TANGENT / 2 * u * np.minimum(np.abs(2 * y - 1) + 2 * moved, 1.0)
    largest = np.minimum(y + moved, 1.0) + by_tangent
    error = moved + by_tangent + (2 + u) * u * largest + machine.underflow
    return rounded(quotient.value, error, y)
