"""A block of the scores, some queries by some keys of one item: what is visible of it, its scores, and back.

Steps 1 to 5 of `reference.dot_product_attention` with the same numbers, worked in place, as a block is soon forgotten.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from reference.block_inputs import InputGradients, Inputs, of_item
from reference.broadcasting import sum_to_shape
from reference.inputs import Array, refuse
from reference.position_masks import PaddingPositions, Seen, WindowPositions


class Block(NamedTuple):
    """Which queries and keys of which item."""

    item: tuple[int, ...]  # an index of the leading axes
    queries: slice
    keys: slice


class BlockScores(NamedTuple):
    """The scores of a block, and what its backward needs besides."""

    block: Block
    query: Array  # (t, d_k)
    key: Array  # (s, d_k)
    scale: Array  # broadcasts to (t, s)
    slope: Array | None  # (t, s), of the softcap
    logits: Array  # (t, s), -inf where masked
    partly: slice  # the keys that may be masked
    hidden: Array | None  # broadcasts to (t, partly), True where masked


def of_block(array: Array, block: Block) -> Array:
    """What a block has of an array that broadcasts to the scores; to write to it is to write to the array."""
    matrix = of_item(array, block.item)
    queries, keys = (one if size > 1 else slice(None) for size, one in zip(matrix.shape, block[1:]))
    return matrix[queries, keys]


def visible(mask: Array | Callable[..., Any] | None, block: Block) -> Seen | None:
    """What the queries of a block see of its keys; None if nothing."""
    item, queries, keys = block
    if mask is None:
        return Seen(keys)
    if isinstance(mask, WindowPositions | PaddingPositions):  # which know it without a look at each pair
        return mask.seen(queries, keys, *item)
    if callable(mask):
        positions = np.arange(queries.start, queries.stop)[:, None], np.arange(keys.start, keys.stop)
        shown = np.asarray(mask(*positions, *item))
        _check_shown(shown, (queries.stop - queries.start, keys.stop - keys.start))
        shown = np.atleast_2d(shown)
    else:
        shown = of_block(mask, block)
    if shown.all():
        return Seen(keys)
    if shown.shape[1] == 1:
        return Seen(keys, slice(None), ~shown) if shown.any() else None
    of_any = np.flatnonzero(shown.any(axis=0))
    if not of_any.size:
        return None
    first, last = int(of_any[0]), int(of_any[-1]) + 1
    shown, keys = shown[:, first:last], slice(keys.start + first, keys.start + last)
    return Seen(keys) if shown.all() else Seen(keys, slice(None), ~shown)


class Workspace:
    """Memory for an array as large as a block, which one block after another uses.

    If each block asked for its own while that of the last is still held, glibc would give memory back to the system at
    every other block, and the system would clear it anew.
    """

    def __init__(self, dtype: Any) -> None:
        self.memory = np.empty(0, dtype)

    def array(self, rows: int, columns: int) -> Array:
        """An array of that shape, where the last one was; what is in it is for the caller to write."""
        if self.memory.size < rows * columns:
            self.memory = np.empty(rows * columns, self.memory.dtype)
        return self.memory[: rows * columns].reshape(rows, columns)


def block_scores(inputs: Inputs, block: Block, workspace: Workspace) -> BlockScores | None:
    """Return the scores of what is visible of a block, in the workspace, or None if nothing is."""
    found = visible(inputs.mask, block)
    if found is None:
        return None
    keys, partly, hidden = found
    block = block._replace(keys=keys)
    query, key = of_item(inputs.query, block.item)[block.queries], of_item(inputs.key, block.item)[block.keys]
    scale = of_block(inputs.scale, block)
    logits = workspace.array(len(query), len(key))
    if _is_of_queries(scale):
        np.matmul(scale * query, key.mT, out=logits)  # 1, 2: a pass over the scores less
    else:
        np.matmul(query, key.mT, out=logits)  # 1  (t, s)
        logits *= scale  # 2
    slope = None
    if inputs.softcap is not None:
        logits /= inputs.softcap
        np.tanh(logits, out=logits)
        slope = 1 - np.square(logits)
        logits *= inputs.softcap  # 3
    if inputs.bias is not None:
        logits += of_block(inputs.bias, block)  # 4
    if hidden is not None:
        np.copyto(logits[:, partly], -np.inf, where=hidden)  # 5
    return BlockScores(block, query, key, scale, slope, logits, partly, hidden)


def exponentials(scores: BlockScores, maximum: Array) -> Array:
    """Return exp(logits - maximum), (t, s), 0 where masked, in place of the logits."""
    found, masked = scores.logits, scores.logits[:, scores.partly]
    found -= maximum
    if scores.hidden is not None:  # not -inf, as NumPy's exp of a block half of which is -inf takes three times as long
        np.copyto(masked, 0.0, where=scores.hidden)
    np.exp(found, out=found)
    if scores.hidden is not None:
        np.copyto(masked, 0.0, where=scores.hidden)
    return found


def block_scores_backward(d_logits: Array, scores: BlockScores, gradients: InputGradients) -> None:
    """Add to the gradients what the logits of a block hand down; where they are masked, their gradient is 0 already."""
    block, query, key, scale, slope, *_ = scores
    d_query = of_item(gradients.d_query, block.item)[block.queries]
    d_key = of_item(gradients.d_key, block.item)[block.keys]
    if gradients.d_bias is not None:
        _add(of_block(gradients.d_bias, block), d_logits)  # 4
    if slope is not None:
        d_logits *= slope  # 3
    d_scale = of_block(gradients.d_scale, block)
    if _is_of_queries(scale):
        d_scaled_query = d_logits @ key  # 1  (t, d_k)
        _add(d_scale, np.sum(d_scaled_query * query, axis=-1, keepdims=True))  # 2
        d_query += scale * d_scaled_query  # 2
        d_key += d_logits.mT @ (scale * query)  # 1
    else:
        _add(d_scale, d_logits * (query @ key.mT))  # 2
        d_logits *= scale  # 2
        d_query += d_logits @ key  # 1
        d_key += d_logits.mT @ query  # 1


def _is_of_queries(scale: Array) -> bool:
    """Whether a scale is the same for all keys, so that it can multiply the query."""
    return scale.shape[-1] == 1


def _add(gradient: Array, contribution: Array) -> None:
    gradient += sum_to_shape(contribution, gradient.shape)


def _check_shown(shown: Array, shape: tuple[int, int]) -> None:
    try:
        fits = np.broadcast_shapes(shown.shape, shape) == shape
    except ValueError:
        fits = False
    if shown.dtype != np.bool_ or not fits:
        expected = f"a function that returns booleans that broadcast to {shape}"
        refuse("mask", expected, f"shape {shown.shape}, dtype {shown.dtype}")
