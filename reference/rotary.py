"""Rotary position embedding, which turns queries and keys by angles that grow with their positions; its backward."""

from typing import Any

import numpy as np

from reference.inputs import Array, as_array, as_integer, refuse
from reference.rotary_angles import LARGEST_BASE, cosines_and_sines


def rotary_embedding(x: Any, *, offset: int = 0, base: float = 10000.0, interleaved: bool = False) -> Array:
    """Turn each pair of numbers of a position by an angle that is the position times the frequency of the pair.

    Pair i of d / 2 is turned by ``(offset + t) * base ** (-2 * i / d)``. Turn queries and keys, not values: then
    their product depends on how far apart they are, and not on where they are.

    Parameters
    ----------
    x : (..., T, d)
        Queries or keys, d even. Arithmetic is float64, or longdouble or complex128 where ``x`` is.
    offset
        The position of the first row, such as the number of keys in a cache.
    base
        The larger it is, the more slowly the last pairs turn; from 1 to 1e30.
    interleaved
        Which numbers are a pair: 0 and 1, 2 and 3, and so on (the paper, GPT-J), or each of the first half
        and its like in the second (GPT-NeoX, Llama). Weights that were learned with one are of no use with the other.

    Returns
    -------
    y : (..., T, d)

    Raises
    ------
    ValueError
        If d is odd, the offset no integer, the base out of range, or for NaN or infinity.

    Notes
    -----
    Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding" (2021), equation 34.

    Cosines and sines are right to a rounding at any position (`reference.rotary_angles`). Layers seldom have them
    so, as an angle that is rounded is off by its own size times a few unit roundoffs. With d = 128 and base 10000,
    angles that NumPy computes in float32 make cosines that are off by up to 6e-5 at positions below 1,000 and by 7e-3
    below 100,000; in float64 by 1e-11 there. To the error bound (`reference.rounding`) cosines and sines are
    constants that the machine has rounded. It covers layers that compute them more precisely than everything
    else, and not those whose angles are rounded as all else is.

    Examples
    --------
    With d = 2 there is one pair, of frequency 1. Position 1 turns (1, 0) to (cos 1, sin 1), 2 to (cos 2, sin 2):

    >>> ones = [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]
    >>> rotary_embedding(ones).round(4)
    array([[ 1.    ,  0.    ],
           [ 0.5403,  0.8415],
           [-0.4161,  0.9093]])

    Attention turns both sides. The score of a query and a key that are equal is the cosine of their distance:

    >>> from reference import dot_product_attention
    >>> query, key = rotary_embedding([[1.0, 0.0]], offset=1), rotary_embedding(ones)
    >>> dot_product_attention(query, key, value=ones).scores.round(4)
    array([[0.5403, 1.    , 0.5403]])
    """
    return _turned(as_array("x", x), "x", 1, offset, base, interleaved)


def rotary_embedding_backward(d_y: Any, *, offset: int = 0, base: float = 10000.0, interleaved: bool = False) -> Array:
    """Return the gradient of `rotary_embedding` with respect to ``x``: ``d_y``, turned back.

    A rotation is linear, and the transpose of its matrix is the rotation by the opposite angle.

    Parameters
    ----------
    d_y : (..., T, d)
        The gradient with respect to what `rotary_embedding` returned.
    offset, base, interleaved
        Those of the forward.

    Returns
    -------
    d_x : (..., T, d)

    Raises
    ------
    ValueError
        As `rotary_embedding`.

    Examples
    --------
    The first number of y is cos 1 times the first of x less sin 1 times the second, so these get cos 1 and -sin 1:

    >>> rotary_embedding_backward([[1.0, 0.0]], offset=1).round(4)
    array([[ 0.5403, -0.8415]])
    """
    return _turned(as_array("d_y", d_y), "d_y", -1, offset, base, interleaved)


def _turned(x: Array, name: str, direction: int, offset: int, base: float, interleaved: bool) -> Array:
    if x.ndim < 2 or x.shape[-1] % 2 or x.shape[-1] == 0:
        refuse(name, "shape (..., T, d) with d even and at least 2", x.shape)
    offset = as_integer("offset", offset)
    if not (isinstance(base, (int, float, np.number)) and 1 <= base <= LARGEST_BASE):
        refuse("base", f"a number from 1 to {LARGEST_BASE:g}", repr(base))
    T, d = x.shape[-2:]
    columns = np.arange(d)
    if interleaved:
        pair, second = columns // 2, columns % 2
        partner = columns + 1 - 2 * second
    else:
        pair, second = columns % (d // 2), columns // (d // 2)
        partner = columns + (1 - 2 * second) * (d // 2)
    kept, crossed = cosines_and_sines(range(offset, offset + T), d, base, np.finfo(x.dtype).dtype)  # (T, d / 2)
    crossed = direction * crossed[:, pair] * (2 * second - 1)  # the first of a pair loses what its partner turns
    return x * kept[:, pair] + x[..., partner] * crossed  # (..., T, d)
