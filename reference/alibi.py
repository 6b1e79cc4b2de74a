"""ALiBi, attention with linear biases: each head takes off its scores in proportion to the distance."""

import numpy as np

from reference.inputs import Array, as_size, refuse
from reference.relative import relative_positions


def alibi_bias(H: int, T: int, S: int, offset: int = 0) -> Array:
    """Return what `dot_product_attention` and `multi_head_attention` add to the scores of H heads.

    It is ``-slope * |query + offset - key|``, where the slope of head h, counted from 1, is ``2 ** (-8 * h / H)``.

    Parameters
    ----------
    H
        The number of heads. If it is no power of two, the first heads have the slopes of P heads, P being the
        largest power of two below H, and the others every other slope of 2 * P heads, from the first on. So does
        the code of the paper, which itself considers powers of two alone.
    T, S
        The numbers of queries and of keys.
    offset
        The position of the first query among the keys, as in `causal_mask`.

    Returns
    -------
    bias : (H, T, S)
        Keys after the query are as far away as those before it; hide them by a mask if they are not to be seen.

    Raises
    ------
    ValueError
        If H is not an integer of at least 1, T or S not one of at least 0, or the offset not an integer.

    Notes
    -----
    Press, Smith and Lewis, "Train Short, Test Long: Attention with Linear Biases Enables Input Length
    Extrapolation" (2022), section 3. Any other number of heads: ``get_slopes`` in ``fairseq/models/transformer.py``
    of ofirpress/attention_with_linear_biases.

    Examples
    --------
    >>> alibi_bias(2, 2, 3)
    array([[[ 0.        , -0.0625    , -0.125     ],
            [-0.0625    ,  0.        , -0.0625    ]],
    <BLANKLINE>
           [[ 0.        , -0.00390625, -0.0078125 ],
            [-0.00390625,  0.        , -0.00390625]]])

    One head has the slope 1 / 256. At a distance of 256 it takes 1 off the score, which divides the weight by e:

    >>> from reference import dot_product_attention
    >>> attention = dot_product_attention(
    ...     query=[[0.0]], key=np.zeros((257, 1)), value=np.zeros((257, 1)), bias=alibi_bias(1, 1, 257)[0]
    ... )
    >>> np.round(attention.weights[0, 0] / attention.weights[0, 256] / np.e, 12)
    np.float64(1.0)
    """
    H = as_size("H", H)
    if H == 0:
        refuse("H", "an integer of at least 1", H)
    distances = np.abs(relative_positions(T, S, offset))
    return (_slopes(H)[:, None, None] * -distances).astype(np.float64)  # (H, T, S), rounded once


def _slopes(H: int) -> Array:
    power = 2 ** (H.bit_length() - 1)  # the largest that is not above H
    own = np.arange(1, power + 1) / np.longdouble(power)
    between = np.arange(1, 2 * power, 2) / np.longdouble(2 * power)
    return np.exp2(-8 * np.concatenate([own, between[: H - power]]))
