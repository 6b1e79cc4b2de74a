"""Additive attention in the orders in which kernels evaluate it, every operation rounded by the machine under test.

Shares no code with `reference`, whose bound must cover all of these.
"""

from typing import NamedTuple

import numpy as np

from parity_tests.evaluations import ORDERS, Order, as_computed, average, plus, softmax_backward, times


class AdditiveOrder(NamedTuple):
    """One way to evaluate additive attention."""

    weighed: str = "terms"  # by v_a; or, if that is a scalar, "sum"
    slope: str = "square"  # 1 - tanh²; or "factors", (1 - tanh) (1 + tanh); or "gradient", (x + x tanh) (1 - tanh)
    ulp: float = 0.5  # that tanh is off by
    seed: int = 0  # of the order of all sums
    attention: Order = ORDERS["plain"]  # from the scores on


def evaluate_additive(
    order, query, key, value, d_output, d_weights=None, *, scale, v_a, bias, mask, step=as_computed
):  # fmt: skip
    """Return scores, output, weights and gradients in the dtype of the query, v_a being a scalar or (d_k,).

    ``step`` is applied to the result of every operation; it stands for roundings beyond those of NumPy.
    """
    scale, v_a = scale.astype(query.dtype), v_a.astype(query.dtype)
    sums = step(query[..., :, None, :] + key[..., None, :, :])
    activations = _tanh(times(sums, scale, step), order, step)
    if order.weighed == "sum":
        weighed = _sum(activations, order, step)
        scores = step(weighed * v_a)
    else:
        scores = _sum(step(activations * v_a), order, step)
    scores = step(scores + bias)
    output, weights = average(np.where(mask, scores, -np.inf), value, order.attention, step)
    d_scores = softmax_backward(d_output, d_weights, output, weights, value, order.attention, step)
    d_scaled = _tanh_backward(step(d_scores[..., None] * v_a), activations, order, step)
    d_sums = times(d_scaled, scale, step)
    if order.weighed == "sum":
        of_v_a = step(d_scores * weighed).reshape(*scores.shape[:-2], -1)
    else:
        of_v_a = step(d_scores[..., None] * activations)
        of_v_a = of_v_a.reshape(*scores.shape[:-2], *((-1, v_a.size) if v_a.ndim else (-1,)))
        of_v_a = of_v_a.mT if v_a.ndim else of_v_a
    return {
        "scores": scores,
        "output": output,
        "weights": weights,
        "d_query": _sum(d_sums.swapaxes(-1, -2), order, step),
        "d_key": _sum(np.moveaxis(d_sums, -3, -1), order, step),
        "d_scale": _sum(step(d_scaled * sums).reshape(*scores.shape[:-2], -1), order, step),
        "d_v_a": _sum(of_v_a, order, step),
        "d_bias": d_scores,
    }


def _tanh(scaled, order, step):
    activations = np.tanh(scaled)
    for _ in range(int(2 * order.ulp)):  # half an ulp is a rounding
        activations = step(activations)
    return activations


def _tanh_backward(d_activations, activations, order, step):
    less, more = step(1 - activations), step(1 + activations)
    if order.slope == "square":
        return step(d_activations * step(1 - step(activations * activations)))
    if order.slope == "factors":
        return step(d_activations * step(less * more))
    return step(step(d_activations + step(d_activations * activations)) * less)


def _sum(terms, order, step):
    """Sums along the last axis: any two of what is left to add up are added, or any one to what has been so far."""
    random = np.random.default_rng(order.seed)
    left = [terms[..., i : i + 1] for i in random.permutation(terms.shape[-1])]
    one_by_one = random.random() < 0.5
    while len(left) > 1:
        one = left.pop(-1 if one_by_one else random.integers(len(left)))
        left.append(plus(one, left.pop(random.integers(len(left))), step))
    return left[0][..., 0]
