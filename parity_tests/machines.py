"""Machines, numbers that are as far off as they may be, and rounding that is as bad as it may be."""

import ml_dtypes
import numpy as np

from reference.rounding import BFLOAT16, FLOAT16, FLOAT32, track

MACHINES = {np.float16: FLOAT16, ml_dtypes.bfloat16: BFLOAT16, np.float32: FLOAT32}


def uncertain(rng, shape, size):
    """Numbers whose error is far above a rounding: differences of larger ones."""
    a, b = (rng.normal(size=shape) * size for _ in range(2))
    return track(a, BFLOAT16) - track(b, BFLOAT16)


def somewhere(rng, tracked):
    """Numbers as far from the tracked ones as their error allows, to one side or the other.

    Less a little: what is computed here is rounded too, by far less than by the machine.
    """
    return tracked.value + rng.choice([-1, 1], size=tracked.shape) * tracked.error * (1 - 2.0**-20)


def worst_machine(rng, unit_roundoff):
    """A step that carries every result as far off as float32 may, the same result always to the same side.

    Results that float32 can represent are left alone, as no machine rounds them.
    """
    towards, salt = rng.random(), rng.integers(2**62, dtype=np.uint64) * np.uint64(2) + np.uint64(1)

    def step(array):
        bits = np.atleast_1d(array).view(np.uint64) * salt
        sides = np.where((bits >> np.uint64(40)) < towards * 2.0**24, -1.0, 1.0).reshape(np.shape(array))
        with np.errstate(over="ignore"):
            representable = array == np.float32(array)
        return np.where(representable, array, array * (1 + unit_roundoff * sides))

    return step
