"""Whether what is kept and what is dropped look random: in their share, between calls and along every axis."""

import itertools
import math

import numpy as np

from parity_tests.comparison import Outcome

RARE = 50 * math.log(2)  # each of some three hundred tails that are looked at is beyond that once in 2**50 times


def at_random(kept, again, readable, share):
    """Whether two calls, and positions at any distance and on any diagonal, know nothing of one another."""
    expected = share**2 + (1 - share) ** 2
    calls, seen = np.array([kept, again]), np.array([readable, readable])
    pairs = [("two calls", calls, seen, 0, 1)]
    names = ("items", "queries", "keys") if kept.ndim == 3 else ("items", "queries", "heads", "keys")
    for axis, name in enumerate(names):
        distances = range(1, kept.shape[axis])
        pairs += [(f"{name} at a distance of {distance}", kept, readable, axis, distance) for distance in distances]
    for axis, along in itertools.combinations(range(kept.ndim), 2):
        for turn in (1, -1):
            turned = (_turned(array, axis, along, turn) for array in (kept, readable))
            pairs.append(("neighbours on a diagonal", *turned, axis, 1))
    for name, array, seen, axis, distance in pairs:
        for same in _same(array, seen, axis, distance):
            if unlikely(int(same.sum()), same.size, expected):
                return Outcome(False, np.inf, message=f"{name} drop the same {same.mean():.3f} of the time")
    return Outcome(True)


def _turned(array, axis, along, turn):
    """The array with its diagonals laid along an axis: number i of the axis is rolled i times back along another."""
    rows = [np.roll(row, -turn * number, axis=along - 1) for number, row in enumerate(np.moveaxis(array, axis, 0))]
    return np.moveaxis(np.array(rows), 0, axis)


def _same(kept, readable, axis, distance):
    """Whether both of a pair are kept or both dropped, of pairs at a distance along an axis: twice, each disjoint."""
    size = kept.shape[axis]
    for half in (0, 1):
        first = np.flatnonzero(np.arange(size) // distance % 2 == half)
        first = first[first + distance < size]
        both = np.take(readable, first, axis) & np.take(readable, first + distance, axis)
        yield (np.take(kept, first, axis) == np.take(kept, first + distance, axis))[both]


def unlikely(count, total, probability):
    """Whether ``count`` of ``total`` independent events is rarer than once in 2**50, by Chernoff's bound.

    Hoeffding, "Probability Inequalities for Sums of Bounded Random Variables" (1963), theorem 1.
    """
    if total == 0:
        return False
    share = count / total
    divergence = sum(p * math.log(p / q) for p, q in ((share, probability), (1 - share, 1 - probability)) if p > 0)
    return total * divergence > RARE
