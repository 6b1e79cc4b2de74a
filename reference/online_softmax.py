"""The softmax of some queries over one block of keys after another, of which none is kept: steps 6 and 7 in blocks.

Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018), algorithm 3.
"""

import numpy as np

from reference.block_inputs import Inputs, of_item, slices
from reference.blocks import Block, Workspace, block_scores, exponentials
from reference.inputs import Array, as_array
from reference.merging import shrunk
from reference.softmax import LOWEST


def attend_to_blocks(inputs: Inputs, item: tuple[int, ...], queries: slice, held: int) -> tuple[Array, Array, Array]:
    """Let some queries attend to one block of keys after another; return their output, maximum and total.

    The exponentials are those of the logits less the largest so far. Where a block has a larger one, what was summed
    up before is multiplied by what it should have been less, so that it is as if that had been known all along.
    """
    value = of_item(inputs.value, item)
    rows = queries.stop - queries.start
    workspace = Workspace(value.dtype)
    maximum, total = np.full(rows, LOWEST, value.dtype), np.zeros(rows, value.dtype)
    sums = None
    for keys in slices(len(value), held):
        scores = block_scores(inputs, Block(item, queries, keys), workspace)  # 1 to 5
        if scores is None:
            continue
        before, maximum = maximum, np.maximum(maximum, scores.logits.max(axis=-1))
        if not np.isfinite(maximum).all():
            as_array("logits", maximum, may_hide=True)
        weights = exponentials(scores, maximum[:, None])  # 6, total times the weights
        total_of_block, sums_of_block = weights.sum(axis=-1), weights @ value[scores.block.keys]  # 7  (t, d_v)
        if sums is None:  # there is nothing before
            total, sums = total_of_block, sums_of_block
            continue
        rescale = shrunk(before, maximum)
        total *= rescale
        total += total_of_block
        sums *= rescale[:, None]
        sums += sums_of_block
    if sums is None:
        return np.zeros((rows, value.shape[-1]), value.dtype), maximum, total
    sums /= np.where(total == 0, 1.0, total)[:, None]  # the rest of 6: a pass over the weights less than before step 7
    return as_array("output", sums), maximum, total
