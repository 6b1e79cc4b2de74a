"""Parity: within the bound, element by element."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from parity_tests.example import of_rows

# Properties of which no bound of numbers has a say.
NO_NUMBERS = (
    "agreement", "dtype", "hidden_positions", "compute_mask", "repeated_calls", "masks_kept", "symbolic", "reloading",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Compared:
    """Two arrays that disagree and the bound between them, all float64; infinite where nothing was judged."""

    actual: np.ndarray
    expected: np.ndarray
    bound: np.ndarray

    def __eq__(self, other):
        # By value and with NaN equal to itself, so that outcomes that hold the same numbers are the same.
        if not isinstance(other, Compared):
            return NotImplemented
        pairs = zip(vars(self).values(), vars(other).values())
        return all(np.array_equal(mine, theirs, equal_nan=True) for mine, theirs in pairs)

    __hash__ = None


class Outcome(NamedTuple):
    """What one property said of one example.

    Attributes
    ----------
    agrees
        Whether the layer does what it should.
    ratio
        The largest error / bound; 0 where both are 0, infinity where NaN is or where only the bound is 0.
    index, actual, expected, error, bound
        The element with the largest ratio.
    message
        What was wrong, where it is not a number.
    raised
        Whether it is what the layer raised.
    arrays
        What was compared, if numbers disagree.
    where
        Of several things that a property compares, which it was.
    """

    agrees: bool
    ratio: float = 0.0
    index: tuple[int, ...] = ()
    actual: float = 0.0
    expected: float = 0.0
    error: float = 0.0
    bound: float = 0.0
    message: str = ""
    raised: bool = False
    arrays: Compared | None = None
    where: str = ""


def within_bound(actual, expected, judged=None):
    """Return whether every element of a layer's array lies within the bound of the truth.

    Parameters
    ----------
    actual : array or None
        What the layer computed. None is a gradient that the backend calls disconnected, which is 0 only
        if the true gradient is so throughout.
    expected : reference.rounding.Rounded
        The truth.
    judged : bool, (B, T) or what leading axes there are, optional
        The rows that count.
    """
    if actual is None:
        message = "" if not np.any(expected.value) else "disconnected, though the gradient is not 0"
        return Outcome(not message, np.inf if message else 0.0, message=message)
    return compare(actual, expected.value, expected.error, judged)


def compare(actual, expected, bound, judged=None):
    """Return whether ``|actual - expected| <= bound`` everywhere; NaN is nowhere."""
    if actual.shape != expected.shape:
        return Outcome(False, np.inf, message=f"expected shape {expected.shape}, received {actual.shape}")
    if actual.size == 0:
        return Outcome(True)
    if not np.isfinite(bound).all():
        return Outcome(False, np.inf, message="the bound is not finite, as something overflows or is divided by 0")
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        error = np.abs(actual.astype(expected.dtype) - expected).astype(np.float64)
        within = error <= bound
        ratio = np.where(error == 0, 0.0, error / bound)
    ratio = np.where(np.isnan(ratio), np.inf, ratio)
    if judged is not None:
        judged = of_rows(judged, actual)
        within = within | ~judged
        ratio = np.where(judged, ratio, 0.0)
    index = tuple(int(i) for i in np.unravel_index(np.argmax(ratio), ratio.shape))
    return Outcome(
        bool(within.all()),
        float(ratio[index]),
        index,
        *(float(array[index]) for array in (actual, expected, error, bound)),
        arrays=None if within.all() else _compared(actual, expected, bound, judged),
    )


def _compared(actual, expected, bound, judged):
    if judged is not None:
        bound = np.where(judged, bound, np.inf)
    return Compared(*(np.array(array, dtype=np.float64) for array in (actual, expected, bound)))


def same(name, actual, expected):
    """Return whether two things that are no numbers are the same."""
    if actual == expected:
        return Outcome(True)
    return Outcome(False, np.inf, message=f"{name}: expected {expected}, received {actual}")


def worst(outcomes):
    """The outcome that says most, of several by what they are of: one that disagrees, with the largest ratio."""
    where, outcome = max(outcomes.items(), key=lambda item: (not item[1].agrees, item[1].ratio))
    return outcome._replace(where=where)
