"""Histograms of error / bound count every example once, on the right side of the bound."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.histogram import EDGES, histogram

RATIOS = st.lists(st.floats(0, np.inf))
WITHIN = 1 + EDGES.tolist().index(1.0)  # bins up to the bound


@given(RATIOS)
def test_every_ratio_is_counted_once(ratios):
    one = histogram({"float32": ratios})["float32"]
    assert sum(one.counts) + one.exact == len(ratios)
    assert one.exact == ratios.count(0)
    assert one.worst == max(ratios, default=0)


@given(RATIOS)
def test_what_is_within_the_bound_lies_in_the_bins_below_it(ratios):
    counts = histogram({"float32": ratios})["float32"].counts
    assert sum(counts[:WITHIN]) == sum(0 < ratio <= 1 for ratio in ratios)


@pytest.mark.parametrize(
    ("ratio", "bin_"), [(1e-300, 0), (1e-6, 0), (1.01e-6, 1), (9.9e3, -2), (1.1e4, -1), (np.inf, -1)]
)
def test_the_bins_at_both_ends_are_open(ratio, bin_):
    assert histogram({"float32": [ratio]})["float32"].counts[bin_] == 1


@given(RATIOS, RATIOS)
def test_counts_of_parts_add_up_to_those_of_all(some, others):
    def counted(ratios):
        return np.array(histogram({"float32": ratios})["float32"].counts)

    np.testing.assert_array_equal(counted(some) + counted(others), counted(some + others))
