"""The masks in use as functions of positions, for `reference.blockwise_attention`, which never has a mask whole.

A function is called with the positions of queries, those of keys, and an index of the leading axes. Those that are made
here are combined with ``&``, as masks are. One of your own is combined with them in a third,
``lambda *positions: causal(*positions) & own(*positions)``. That one is asked for each block, and nobody knows whether
it has leading axes: query, key or value must have them, or it is called without an index.
"""

from collections.abc import Callable
from functools import reduce
from operator import and_
from typing import Any, NamedTuple

import numpy as np

from reference.inputs import FURTHEST, Array, as_integer, as_one_array, as_size, broadcast_leading, refuse


class Visible(NamedTuple):
    """What is visible to some queries of a block of keys."""

    keys: slice  # from the first that is visible to any query to the last
    partly: slice = slice(0, 0)  # which of these, counted from the first, may be hidden from some query
    hidden: Array | None = None  # broadcasts to (t, partly), the opposite of a mask: True = hidden from the query


def causal_positions(offset: int = 0) -> "PositionMask":
    """`causal_mask` as a function of positions.

    Parameters
    ----------
    offset
        As in `causal_mask`.

    Returns
    -------
    PositionMask
        A function of (queries, keys, *item), positions that may be arrays that broadcast; nothing depends on the index
        of leading axes. It is combined with others by ``&``.

    Raises
    ------
    ValueError
        If the offset is not an integer.

    Examples
    --------
    >>> causal_positions()(2, np.arange(4))
    array([ True,  True,  True, False])
    """
    return window_positions(None, 0, offset)


def window_positions(left: int | None, right: int | None, offset: int = 0) -> "PositionMask":
    """`window_mask` as a function of positions.

    Parameters
    ----------
    left, right, offset
        As in `window_mask`.

    Returns
    -------
    PositionMask
        A function of (queries, keys, *item), positions that may be arrays that broadcast; nothing depends on the index
        of leading axes. It is combined with others by ``&``.

    Raises
    ------
    ValueError
        If ``left`` or ``right`` is not an integer of at least 0, or the offset not an integer.

    Examples
    --------
    >>> window_positions(left=1, right=0)(2, np.arange(4))
    array([False,  True,  True, False])
    """
    offset = as_integer("offset", offset)
    return PositionMask(
        None if left is None else _in_reach(offset - as_size("left", left)),
        None if right is None else _in_reach(offset + as_size("right", right)),
    )


def padding_positions(lengths: Any) -> "PositionMask":
    """`padding_mask` as a function of positions.

    Parameters
    ----------
    lengths : (...) of int
        As in `padding_mask`; they broadcast with the leading axes. A length beyond S hides nothing.

    Returns
    -------
    PositionMask
        A function of (queries, keys, *item), positions and the index of leading axes; nothing depends on the queries.
        It is combined with others by ``&``.

    Raises
    ------
    ValueError
        If a length is not an integer of at least 0, or when the function is called, if there is none for an item.

    Examples
    --------
    Item 1 of a batch has three positions that are real:

    >>> padding_positions([1, 3])(0, np.arange(4), 1)
    array([ True,  True,  True, False])

    In causal order, query 1 of that item may attend two of them:

    >>> (causal_positions() & padding_positions([1, 3]))(1, np.arange(4), 1)
    array([ True,  True, False, False])
    """
    return PositionMask(lengths=as_lengths(lengths, "of at least 0", None))


