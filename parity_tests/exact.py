"""Dot-product attention and its gradients to 50 digits, by loops over scalars.

Shares no formula with `reference`: the softmax takes no maximum away, its gradient is the sum over the whole
Jacobian, that of tanh is ``1 / cosh²``, and broadcasting is a question of which element an index means.
"""

from typing import NamedTuple

import mpmath
import numpy as np


class Exact(NamedTuple):
    """What attention returns and every gradient of it, as longdouble, in the shape of what it is of.

    ``sizes`` holds for each gradient the sum of the absolute values of the terms that it is the sum of.
    """

    weights: np.ndarray
    output: np.ndarray
    gradients: dict[str, np.ndarray]
    sizes: dict[str, np.ndarray]


def ulps_apart(one, other, sizes):
    """Return the largest difference, in ulps of the sizes of the terms that were added up."""
    difference = np.abs(one - other)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.max(np.where(difference == 0, 0, difference / (np.finfo(np.float64).eps * sizes)), initial=0.0)


@mpmath.workdps(50)
def attention(
    query, key, value, *, d_output=None, d_weights=None, scale=1.0, softcap=None, bias=None, mask=None
):  # fmt: skip
    """Return attention and the gradients of ``sum(d_output * output) + sum(d_weights * weights)``."""
    query, key, value, scale = (exactly(array) for array in (query, key, value, scale))
    bias = exactly(0.0 if bias is None else bias)
    mask = np.asarray(True if mask is None else mask)
    products, slopes, weights = rows(query, key, scale, softcap, bias, mask)
    output = averages(weights, value)
    d_output = exactly(np.zeros(output.shape) if d_output is None else d_output)
    d_weights = exactly(np.zeros(weights.shape) if d_weights is None else d_weights)
    factors = (products, query, key, value, scale, bias, d_output, d_weights)
    gradients = _gradients(weights, slopes, *factors, sign=-1)
    steeper = 2 - slopes  # 1 + tanh², as the slope is 1 - tanh²
    sizes = _gradients(weights, steeper, *(np.array(abs(factor), dtype=object) for factor in factors), sign=1)
    return Exact(rounded(weights), rounded(output), *(each_rounded(tables) for tables in (gradients, sizes)))


def rows(query, key, scale, softcap, bias, mask):
    """The products of queries and keys, the slopes of the softcap, and the weights."""
    leading = np.broadcast_shapes(*(array.shape[:-2] for array in (query, key, scale, bias, mask)))
    shape = (*leading, query.shape[-2], key.shape[-2])
    products, slopes, weights = zeros(shape), zeros(shape), zeros(shape)
    for index in np.ndindex(*shape):
        *lead, t, s = index
        for k in range(query.shape[-1]):
            products[index] += query[at(query, *lead, t, k)] * key[at(key, *lead, s, k)]
        score = scale[at(scale, *index)] * products[index]
        slopes[index] = mpmath.mpf(1)
        if softcap is not None:
            slopes[index] = 1 / mpmath.cosh(score / softcap) ** 2
            score = softcap * mpmath.tanh(score / softcap)
        if mask[at(mask, *index)]:
            weights[index] = mpmath.exp(score + bias[at(bias, *index)])
    normalize(weights)
    return products, slopes, weights


def normalize(exponentials):
    """Divide each row by its sum, if that is not 0."""
    for row in np.ndindex(*exponentials.shape[:-1]):
        total = sum(exponentials[row])
        for s in range(exponentials.shape[-1]):
            exponentials[(*row, s)] /= total or 1


def averages(weights, value):
    """The output: the values averaged by the weights."""
    leading = np.broadcast_shapes(weights.shape[:-2], value.shape[:-2])
    output = zeros((*leading, weights.shape[-2], value.shape[-1]))
    for index in np.ndindex(*output.shape):
        *lead, t, v = index
        for s in range(value.shape[-2]):
            output[index] += weights[at(weights, *lead, t, s)] * value[at(value, *lead, s, v)]
    return output


def _gradients(weights, slopes, products, query, key, value, scale, bias, d_output, d_weights, sign):
    """With ``sign`` -1 the gradients; with 1, and absolute values for the factors, the sizes of their terms."""
    d_value, d_weights = through_averages(weights, value, d_output, d_weights)
    d_query, d_key, d_scale, d_bias = (zeros(array.shape) for array in (query, key, scale, bias))
    for index in np.ndindex(*weights.shape):
        *lead, t, s = index
        d_logit = logit_gradient(weights, d_weights, index, sign)
        d_scaled = d_logit * slopes[index]
        d_bias[at(bias, *index)] += d_logit
        d_scale[at(scale, *index)] += d_scaled * products[index]
        d_product = d_scaled * scale[at(scale, *index)]
        for k in range(query.shape[-1]):
            of_query, of_key = at(query, *lead, t, k), at(key, *lead, s, k)
            d_query[of_query] += d_product * key[of_key]
            d_key[of_key] += d_product * query[of_query]
    return {"query": d_query, "key": d_key, "value": d_value, "scale": d_scale, "bias": d_bias}


def logit_gradient(weights, d_weights, index, sign):
    """The gradient of one logit, a sum over a row of the Jacobian of the softmax; its terms are of size ``sign`` 1."""
    *row, s = index
    total = mpmath.mpf(0)
    for r in range(weights.shape[-1]):
        other = (*row, r)
        total += d_weights[other] * weights[other] * ((r == s) + sign * weights[index])
    return total


def through_averages(weights, value, d_output, d_weights):
    """The gradients of the values and of the weights, given those of the output and what else is of the weights."""
    d_value, d_weights = zeros(value.shape), d_weights.copy()
    for *lead, t, v in np.ndindex(*d_output.shape):
        for s in range(value.shape[-2]):
            of_weights, of_value = at(weights, *lead, t, s), at(value, *lead, s, v)
            d_value[of_value] += weights[of_weights] * d_output[(*lead, t, v)]
            d_weights[of_weights] += d_output[(*lead, t, v)] * value[of_value]
    return d_value, d_weights


def at(array, *index):
    """The element of an array that stands at an index of what it was broadcast to."""
    own = index[len(index) - array.ndim :]
    return tuple(0 if size == 1 else position for position, size in zip(own, array.shape))


def zeros(shape):
    """Zeros with 50 digits."""
    return np.full(shape, mpmath.mpf(0), dtype=object)


def exactly(array):
    """The same numbers with 50 digits; what has them already is left alone."""
    array = np.asarray(array)
    if array.dtype == object:
        return array
    array = np.asarray(array, dtype=np.float64)
    table = np.empty(array.shape, dtype=object)
    for index in np.ndindex(*array.shape):
        table[index] = mpmath.mpf(float(array[index]))
    return table


def rounded(table):
    """To longdouble, in two parts, as no conversion of its own exists."""
    array = np.zeros(table.shape, dtype=np.longdouble)
    for index in np.ndindex(*table.shape):
        high = float(table[index])
        array[index] = np.longdouble(high) + np.longdouble(float(table[index] - high))
    return array


def each_rounded(tables):
    """Several tables by name, each to longdouble."""
    return {name: rounded(table) for name, table in tables.items()}
