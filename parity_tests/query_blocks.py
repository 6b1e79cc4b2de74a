"""The truth of long examples: the reference's own forward and backward on some queries after others.

All at once, what carries its bound for millions of scores takes gigabytes. A query's row of the softmax is whole in
a block of queries, so that nothing is computed otherwise but the sums over queries, which are added block by block.
"""

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from reference.rounding import FLOAT32, Rounded
from reference.rounding_model import Tracked

MANY_SCORES = 2**21  # scores of an example that is worked in blocks
AT_ONCE = 2**17  # scores of a block
SUMMED = ("d_key", "d_value", "d_scale", "d_v_a", "d_projections")  # over the queries; d_query has a part of each block


class InBlocks(NamedTuple):
    """What a forward in blocks keeps: what it was given, and of the results what is not as large as the weights.

    The scores are computed once more if somebody asks, as conditions do of a layer that disagrees.
    """

    arrays: tuple
    mask: np.ndarray
    options: dict[str, Any]
    output: Any
    scores: Any
    weights: None = None

    @property
    def attention(self):
        """Where a record of several heads has the scores."""
        return self


def is_long(example):
    """Whether an example has so many scores that its truth is computed in blocks."""
    arrays = list(example.inputs.values())
    return arrays[0].shape[0] * arrays[0].shape[1] * arrays[-1].shape[1] >= MANY_SCORES


def in_blocks(forward, backward):
    """Return what computes what a forward and its backward do, a block of queries at a time.

    Parameters
    ----------
    forward
        Called as ``forward(query, *arrays, mask=..., **options)``, the mask with an axis of queries before the last.
    backward
        Called as ``backward(d_output, record, None)``.
    """

    def attend(query, *arrays, mask, **options):
        outputs = [_settled(one.output) for _, one in _records(forward, query, arrays, mask, options)]
        scores = Rounded(lambda: _scores(_records(forward, query, arrays, mask, options), mask), query.arithmetic)
        return InBlocks((query, *arrays), mask, options, np.concatenate(outputs, axis=-2), scores)

    def go_back(d_output, attention, d_weights=None):
        if d_weights is not None:
            raise ValueError("d_weights: expected none for a long example, as nothing keeps its weights")
        query, *arrays = attention.arrays
        of_query, summed = [], {}
        for rows, record in _records(forward, query, arrays, attention.mask, attention.options):
            gradients = backward(d_output[..., rows, :], record, None)
            of_query.append(_settled(gradients.d_query))
            for name in SUMMED:
                summed[name] = _sum(summed.get(name), getattr(gradients, name, None))
            del record, gradients  # before the next are computed
        return SimpleNamespace(d_query=np.concatenate(of_query, axis=-2), **summed)

    return attend, go_back


def _records(forward, query, arrays, mask, options):
    """The record of one block of queries after another, with the slice of these."""
    for rows in _rows(mask):
        yield rows, forward(query[..., rows, :], *arrays, mask=mask[..., rows, :], **options)


def _scores(records, mask):
    """What is told of the scores: float32 numbers and one bound a row, of scores that are looked at for their size."""
    values, errors, largest = None, None, None
    for rows, record in records:
        scores = getattr(record, "attention", record).scores
        if values is None:
            shape = (*scores.shape[:-2], mask.shape[-2], scores.shape[-1])
            values = np.empty(shape, np.float32)
            errors, largest = np.empty((2, *shape[:-1], 1))
        values[..., rows, :] = scores.value
        largest[..., rows, :] = np.abs(scores.value).max(axis=-1, keepdims=True, initial=0)
        errors[..., rows, :] = scores.error.max(axis=-1, keepdims=True, initial=0)
    errors += largest * FLOAT32.unit_roundoff + FLOAT32.underflow  # as they are rounded once more
    errors, largest, ones = (np.broadcast_to(one, shape) for one in (errors, largest, np.int8(1)))
    return Tracked(values, errors, errors, largest, None, ones)


def _rows(mask):
    """Slices of queries that together have not too many scores."""
    *leading, T, S = mask.shape
    held = max(1, AT_ONCE // max(1, S * int(np.prod(leading))))
    return [slice(first, min(first + held, T)) for first in range(0, max(1, T), held)]


def _sum(first, second):
    """The sum of two gradients, or of each of several; of what there is."""
    if second is None:
        return first
    if isinstance(second, tuple):
        return type(second)(*(_sum(one, other) for one, other in zip(first or [None] * len(second), second)))
    return _settled(second if first is None else first + second)


def _settled(array):
    """An array with its bound computed, so that it holds nothing of what it was computed from."""
    if isinstance(array, Rounded):
        array.tracked  # noqa: B018  which computes it
    return array
