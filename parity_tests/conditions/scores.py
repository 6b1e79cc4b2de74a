"""Conditions on how large scores are."""

import numpy as np

from parity_tests.backend import computed_dtype, graphs_know_sizes
from parity_tests.conditions.rows import nowhere, scores_of
from reference.rounding import ARITHMETIC

FUSED = ("attention_of_heads", "multi_head_attention")
OF_PRODUCTS = ("attention", "self_attention", *FUSED)


def scaled_scores_compiled(kind, example):
    """Rows in a graph with a score whose rounding, of a multiplication, is so large that its exponential overflows.

    It is that of a product of depth 1, or of the scale, unless that is a power of two.
    """
    compiled = example.traced and graphs_know_sizes()  # by XLA, that is
    if not compiled or kind.name not in OF_PRODUCTS or example.dtype in ("float16", "bfloat16"):
        return nowhere(example)
    multiplied = _depth(example) == 1 or np.frexp(abs(_scale_of_scores(example)))[0] != 0.5
    return _rounding_overflows(kind, example) if multiplied else nowhere(example)


def _depth(example):
    """That of queries and keys."""
    if "key_dim" in example.constructor:
        return example.constructor["key_dim"]
    return example.weights["W_q"].shape[1] if "W_q" in example.weights else example.inputs["query"].shape[-1]


def _scale_of_scores(example):
    """What scores are multiplied by; a layer of several heads that returns its weights multiplies the queries."""
    constructor = example.constructor
    unscaled = not constructor.get("scaled", True) or ("key_dim" in constructor and example.d_weights is not None)
    given = 1.0 if unscaled else example.weights.get("scale", constructor.get("scale"))
    return _depth(example) ** -0.5 if given is None else float(given)


def large_scores_without_weights(kind, example):
    """Rows with scores beyond 2, where the weights are not asked for."""
    return _largest_score(kind, example) > 2 if example.d_weights is None else nowhere(example)


def overflowing_scores_without_weights(kind, example):
    """Rows with a visible score whose rounding makes its exponential overflow, where no weights are asked for.

    A hidden one lies so far below, once the mask is added, that its exponential is 0.
    """
    return _rounding_overflows(kind, example, kind.visible(example)) if example.d_weights is None else nowhere(example)


def _rounding_overflows(kind, example, among=None):
    fused = kind.name in FUSED and example.d_weights is None  # which is computed in float32 on JAX and PyTorch
    short = fused or example.dtype in ("float16", "bfloat16")
    dtype = "float32" if short else computed_dtype(example.dtype)
    return _largest_score(kind, example, among) * ARITHMETIC[dtype].unit_roundoff >= np.log(np.finfo(dtype).max) - 1


def _largest_score(kind, example, among=None):
    """The largest absolute value of the scores of each row, or of some of them."""
    scores = np.abs(scores_of(kind, example).value)
    if among is not None:
        among = among.reshape(*among.shape[:-1], *(1,) * (scores.ndim - among.ndim), among.shape[-1])
        scores = np.where(among, scores, 0.0)
    return scores.max(axis=tuple(range(example.judged.ndim, scores.ndim)), initial=0.0)
