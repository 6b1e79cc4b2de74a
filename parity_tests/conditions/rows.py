"""What several conditions, and accounts of what is computed instead, are made of."""

import numpy as np

from parity_tests.backend import computed_dtype
from parity_tests.folded import halves
from reference.rounding import ARITHMETIC


def scores_of(kind, example):
    """The truth of the scores, as the backend computes them."""
    return kind.expected(example._replace(d_weights=None), ARITHMETIC[computed_dtype(example.dtype)])["scores"]


def nowhere(example):
    """No rows."""
    return np.zeros(example.judged.shape, dtype=bool)


def misplaced_biases(example):
    """The letters of such biases: those of heads of depth 1, or that of an output of two axes."""
    if "b_q" not in example.weights:
        return ()
    T, S = (example.inputs[name].shape[1] for name in ("query", "value"))
    if example.constructor.get("attention_axes") == 2:  # where half of the items are along axis 1
        T = S = halves(len(example.judged))[1]
    shapes = {letter: example.weights[f"b_{letter}"].shape for letter in "qgkv" if f"b_{letter}" in example.weights}
    if isinstance(example.constructor.get("output_shape"), tuple):
        shapes["o"] = example.constructor["output_shape"]
    along = {"q": T, "g": T, "k": S, "v": S, "o": T}
    return tuple(letter for letter, (first, last) in shapes.items() if last == 1 < first == along[letter])
