"""What attention is given, the same for all contenders."""

from typing import NamedTuple

import numpy as np

DEPTH = 64


class Arrays(NamedTuple):
    """What attention is given, (heads, T, depth) each."""

    query: np.ndarray
    key: np.ndarray
    value: np.ndarray
    d_output: np.ndarray


def arrays(T, heads, depth=DEPTH, seed=0):
    """Random arrays."""
    return Arrays(*np.random.default_rng(seed).normal(size=(4, heads, T, depth)))


def scale(given):
    """That of scaled dot products, which peers take unless they are told another."""
    return given.query.shape[-1] ** -0.5
