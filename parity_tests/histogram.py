"""How error / bound is distributed: counts over fixed logarithmic bins, which add up over any number of examples."""

from typing import NamedTuple

import numpy as np

LOW, HIGH, PER_DECADE = -6, 4, 8  # from 1e-6 to 1e4
EDGES = 10.0 ** (np.arange(PER_DECADE * (HIGH - LOW) + 1) / PER_DECADE + LOW)


class Histogram(NamedTuple):
    """The ratios of one dtype.

    Attributes
    ----------
    counts
        How many ratios lie in each bin: up to the first of `EDGES`, up to the second and so on, and beyond the last,
        infinity included. A ratio that is an edge counts to the bin below, so that 1 is within the bound.
    exact
        How many are 0.
    worst
        The largest.
    """

    counts: tuple[int, ...]
    exact: int
    worst: float


def histogram(ratios):
    """Return the histogram of each dtype.

    Parameters
    ----------
    ratios
        For each dtype, error / bound of each example.

    Examples
    --------
    >>> histogram({"float32": [0.0, 0.5, 0.25]})["float32"].exact
    1
    """
    return {dtype: _of(np.asarray(values, dtype=np.float64)) for dtype, values in ratios.items()}


def _of(values):
    bins = np.digitize(values[values != 0], EDGES, right=True)
    counts = np.bincount(bins, minlength=len(EDGES) + 1)
    return Histogram(tuple(counts.tolist()), int(np.sum(values == 0)), float(np.max(values, initial=0.0)))
