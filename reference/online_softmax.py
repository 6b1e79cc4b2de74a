"""The softmax of some queries over one block of keys after another, of which none is kept: steps 6 and 7 in blocks.

Three things are known of the keys so far: the largest logit ``maximum``, ``total``, the sum of their
``exp(logits - maximum)``, and ``sums``, that of their values times the same. A block of keys changes them so::

    new_maximum = max(maximum, largest of logits)
    rescale     = exp(maximum - new_maximum)
    total       = rescale * total + sum(exp(logits - new_maximum))
    sums        = rescale * sums + exp(logits - new_maximum) @ value

and after the last one the output is ``sums / total``. Milakov and Gimelshein, "Online normalizer calculation for
softmax" (2018), section 3; with the values, Dao, "FlashAttention-2" (2023), section 3.1.
"""

import numpy as np

from reference.block_inputs import Inputs, of_item, slices
from reference.blocks import Block, Workspace, block_scores, exponentials_of, largest_logit
from reference.inputs import Array, refuse
from reference.merging import rescaling
from reference.softmax import LOWEST


def attend_to_blocks(inputs: Inputs, item: tuple[int, ...], queries: slice, keys: int) -> tuple[Array, Array, Array]:
    """Let some queries attend to one block of so many keys after another; return their output, maximum and total."""
    value = of_item(inputs.value, item)
    rows = queries.stop - queries.start
    workspace = Workspace(value.dtype)
    maximum, total = np.full(rows, LOWEST, value.dtype), np.zeros(rows, value.dtype)
    sums = None
    for at_once in slices(len(value), keys):
        scores = block_scores(inputs, Block(item, queries, at_once), workspace)  # 1 to 4
        if scores is None:
            continue
        before, maximum = maximum, np.maximum(maximum, largest_logit(scores))  # 5
        _check_finite("logits", "finite numbers or -inf", maximum, item, queries)
        exponentials = exponentials_of(scores, maximum[:, None])  # 6, total times the weights
        total_of_block = exponentials.sum(axis=-1)
        sums_of_block = exponentials @ value[scores.block.keys]  # 7  (t, d_v)
        if sums is None:  # there is nothing before
            total, sums = total_of_block, sums_of_block
            continue
        rescale = rescaling(before, maximum)
        total *= rescale
        total += total_of_block
        sums *= rescale[:, None]
        sums += sums_of_block
    if sums is None:
        return np.zeros((rows, value.shape[-1]), value.dtype), maximum, total
    sums /= np.where(total == 0, 1.0, total)[:, None]  # the rest of 6: a pass over the weights less than before step 7
    _check_finite("output", "finite numbers", sums, item, queries)
    return sums, maximum, total


def _check_finite(name: str, expected: str, found: Array, item: tuple[int, ...], queries: slice) -> None:
    """Refuse what overflowed, with where that is among all queries of all items."""
    finite = np.isfinite(found)
    if not finite.all():
        row, *rest = (int(index) for index in np.argwhere(~finite)[0])
        refuse(name, expected, f"{found[row, *rest]} at index {(*item, queries.start + row, *rest)}")
