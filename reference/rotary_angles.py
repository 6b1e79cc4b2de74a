"""Cosines and sines of positions times frequencies, right to a rounding however large the position is.

A cosine is as much off as its angle is, and an angle that is rounded is off by its own size times a unit roundoff.
So frequencies are integers here, in units of a quarter turn times 2 ** -192: they are multiplied by the position
without error, whole turns are taken off without error, and what is rounded is an eighth of a turn at most.
"""

from decimal import Context, Decimal, localcontext

import numpy as np

from reference.inputs import Array

LARGEST_BASE = 1e30
DIGITS = 60
BITS = 192  # after the point, of a quarter turn: 2 ** 63 positions leave 129 of them, the lowest frequency has 92
HALF_PI = Decimal("1.57079632679489661923132169163975144209858469968755291048747")
QUARTERS = np.array([1, 1j, -1, -1j])  # of a turn


def cosines_and_sines(positions: range, d: int, base: float, dtype: np.dtype) -> tuple[Array, Array]:
    """Return the cosines and the sines of ``position * base ** (-2 * i / d)``, (T, d / 2) each."""
    angles = np.multiply.outer(np.array(positions, dtype=object), _frequencies(d, base))  # of Python's integers
    quarters = (angles + 2 ** (BITS - 1)) >> BITS
    rest = (angles - (quarters << BITS)).astype(np.longdouble)  # from -1/2 to 1/2 of a quarter, rounded once
    radians = np.longdouble(str(HALF_PI)) * rest / np.longdouble(2) ** BITS
    turned = QUARTERS[(quarters & 3).astype(np.intp)] * (np.cos(radians) + 1j * np.sin(radians))
    return turned.real.astype(dtype), turned.imag.astype(dtype)


def _frequencies(d: int, base: float) -> Array:
    """In quarter turns a position, times 2 ** 192, rounded to integers."""
    with localcontext(Context(prec=DIGITS)):
        radians = [Decimal(float(base)) ** (Decimal(-2 * i) / d) for i in range(d // 2)]
        return np.array([int((each / HALF_PI * 2**BITS).to_integral_value()) for each in radians], dtype=object)