class PositionMask(NamedTuple):
    """The function that is returned here: a window, padding, or both."""

    first: int | None = None  # that is visible of the keys, less the position of the query; None if it is key 0
    last: int | None = None  # that is visible, less the same; None if it is the last there is
    lengths: Array | None = None  # broadcast with the leading axes; None if no key is padding

    def __call__(self, queries: Any, keys: Any, *item: int) -> Array:
        """Whether the query of a position may attend the key of a position, in the item of this index."""
        queries, keys = np.asarray(queries, np.int64), np.asarray(keys, np.int64)  # to which a distance can be added
        limits = [
            None if self.first is None else keys >= queries + self.first,
            None if self.last is None else keys <= queries + self.last,
            None if self.lengths is None else keys < _length(self.lengths, item),
        ]
        return np.asarray(reduce(and_, [limit for limit in limits if limit is not None] or [True]))

    def __bool__(self) -> bool:
        """Refuse what ``and``, ``or`` and ``not`` ask, which would drop one of two masks."""
        refuse("mask", "masks of positions combined by &", "and, or, or not")

    def __and__(self, other: Any) -> "PositionMask":
        """What may be attended by both.

        Raises
        ------
        ValueError
            If the other is no mask of positions, or both have lengths that do not broadcast.
        """
        if not isinstance(other, PositionMask):
            refuse("mask", "a mask of positions to combine with another", type(other).__name__)
        first = _of_both(max, self.first, other.first)
        last = _of_both(min, self.last, other.last)
        return PositionMask(first, last, _of_both(_shorter, self.lengths, other.lengths))

    def __rand__(self, other: Any) -> "PositionMask":
        """Refuse what is no mask of positions."""
        return self & other

    def __array_ufunc__(self, *given: Any, **options: Any) -> Any:
        """Refuse to be taken for an array by another."""
        refuse("mask", "a mask of positions to combine with another", "an array")

    @property
    def leading_axes(self) -> tuple[int, ...]:
        """Those that it has lengths for, and that attention has then too."""
        return () if self.lengths is None else self.lengths.shape

    def visible(self, queries: slice, keys: slice, *item: int) -> Visible | None:
        """What is visible of a block; None if nothing. Of a window's two edges ``partly`` has what lies between too."""
        below = -FURTHEST if self.first is None else self.first
        above = FURTHEST if self.last is None else self.last
        real = keys.stop if self.lengths is None else min(keys.stop, int(_length(self.lengths, item)))
        first, last = max(keys.start, queries.start + below), min(real, queries.stop + above)
        if first >= last or below > above:  # of two windows there may be nothing in both
            return None
        of_all = slice(queries.stop - 1 + below, queries.start + above + 1)
        edge = slice(first, last)
        if of_all.start <= first:  # the first keys are visible to all
            edge = slice(max(first, min(of_all.stop, last)), last)
        elif last <= of_all.stop:  # the last ones are
            edge = slice(first, min(last, of_all.start))
        if edge.start == edge.stop:
            return Visible(slice(first, last))
        return Visible(slice(first, last), slice(edge.start - first, edge.stop - first), self._hidden(queries, edge))

    def _hidden(self, queries: slice, keys: slice) -> Array:
        """Which real keys are hidden from each query: by their distance alone, found once for all queries."""
        rows, columns = queries.stop - queries.start, keys.stop - keys.start
        distances = np.arange(keys.start - (queries.stop - 1), keys.stop - queries.start)
        hidden = ~PositionMask(self.first, self.last)(0, distances)
        # The last query has the first of them, and each query before it those from the next on: a view of one row,
        # in the bounds that np.ndarray checks.
        return np.ndarray((rows, columns), np.bool_, hidden, offset=rows - 1, strides=(-1, 1))


def _of_both(choose: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    """What is chosen of two limits; if one of them is None, the other."""
    return one if other is None else other if one is None else choose(one, other)


def _length(lengths: Array, item: tuple[int, ...]) -> Any:
    """That of the item of this index."""
    own = item[len(item) - lengths.ndim :]
    if len(item) < lengths.ndim or any(index >= size > 1 for size, index in zip(lengths.shape, own)):
        refuse("lengths", f"one for item {item}", f"shape {lengths.shape}")
    return lengths[tuple(0 if size == 1 else index for size, index in zip(lengths.shape, own))]


def _shorter(lengths: Array, others: Array) -> Array:
    broadcast_leading("lengths", others.shape, "those of the other mask", lengths.shape)
    return np.asarray(np.minimum(lengths, others))


def as_lengths(lengths: Any, expected: str, most: int | None) -> Array:
    """Return lengths as an array; those that are none are refused."""
    lengths = as_one_array("lengths", "integers", lengths)
    if lengths.size and lengths.dtype.kind not in "iu":
        refuse("lengths", "integers", f"dtype {lengths.dtype}")
    unusable = (lengths < 0) | (lengths > (FURTHEST if most is None else most))
    if unusable.any():
        index = tuple(int(axis) for axis in np.argwhere(unusable)[0])
        refuse("lengths", f"integers {expected}", f"{lengths[index]} at index {index}" if index else lengths)
    return lengths.astype(np.int64)  # a copy, as the backward needs what the forward had


def _in_reach(distance: int) -> int:
    """A distance to which a position can be added."""
    return max(-FURTHEST, min(distance, FURTHEST))
