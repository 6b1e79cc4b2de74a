"""Additive attention and its gradients to 50 digits, by loops over scalars.

Shares no formula with `reference`: the slope of tanh is ``1 / cosh²``, its terms are added up one by one, and
broadcasting is a question of which element an index means.
"""

import mpmath
import numpy as np

from parity_tests.exact import (
    Exact,
    at,
    averages,
    each_rounded,
    exactly,
    logit_gradient,
    normalize,
    rounded,
    through_averages,
    zeros,
)


@mpmath.workdps(50)
def scores(query, key, *, d_scores, scale=1.0, v_a=1.0):
    """Return the scores, and the gradients of ``sum(d_scores * scores)`` with the sizes of their terms."""
    query, key, scale, v_a, d_scores = (exactly(array) for array in (query, key, scale, v_a, d_scores))
    of_scores, layer = _scores(query, key, scale, v_a)
    gradients = _through_scores(d_scores, *layer, query, key, scale, v_a)
    sizes = _through_scores(_absolute(d_scores), *_sizes(layer), query, key, *map(_absolute, (scale, v_a)))
    return rounded(of_scores), each_rounded(gradients), each_rounded(sizes)


@mpmath.workdps(50)
def attention(
    query, key, value, *, d_output=None, d_weights=None, scale=1.0, v_a=1.0, bias=None, mask=None
):  # fmt: skip
    """Return attention and the gradients of ``sum(d_output * output) + sum(d_weights * weights)``."""
    query, key, value, scale, v_a = (exactly(array) for array in (query, key, value, scale, v_a))
    bias = exactly(0.0 if bias is None else bias)
    of_scores, layer = _scores(query, key, scale, v_a)
    weights = _weights(of_scores, bias, np.asarray(True if mask is None else mask))
    output = averages(weights, value)
    d_output = exactly(np.zeros(output.shape) if d_output is None else d_output)
    d_weights = exactly(np.zeros(weights.shape) if d_weights is None else d_weights)
    gradients = _gradients(weights, value, d_output, d_weights, bias, of_scores.shape, sign=-1)
    gradients |= _through_scores(gradients.pop("scores"), *layer, query, key, scale, v_a)
    factors = (_absolute(array) for array in (value, d_output, d_weights))
    sizes = _gradients(weights, *factors, bias, of_scores.shape, sign=1)
    sizes |= _through_scores(sizes.pop("scores"), *_sizes(layer), query, key, *map(_absolute, (scale, v_a)))
    return Exact(rounded(weights), rounded(output), each_rounded(gradients), each_rounded(sizes))


def _scores(query, key, scale, v_a):
    """The scores, and of each hidden unit the sum of query and key, its tanh and the slope of that."""
    leading = np.broadcast_shapes(query.shape[:-2], key.shape[:-2])
    shape = (*leading, query.shape[-2], key.shape[-2])
    of_scores = zeros(shape)
    sums, activations, slopes = (zeros((*shape, query.shape[-1])) for _ in range(3))
    for unit in np.ndindex(*sums.shape):
        *lead, t, s, k = unit
        sums[unit] = query[at(query, *lead, t, k)] + key[at(key, *lead, s, k)]
        activations[unit] = mpmath.tanh(scale[()] * sums[unit])
        slopes[unit] = 1 / mpmath.cosh(scale[()] * sums[unit]) ** 2
        of_scores[(*lead, t, s)] += v_a[at(v_a, k)] * activations[unit]
    return of_scores, (sums, activations, slopes)


def _sizes(layer):
    sums, activations, slopes = layer
    return _absolute(sums), _absolute(activations), 2 - slopes  # 1 + tanh², as the slope is 1 - tanh²


def _through_scores(d_scores, sums, activations, slopes, query, key, scale, v_a):
    d_query, d_key, d_scale, d_v_a = (zeros(array.shape) for array in (query, key, scale, v_a))
    for unit in np.ndindex(*sums.shape):
        *lead, t, s, k = unit
        d_score = d_scores[(*lead, t, s)]
        d_v_a[at(v_a, k)] += d_score * activations[unit]
        d_scaled = d_score * v_a[at(v_a, k)] * slopes[unit]
        d_scale[()] += d_scaled * sums[unit]
        d_query[at(query, *lead, t, k)] += d_scaled * scale[()]
        d_key[at(key, *lead, s, k)] += d_scaled * scale[()]
    return {"query": d_query, "key": d_key, "scale": d_scale, "v_a": d_v_a}


def _weights(of_scores, bias, mask):
    leading = np.broadcast_shapes(*(array.shape[:-2] for array in (of_scores, bias, mask)))
    weights = zeros((*leading, *of_scores.shape[-2:]))
    for index in np.ndindex(*weights.shape):
        if mask[at(mask, *index)]:
            weights[index] = mpmath.exp(of_scores[at(of_scores, *index)] + bias[at(bias, *index)])
    normalize(weights)
    return weights


def _gradients(weights, value, d_output, d_weights, bias, shape, sign):
    """With ``sign`` -1 the gradients; with 1, and absolute values for the factors, the sizes of their terms."""
    d_value, d_weights = through_averages(weights, value, d_output, d_weights)
    d_bias, d_scores = zeros(bias.shape), zeros(shape)
    for index in np.ndindex(*weights.shape):
        d_logit = logit_gradient(weights, d_weights, index, sign)
        d_bias[at(bias, *index)] += d_logit
        d_scores[at(d_scores, *index)] += d_logit
    return {"value": d_value, "bias": d_bias, "scores": d_scores}


def _absolute(table):
    return np.array(abs(table), dtype=object)
