"""Multi-head attention to 50 digits, head by head, by loops over scalars.

Shares no formula with `reference`: heads are picked by their index, never split, merged or grouped.
"""

from typing import NamedTuple

import mpmath
import numpy as np

from parity_tests import exact


class Exact(NamedTuple):
    """What multi-head attention returns, as longdouble."""

    weights: np.ndarray
    output: np.ndarray


@mpmath.workdps(50)
def attention(query, key, value, projections, *, scale=None, softcap=None, bias=None, mask=None):
    """Return the weights and the output of all heads, each attended on its own."""
    W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o, W_g, b_g = projections
    (_, H, d_k), H_kv, weights, output = W_q.shape, W_k.shape[1], [], 0
    scale = 1 / mpmath.sqrt(d_k) if scale is None else scale
    bias, mask = 0.0 if bias is None else bias, True if mask is None else mask
    for h in range(H):
        shared = h // (H // H_kv)
        inputs = _projected(query, W_q, b_q, h), _projected(key, W_k, b_k, shared)
        options = exact.exactly(_of_head(scale, h)), softcap, exact.exactly(_of_head(bias, h)), _of_head(mask, h)
        weights.append(exact.rows(*inputs, *options)[-1])
        attended = exact.averages(weights[-1], _projected(value, W_v, b_v, shared))
        if W_g is not None:
            attended = attended / (1 + _exp(-_projected(query, W_g, b_g, h)))
        output = output + _product(attended, exact.exactly(W_o[h]))
    output = output if b_o is None else output + exact.exactly(b_o)
    return Exact(exact.rounded(np.stack(weights, axis=-3)), exact.rounded(output))


def _projected(x, W, b, head):
    projected = _product(exact.exactly(x), exact.exactly(W[:, head]))
    return projected if b is None else projected + exact.exactly(b[head])


def _of_head(array, head):
    """The part for one head of what broadcasts to (..., H, T, S)."""
    array = np.asarray(array)
    return array if array.ndim < 3 else array[..., head if array.shape[-3] > 1 else 0, :, :]


def _product(x, W):
    y = exact.zeros((*x.shape[:-1], W.shape[1]))
    for *position, j in np.ndindex(*y.shape):
        for i in range(W.shape[0]):
            y[(*position, j)] += x[(*position, i)] * W[i, j]
    return y


_exp = np.frompyfunc(mpmath.exp, 1, 1)
