"""What conditions on rows are made of: the scores of each, and no row at all."""

import numpy as np

from parity_tests.backend import computed_dtype
from reference.rounding import ARITHMETIC


def scores_of(kind, example):
    """The truth of the scores, as the backend computes them."""
    return kind.expected(example._replace(d_weights=None), ARITHMETIC[computed_dtype(example.dtype)])["scores"]


def nowhere(example):
    """No rows."""
    return np.zeros(example.judged.shape, dtype=bool)
