"""The masks in use. True = may attend; combine them with ``&``. `reference.position_masks` has them as functions."""

from typing import Any

import numpy as np

from reference.inputs import Array, as_size
from reference.position_masks import as_lengths, window_positions


def causal_mask(T: int, S: int, offset: int = 0) -> Array:
    """Let each query attend to the keys that are not after it: ``key <= query + offset``.

    Parameters
    ----------
    T, S
        The numbers of queries and of keys.
    offset
        0 puts the first query beside the first key (Keras, PyTorch); ``S - T`` puts the last beside
        the last (FlashAttention, or a cache of earlier keys).

    Returns
    -------
    mask : (T, S) of bool

    Raises
    ------
    ValueError
        If a size is not an integer of at least 0, or the offset not an integer.

    Examples
    --------
    >>> causal_mask(2, 3).astype(int)
    array([[1, 0, 0],
           [1, 1, 0]])
    >>> causal_mask(2, 3, offset=1).astype(int)
    array([[1, 1, 0],
           [1, 1, 1]])
    """
    return window_mask(T, S, None, 0, offset)


def window_mask(T: int, S: int, left: int | None, right: int | None, offset: int = 0) -> Array:
    """Let each query attend to the keys near it: ``-left <= key - (query + offset) <= right``.

    Parameters
    ----------
    T, S
        The numbers of queries and of keys.
    left, right
        How many keys before and after its own position a query sees; None is all of them.
    offset
        The position of the first query among the keys, as in `causal_mask`.

    Returns
    -------
    mask : (T, S) of bool

    Raises
    ------
    ValueError
        If a size, ``left`` or ``right`` is not an integer of at least 0, or the offset not an integer.

    Examples
    --------
    >>> window_mask(3, 4, left=1, right=0).astype(int)
    array([[1, 0, 0, 0],
           [1, 1, 0, 0],
           [0, 1, 1, 0]])
    """
    queries, keys = np.arange(as_size("T", T)), np.arange(as_size("S", S))
    return np.broadcast_to(window_positions(left, right, offset)(queries[:, None], keys), (T, S)).copy()


def padding_mask(lengths: Any, S: int) -> Array:
    """Let every query attend to the first ``lengths`` keys of its sequence.

    Parameters
    ----------
    lengths : (...) of int
        How many keys of each sequence are real; the rest is padding.
    S
        The number of keys.

    Returns
    -------
    mask : (..., 1, S) of bool
        Ready to broadcast over the queries.

    Raises
    ------
    ValueError
        If a length is not an integer from 0 to S.

    Examples
    --------
    >>> padding_mask([1, 3], 3).astype(int)
    array([[[1, 0, 0]],
    <BLANKLINE>
           [[1, 1, 1]]])
    """
    keys = np.arange(as_size("S", S))
    lengths = as_lengths(lengths, f"from 0 to {S}", S)
    return keys < lengths[..., None, None]
