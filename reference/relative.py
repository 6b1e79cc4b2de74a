"""Relative position bias: a learned number for each head and each bucket of distances, and its backward."""

from bisect import bisect_left
from typing import Any

import numpy as np

from reference.inputs import Array, as_array, as_cotangent, as_integer, as_size, refuse


def relative_positions(T: int, S: int, offset: int = 0) -> Array:
    """Return how far after each query each key is, ``key - (query + offset)``: (T, S) of int."""
    queries = np.arange(as_size("T", T))[:, None] + as_integer("offset", offset)  # (T, 1)
    return np.arange(as_size("S", S)) - queries


def relative_buckets(
    T: int, S: int, *, buckets: int = 32, furthest: int = 128, bidirectional: bool = True, offset: int = 0
) -> Array:
    """Sort keys by how far they are from the query: near ones each distance apart, further ones ever more together.

    Of the n buckets of one direction, the first half hold a distance each: 0, 1, 2, up to n / 2 - 1. The others
    divide what lies between n / 2 and ``furthest`` evenly by its logarithm; the last holds all beyond as well.

    Parameters
    ----------
    T, S
        The numbers of queries and of keys.
    buckets
        How many there are for both directions together.
    furthest
        From which distance on all are alike.
    bidirectional
        Whether keys after the query have buckets of their own, the second half of all. If not, they all are in
        bucket 0 with the query itself, and should be hidden by a causal mask.
    offset
        The position of the first query among the keys, as in `causal_mask`.

    Returns
    -------
    buckets : (T, S) of int
        To be looked up by `relative_bias`.

    Raises
    ------
    ValueError
        If there are less than two buckets a direction, or an odd number of them for two, if ``furthest`` does not
        exceed half the buckets of a direction, or for a size or offset that is no integer.

    Notes
    -----
    Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer" (2020),
    section 2.1, as in the code of T5 and mT5, where bucket ``m + j`` begins at the distance
    ``m * (furthest / m) ** (j / (n - m))``, m being half of n. That code takes logarithms in float32. Here integers
    are compared, ``distance ** (n - m)`` and ``furthest ** j * m ** (n - m - j)``, so that nothing is rounded. The two
    agree at every distance for 32 buckets and 128, one direction or two, for 320 and 800 (WavLM), and in
    hundreds of other settings that were tried. It is the order of operations that saves them: where the quotient of the
    constants is taken first, in float32, 128 buckets of one direction and 100 put a distance of 80, where bucket
    96 begins, into bucket 95.

    Examples
    --------
    Of 8 buckets for two directions and distances to 8, 0 to 3 are for distances 0, 1, 2 to 3 and 4 on:

    >>> relative_buckets(1, 7, buckets=8, furthest=8, offset=6)
    array([[3, 3, 3, 2, 2, 1, 0]])
    >>> relative_buckets(1, 7, buckets=8, furthest=8)
    array([[0, 5, 6, 6, 7, 7, 7]])
    """
    positions = relative_positions(T, S, offset)
    buckets, furthest = as_integer("buckets", buckets), as_integer("furthest", furthest)
    directions = 2 if bidirectional else 1
    if buckets < 2 * directions or buckets % directions:
        refuse("buckets", "an even integer of at least 4" if bidirectional else "an integer of at least 2", buckets)
    of_direction = buckets // directions
    if furthest <= of_direction // 2:
        refuse("furthest", f"an integer above {of_direction // 2}, of which each has a bucket of its own", furthest)
    distances = np.abs(positions) if bidirectional else np.maximum(-positions, 0)
    of_distance = np.searchsorted(_thresholds(of_direction, furthest), distances, side="right")
    return of_distance + np.where(positions > 0, of_direction, 0) if bidirectional else of_distance


def _thresholds(n: int, furthest: int) -> list[int]:
    """The distances at which buckets 1 to n - 1 begin, each found by bisection."""
    m = n // 2
    near, beyond = list(range(1, m + 1)), range(m, furthest + 1)
    steps = n - m
    return near + [
        beyond[bisect_left(beyond, furthest**j * m ** (steps - j), key=lambda distance: distance**steps)]
        for j in range(1, steps)
    ]


def relative_bias(table: Any, buckets: Any) -> Array:
    """Look up the bias of each head for each pair of a query and a key.

    Parameters
    ----------
    table : (N, H)
        What each head adds to its scores in each bucket.
    buckets : (T, S) of int
        From 0 to N - 1, as `relative_buckets` returns them.

    Returns
    -------
    bias : (H, T, S)
        What `dot_product_attention` and `multi_head_attention` add to the scores.

    Raises
    ------
    ValueError
        If the table has not two axes, or the buckets are no integers or not in the table.

    Examples
    --------
    >>> buckets = relative_buckets(2, 2, buckets=4, furthest=4)
    >>> buckets
    array([[0, 3],
           [1, 0]])
    >>> bias = relative_bias([[1.0], [2.0], [3.0], [4.0]], buckets)
    >>> bias
    array([[[1., 4.],
            [2., 1.]]])
    >>> from reference import dot_product_attention
    >>> dot_product_attention(np.zeros((2, 1)), np.zeros((2, 1)), np.zeros((2, 1)), bias=bias).scores
    array([[[1., 4.],
            [2., 1.]]])
    """
    table, buckets = _checked(table, buckets)
    return np.moveaxis(table[buckets], -1, 0)


def relative_bias_backward(d_bias: Any, table: Any, buckets: Any) -> Array:
    """Return the gradient of the table: each entry has the sum over all pairs that looked it up.

    Parameters
    ----------
    d_bias : (H, T, S)
        The gradient with respect to what `relative_bias` returned, such as that of `dot_product_attention_backward`.
    table : (N, H)
    buckets : (T, S) of int

    Returns
    -------
    d_table : (N, H)

    Raises
    ------
    ValueError
        As `relative_bias`, or if ``d_bias`` does not fit.

    Examples
    --------
    >>> relative_bias_backward([[[1.0, 10.0], [20.0, 2.0]]], [[1.0], [2.0], [3.0], [4.0]], [[0, 3], [1, 0]])
    array([[ 3.],
           [20.],
           [ 0.],
           [10.]])
    """
    table, buckets = _checked(table, buckets)
    (N, H), pairs = table.shape, buckets.size
    d_bias = as_cotangent("d_bias", d_bias, f"table {table.shape} and buckets {buckets.shape}", (H, *buckets.shape))
    looked_up = buckets.reshape(pairs, 1) == np.arange(N)  # (T * S, N)
    return (d_bias.reshape(H, pairs) @ looked_up.astype(np.float64)).mT


def _checked(table: Any, buckets: Any) -> tuple[Array, Array]:
    table, buckets = as_array("table", table), np.asarray(buckets)
    if table.ndim != 2:
        refuse("table", "shape (N, H)", table.shape)
    if buckets.ndim != 2:
        refuse("buckets", "shape (T, S)", buckets.shape)
    if buckets.size and buckets.dtype.kind not in "iu":
        refuse("buckets", "integers", f"dtype {buckets.dtype}")
    if ((buckets < 0) | (buckets >= table.shape[0])).any():
        refuse("buckets", f"integers from 0 to {table.shape[0] - 1}", f"{buckets.min()} to {buckets.max()}")
    return table, buckets.astype(np.intp)
