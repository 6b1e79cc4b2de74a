"""A block of the scores, some queries by some keys of one item: what is visible of it, its scores, and back.

Steps 1 to 5 of `reference.dot_product_attention` with the same numbers, worked in place, as a block is soon forgotten.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from reference.block_inputs import InputGradients, Inputs, of_item
from reference.broadcasting import sum_to_shape
from reference.inputs import Array, as_one_array, refuse
from reference.position_masks import PositionMask, Visible
from reference.products import finite_beside_zeros, sum_products_to_shape


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
    scaled_query: Array | None  # (t, d_k), if what was multiplied by the scale is the query
    slope: Array | None  # (t, s), of the softcap
    scores: Array  # (t, s), of hidden keys too
    partly: slice  # which of the s keys may be hidden
    hidden: Array | None  # broadcasts to (t, partly), True = hidden from the query


def of_block(array: Array, block: Block) -> Array:
    """What a block has of an array that broadcasts to the scores; to write to it is to write to the array."""
    matrix = of_item(array, block.item)
    queries, keys = (one if size > 1 else slice(None) for size, one in zip(matrix.shape, block[1:]))
    return matrix[queries, keys]


def visible(mask: Array | Callable[..., Any] | None, block: Block) -> Visible | None:
    """What is visible to the queries of a block of its keys; None if nothing."""
    item, queries, keys = block
    if mask is None:
        return Visible(keys)
    if isinstance(mask, PositionMask):  # which knows it without a look at each pair
        return mask.visible(queries, keys, *item)
    attends = _asked(mask, block) if callable(mask) else of_block(mask, block)
    if attends.all():
        return Visible(keys)
    if attends.shape[1] == 1:
        return Visible(keys, slice(None), ~attends) if attends.any() else None
    of_any = np.flatnonzero(attends.any(axis=0))
    if not of_any.size:
        return None
    first, last = int(of_any[0]), int(of_any[-1]) + 1
    attends, keys = attends[:, first:last], slice(keys.start + first, keys.start + last)
    return Visible(keys) if attends.all() else Visible(keys, slice(None), ~attends)


def _asked(mask: Callable[..., Any], block: Block) -> Array:
    """What somebody's function says of a block, as a mask of it."""
    item, queries, keys = block
    shape = queries.stop - queries.start, keys.stop - keys.start
    expected = f"a function that returns booleans that broadcast to {shape}"
    positions = np.arange(queries.start, queries.stop)[:, None], np.arange(keys.start, keys.stop)
    attends = as_one_array("mask", expected, mask(*positions, *item))
    try:
        fits = np.broadcast_shapes(attends.shape, shape) == shape
    except ValueError:
        fits = False
    if attends.dtype != np.bool_ or not fits:
        refuse("mask", expected, f"shape {attends.shape}, dtype {attends.dtype}")
    return np.atleast_2d(attends)


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
    scores = workspace.array(len(query), len(key))
    # Where the scale is the same for all keys, it multiplies the query, which saves a pass over the scores.
    scaled_query = _scaled(query, scale) if scale.shape[-1] == 1 else None
    if scaled_query is not None:
        np.matmul(scaled_query, key.mT, out=scores)  # 1, 2
    else:
        np.matmul(query, key.mT, out=scores)  # 1  (t, s)
        scores *= scale  # 2
    slope = None
    if inputs.softcap is not None:
        scores /= inputs.softcap
        np.tanh(scores, out=scores)
        slope = 1 - np.square(scores)
        scores *= inputs.softcap  # 3
    if inputs.bias is not None:
        scores += of_block(inputs.bias, block)  # 4
    return BlockScores(block, query, key, scale, scaled_query, slope, scores, partly, hidden)


def largest_logit(given: BlockScores) -> Array:
    """The largest logit of each query, (t,), -inf if none is visible; from here on the scores are the logits."""
    set_hidden(given.scores, given, -np.inf)  # 5
    return given.scores.max(axis=-1)


def exponentials_of(given: BlockScores, maximum: Array) -> Array:
    """Return exp(logits - maximum), (t, s), in place of the scores, which are lost."""
    exponentials = given.scores
    with np.errstate(over="ignore"):  # so much lower than the maximum that the difference is -inf
        exponentials -= maximum
    set_hidden(exponentials, given, 0.0)  # of -inf NumPy's exp takes several times as long
    np.exp(exponentials, out=exponentials)
    set_hidden(exponentials, given, 0.0)
    return exponentials


def set_hidden(array: Array, given: BlockScores, number: float) -> None:
    """Write a number wherever a key is hidden from a query, into an array (t, s)."""
    if given.hidden is not None:
        np.copyto(array[:, given.partly], number, where=given.hidden)


def block_scores_backward(d_logits: Array, scores: BlockScores, gradients: InputGradients) -> None:
    """Add to the gradients what the logits of a block hand down; where they are hidden, their gradient is 0 already."""
    block, query, key, scale, scaled_query, slope, *_ = scores
    d_query = of_item(gradients.d_query, block.item)[block.queries]
    d_key = of_item(gradients.d_key, block.item)[block.keys]
    if gradients.d_bias is not None:
        _add(of_block(gradients.d_bias, block), d_logits)  # 4
    if slope is not None:
        d_logits *= finite_beside_zeros(slope, d_logits)  # 3
    d_scale = of_block(gradients.d_scale, block)
    d_scaled_query = None if scaled_query is None else _to_be_scaled(d_logits, key, scale)  # 1  (t, d_k)
    if scaled_query is not None and d_scaled_query is not None:
        _add(d_scale, np.sum(d_scaled_query * query, axis=-1, keepdims=True))  # 2
        d_query += scale * d_scaled_query  # 2
        d_key += d_logits.mT @ scaled_query  # 1
    else:
        d_scale += sum_products_to_shape(d_logits, query @ key.mT, d_scale.shape)  # 2
        d_logits *= scale  # 2
        d_query += d_logits @ key  # 1
        d_key += d_logits.mT @ query  # 1


def _scaled(query: Array, scale: Array) -> Array | None:
    """The query times the scale; None if any of that is too large for a number, or so small that digits are lost."""
    with np.errstate(over="ignore", under="ignore"):
        product = scale * query
    sizes = np.abs(product)
    if not sizes.max(initial=0) < np.inf:
        return None
    least = np.finfo(product.dtype).tiny
    if sizes.min(initial=np.inf) < least and np.any((sizes < least) & (query != 0) & (scale != 0)):
        return None
    return product


def _to_be_scaled(d_logits: Array, key: Array, scale: Array) -> Array | None:
    """The gradient of the scaled query; None if any of it is too large, or so small that to scale it loses digits."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        product: Array = d_logits @ key
    sizes = np.abs(product)
    if not sizes.max(initial=0) < np.inf:
        return None
    # The scale, or the query in the gradient of the scale, would make more of what an underflow took away.
    is_small = sizes < np.finfo(sizes.dtype).tiny
    if is_small.any() and np.any(is_small & np.any(d_logits, axis=-1, keepdims=True) & np.any(key, axis=-2)):
        return None
    return product


def _add(gradient: Array, contribution: Array) -> None:
    gradient += sum_to_shape(contribution, gradient.shape)
