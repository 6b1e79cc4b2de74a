"""The masks in use as functions of positions, for `reference.blockwise_attention`, which never has a mask whole.

A function is called with the positions of queries, those of keys, and an index of the leading axes. Two are combined in
a third: ``lambda *positions: causal(*positions) & padding(*positions)``. That one is asked for each block, and does not
know that lengths have leading axes: query, key or value must have them too.
"""

from typing import Any, NamedTuple

import numpy as np

from reference.inputs import FURTHEST, Array, as_integer, as_size, refuse


class Seen(NamedTuple):
    """What some queries see of a block of keys."""

    keys: slice  # from the first that any query sees to the last
    partly: slice = slice(0, 0)  # which of these, counted from the first, not every query may see
    hidden: Array | None = None  # broadcasts to (t, partly): True = the query does not see the key


def causal_positions(offset: int = 0) -> "WindowPositions":
    """`causal_mask` as a function of positions.

    Parameters
    ----------
    offset
        As in `causal_mask`.

    Returns
    -------
    function of (queries, keys, *item)
        Of positions, which may be arrays that broadcast; nothing depends on the index of leading axes.

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


def window_positions(left: int | None, right: int | None, offset: int = 0) -> "WindowPositions":
    """`window_mask` as a function of positions.

    Parameters
    ----------
    left, right, offset
        As in `window_mask`.

    Returns
    -------
    function of (queries, keys, *item)
        Of positions, which may be arrays that broadcast; nothing depends on the index of leading axes.

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
    return WindowPositions(
        None if left is None else _in_reach(offset - as_size("left", left)),
        None if right is None else _in_reach(offset + as_size("right", right)),
    )


class WindowPositions(NamedTuple):
    """The function that `window_positions` and `causal_positions` return."""

    first: int | None  # key that a query sees, and the last, both less the query; None if all are
    last: int | None

    def __call__(self, queries: Any, keys: Any, *item: int) -> Array:
        """Whether keys are within the window."""
        if self.first is None and self.last is None:
            return np.asarray(True)
        if self.first is None:  # a pass over the block less than both take
            return np.asarray(keys <= queries + self.last)
        if self.last is None:
            return np.asarray(keys >= queries + self.first)
        return np.asarray((keys >= queries + self.first) & (keys <= queries + self.last))

    def seen(self, queries: slice, keys: slice, *item: int) -> Seen | None:
        """What queries see of a block of keys; ``partly`` is all of it if windows end and begin in it."""
        below = -FURTHEST if self.first is None else self.first
        above = FURTHEST if self.last is None else self.last
        first, last = max(keys.start, queries.start + below), min(keys.stop, queries.stop + above)
        if first >= last:
            return None
        of_all = slice(queries.stop - 1 + below, queries.start + above + 1)
        edge = slice(first, last)
        if of_all.start <= first:  # the first keys are seen by all
            edge = slice(max(first, min(of_all.stop, last)), last)
        elif last <= of_all.stop:  # the last ones are
            edge = slice(first, min(last, max(of_all.start, first)))
        if edge.start == edge.stop:
            return Seen(slice(first, last))
        return Seen(slice(first, last), slice(edge.start - first, edge.stop - first), self._hidden(queries, edge))

    def _hidden(self, queries: slice, keys: slice) -> Array:
        """Which keys are not within the window of each query: by their distance alone, found once for all queries."""
        rows, columns = queries.stop - queries.start, keys.stop - keys.start
        distances = np.arange(keys.start - (queries.stop - 1), keys.stop - queries.start)
        hidden = ~self(0, distances)
        # The last query has the first of them, and each query before it those from the next on: a view of one row,
        # in the bounds that np.ndarray checks.
        return np.ndarray((rows, columns), np.bool_, hidden, offset=rows - 1, strides=(-1, 1))


def padding_positions(lengths: Any) -> "PaddingPositions":
    """`padding_mask` as a function of positions.

    Parameters
    ----------
    lengths : (...) of int
        As in `padding_mask`; they broadcast with the leading axes. A length beyond S hides nothing.

    Returns
    -------
    function of (queries, keys, *item)
        Of the positions of keys and the index of leading axes; nothing depends on the queries.

    Raises
    ------
    ValueError
        If a length is not an integer of at least 0, or when the function is called, if there is none for an item.

    Examples
    --------
    Item 1 of a batch has three positions that are real:

    >>> padding_positions([1, 3])(0, np.arange(4), 1)
    array([ True,  True,  True, False])
    """
    return PaddingPositions(as_lengths(lengths, "of at least 0", None))


class PaddingPositions(NamedTuple):
    """The function that `padding_positions` returns, which knows its leading axes."""

    lengths: Array

    @property
    def leading_axes(self) -> tuple[int, ...]:
        """Those that it has lengths for, and that attention has then too."""
        return self.lengths.shape

    def __call__(self, queries: Any, keys: Any, *item: int) -> Array:
        """Whether keys are real, for the item of this index."""
        return np.asarray(keys < self._length(item))

    def seen(self, queries: slice, keys: slice, *item: int) -> Seen | None:
        """What queries see of a block of keys, all of them the same."""
        last = min(keys.stop, int(self._length(item)))
        return Seen(slice(keys.start, last)) if keys.start < last else None

    def _length(self, item: tuple[int, ...]) -> Any:
        lengths = self.lengths
        own = item[len(item) - lengths.ndim :]
        if len(item) < lengths.ndim or any(index >= size > 1 for size, index in zip(lengths.shape, own)):
            refuse("lengths", f"one for item {item}", f"shape {lengths.shape}")
        return lengths[tuple(0 if size == 1 else index for size, index in zip(lengths.shape, own))]


def as_lengths(lengths: Any, expected: str, most: int | None) -> Array:
    """Return lengths as an array; those that are none are refused."""
    lengths = np.asarray(lengths)
    if lengths.size and lengths.dtype.kind not in "iu":
        refuse("lengths", "integers", f"dtype {lengths.dtype}")
    if (lengths < 0).any() or (most is not None and (lengths > most).any()):
        refuse("lengths", f"integers {expected}", lengths.tolist())
    return lengths


def _in_reach(distance: int) -> int:
    """A distance to which a position can be added."""
    return max(-FURTHEST, min(distance, FURTHEST))
