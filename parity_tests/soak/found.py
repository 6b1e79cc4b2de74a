"""What many examples said of a property, in a form that adds up: counts, never the ratios themselves."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from parity_tests.histogram import EDGES, Histogram, histogram
from parity_tests.report import json_number
from reference.rounding import ARITHMETIC

ORDER = tuple(ARITHMETIC)  # of dtypes, from the coarsest to the finest


class Found(NamedTuple):
    """What many examples said of one property of one layer.

    Attributes
    ----------
    examples
        How many had something to say on it.
    disagreements
        How many disagree and are not excused.
    excused
        By dtype, how many differ as an entry of ``divergences.toml`` describes.
    histograms
        By dtype, error / bound of those that are not excused.
    script
        A program that shows the smallest counterexample, if there is any.
    """

    examples: int
    disagreements: int
    excused: Counter
    histograms: dict[str, Histogram]
    script: str | None

    @property
    def worst(self):
        """The largest error / bound."""
        return max((one.worst for one in self.histograms.values()), default=0.0)

    @property
    def verdict(self):
        """``disagrees``, ``known`` or ``agrees``."""
        return "disagrees" if self.disagreements else "known" if self.excused.total() else "agrees"

    def plus(self, other):
        """What both said, whichever is named first."""
        histograms = {
            dtype: _sum([one.histograms[dtype] for one in (self, other) if dtype in one.histograms])
            for dtype in ORDER
            if dtype in self.histograms or dtype in other.histograms
        }
        scripts = [one.script for one in (self, other) if one.script is not None]
        return Found(
            self.examples + other.examples,
            self.disagreements + other.disagreements,
            self.excused + other.excused,
            histograms,
            min(scripts, key=lambda text: (len(text), text), default=None),
        )

    def to_json(self):
        """The same for a JSON file."""
        return {
            **self._asdict(),
            "excused": dict(self.excused),
            "histograms": {
                dtype: {
                    "bins": {str(number): count for number, count in enumerate(one.counts) if count},
                    "exact": one.exact,
                    "worst": json_number(one.worst),
                }
                for dtype, one in self.histograms.items()
            },
        }

    @classmethod
    def from_json(cls, kept):
        """What `to_json` returned."""
        histograms = {
            dtype: Histogram(
                tuple(one["bins"].get(str(number), 0) for number in range(len(EDGES) + 1)),
                one["exact"],
                float(one["worst"]),
            )
            for dtype, one in kept["histograms"].items()
        }
        return cls(**{**kept, "excused": Counter(kept["excused"]), "histograms": histograms})


def of_tally(tally, subject):
    """What a `tally.Tally` comes to."""
    from parity_tests.counterexample import script

    counterexample = tally.report(subject).counterexample
    text = None if counterexample is None else script(counterexample)
    return Found(tally.examples, tally.disagreements, tally.excused, histogram(tally.ratios), text)


def median(one):
    """The median of those ratios of a histogram that are not 0, as near as its bins tell; None if all are 0.

    Within a bin, as many ratios are taken to lie in each part of its logarithm.
    """
    total = sum(one.counts)
    if not total:
        return None
    below = np.cumsum(one.counts)
    number = int(np.searchsorted(below, total / 2))
    if number in (0, len(EDGES)):
        return float(one.worst if number else EDGES[0])
    part = (total / 2 - (below[number] - one.counts[number])) / one.counts[number]
    return float(min(one.worst, EDGES[number - 1] * (EDGES[number] / EDGES[number - 1]) ** part))


def _sum(histograms):
    counts = np.sum([one.counts for one in histograms], axis=0)
    return Histogram(tuple(counts.tolist()), sum(one.exact for one in histograms), max(one.worst for one in histograms))
