"""Attention in the orders in which kernels evaluate it, every operation rounded by the machine that is under test.

Shares no code with `reference`, whose bound must cover all of these.
"""

from typing import NamedTuple

import ml_dtypes
import numpy as np


class Order(NamedTuple):
    """One way to evaluate attention."""

    scaled: str = "scores"  # or "query", or "both sides", by the root of the scale
    direction: int = 1  # of sums: 1 from the first term to the last, -1 from the last to the first
    bias_first: bool = False  # the products are added to the bias, one term after the other
    block: int | None = None  # keys at a time in an online softmax, which normalizes the output last
    base: int | None = None  # 2 for exponentials to base 2
    ulp: float = 0.5  # that exponentials are off by
    sigmoid: str = "exp"  # or "tanh", of half the argument
    mean: str = "weights"  # the sum in the softmax's backward: of weights * d_weights, or of output * d_output


ORDERS = {
    "plain": Order(),
    "last to first": Order(direction=-1, sigmoid="tanh"),
    "scaled query": Order(scaled="query"),
    "scaled on both sides": Order(scaled="both sides"),
    "bias first": Order(bias_first=True),
    "online": Order(ulp=1, block=2, mean="output"),
    "online, key by key": Order(ulp=1, block=1, direction=-1, scaled="query", mean="output"),
    "base 2": Order(base=2, mean="output"),
    "coarse exponentials": Order(ulp=4, base=2, scaled="both sides", sigmoid="tanh"),
    "coarse, online": Order(ulp=4, block=16, base=2, mean="output"),
}
MOST_KEYS = {"online, key by key": 12}  # that the bound covers: each may correct all that is summed up before it


def as_computed(array):
    """A step whose rounding NumPy has done."""
    return array


def evaluate(order, query, key, value, d_output, d_weights=None, *, scale, bias, mask, step=as_computed):
    """Return scores, output, weights and gradients in the dtype of the query.

    ``step`` is applied to the result of every operation; it stands for roundings beyond those of NumPy.
    """
    scale = step(scale.astype(query.dtype))
    root = step(np.sqrt(scale))
    of_query, of_key = {"scores": (None, None), "query": (scale, None), "both sides": (root, root)}[order.scaled]
    unscaled = query
    query, key = (array if by is None else step(array * by) for array, by in ((query, of_query), (key, of_key)))
    start = bias if order.bias_first and order.scaled != "scores" else None
    products = scores = dot(query, key.mT, order, step, start)
    scores = step(scores * scale) if order.scaled == "scores" else scores
    scores = scores if start is not None else step(scores + bias)
    output, weights = average(np.where(mask, scores, -np.inf), value, order, step)
    d_scores = softmax_backward(d_output, d_weights, output, weights, value, order, step)
    d_scaled = step(d_scores * scale) if order.scaled == "scores" else d_scores
    d_query, d_key = dot(d_scaled, key, order, step), dot(d_scaled.mT, query, order, step)
    of_scale = {}
    if order.scaled != "both sides":  # whose two gradients of a root nobody adds up
        terms = step(d_scores * products if order.scaled == "scores" else d_query * unscaled)
        of_scale["d_scale"] = sum_of_terms(terms.reshape(*terms.shape[:-2], -1), order, step)[..., 0]
    return {
        "scores": scores,
        "output": output,
        "weights": weights,
        "d_query": d_query if of_query is None else step(d_query * of_query),
        "d_key": d_key if of_key is None else step(d_key * of_key),
        "d_value": dot(weights.mT, d_output, order, step),
        "d_bias": d_scores,
        **of_scale,
    }


def evaluate_self_attention(order, x, W_q, W_k, W_v, d_output, *, step=as_computed, **options):
    """The same for self-attention, whose query, key and value are projections of ``x``."""
    query, key, value = (dot(x, W, order, step) for W in (W_q, W_k, W_v))
    inner = evaluate(order, query, key, value, d_output, step=step, **options)
    d_x = None
    for name, W in (("d_query", W_q), ("d_key", W_k), ("d_value", W_v)):
        part = dot(inner[name], W.mT, order, step)
        d_x = part if d_x is None else plus(d_x, part, step)
    of_weights = {f"d_W_{name[2]}": dot(x.mT, inner[name], order, step) for name in ("d_query", "d_key", "d_value")}
    return {"output": inner["output"], "weights": inner["weights"], "d_x": d_x, **of_weights}


def average(logits, value, order, step):
    """Output and weights; block by block, with the largest logit so far taken away, or in one block."""
    lowest = float(ml_dtypes.finfo(logits.dtype).min) / 2  # from which a logit can be taken away
    largest = np.full((*logits.shape[:-1], 1), lowest, dtype=logits.dtype)
    total, output = np.zeros_like(largest), np.zeros((*logits.shape[:-1], value.shape[-1]), dtype=logits.dtype)
    keys = logits.shape[-1]
    for first in range(0, keys, order.block or keys):
        block = slice(first, first + (order.block or keys))
        so_far = np.maximum(largest, logits[..., block].max(axis=-1, keepdims=True))
        correction = exp(step(largest - so_far), order, step) if first else np.zeros_like(total)
        exponentials = exp(step(logits[..., block] - so_far), order, step)
        total = plus(times(total, correction, step), sum_of_terms(exponentials, order, step), step)
        output = plus(times(output, correction, step), dot(exponentials, value[..., block, :], order, step), step)
        largest = so_far
    total = np.where(total == 0, np.ones_like(total), total)
    if keys > (order.block or keys):  # else they are at hand
        exponentials = exp(step(logits - largest), order, step)
    weights = step(exponentials / total)
    return (dot(weights, value, order, step) if order.block is None else step(output / total)), weights


def softmax_backward(d_output, d_weights, output, weights, value, order, step):
    """The gradient of the scores. Who returns weights besides an online softmax's output takes the mean by them."""
    of_output = d_weights is None or order.block is None
    attended = dot(d_output, value.mT, order, step)
    arrived = attended if d_weights is None else step(d_weights + attended)
    if order.mean == "output" and of_output:
        mean = sum_of_terms(step(d_output * output), order, step)
        mean = mean if d_weights is None else step(mean + sum_of_terms(step(d_weights * weights), order, step))
    else:
        mean = sum_of_terms(step(arrived * weights), order, step)
    return step(weights * step(arrived - mean))


def exp(exponents, order, step):
    """Exponentials, as coarse as they are in this order."""
    if order.base is None:
        exponentials = np.exp(exponents)
    else:
        exponentials = np.exp2(step(exponents * exponents.dtype.type(np.log2(np.e))))
    for _ in range(int(2 * order.ulp)):  # half an ulp is a rounding
        exponentials = step(exponentials)
    return exponentials


def dot(a, b, order, step, start=None):
    """Dot products, one term after the other."""
    total = start
    for i in range(a.shape[-1])[:: order.direction]:
        term = step(a[..., i : i + 1] * b[..., i : i + 1, :])
        total = term if total is None else plus(total, term, step)
    return total


def sum_of_terms(terms, order, step):
    """The sum of each row, one term after the other."""
    total = None
    for i in range(terms.shape[-1])[:: order.direction]:
        term = terms[..., i : i + 1]
        total = term if total is None else plus(total, term, step)
    return total


def times(a, b, step):
    """A product; to multiply by 1 is no operation that rounds."""
    return np.where(b == 1, a, step(a * b))


def plus(a, b, step):
    """A sum; to add 0 is no operation that rounds."""
    return np.where(b == 0, a, np.where(a == 0, b, step(a + b)))
