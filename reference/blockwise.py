"""Dot-product attention a block at a time, for long sequences: exact, in memory that does not grow with T * S.

`reference.dot_product` keeps every intermediate, most of which have as many numbers as there are pairs of a query and a
key. Here they live for one block of some queries and some keys. The forward keeps two numbers a query; from these the
backward computes each block's weights once more.
"""

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from reference.block_inputs import InputGradients, Inputs, as_inputs, leading_axes, of_item, slices
from reference.blocks import Block, Workspace, block_scores, block_scores_backward, exponentials_of
from reference.dot_product import checked_options
from reference.inputs import Array, as_array, as_cotangent, as_count, as_one_array, check_plain, refuse
from reference.item_gradients import summed
from reference.masks import causal_mask, padding_mask, window_mask
from reference.merging import AttentionPart, as_part_of, log_sum_exp
from reference.online_softmax import attend_to_blocks
from reference.position_masks import causal_positions, padding_positions, window_positions
from reference.products import finite_beside_zeros
from reference.threads import in_order

# 4 MB of float64. Of smaller blocks more can be left out where keys are hidden, but there are more calls.
BLOCK = (256, 2048)
# These return masks; one easily passes the function itself, its brackets forgotten.
MAKE_MASKS = (causal_mask, causal_positions, padding_mask, padding_positions, window_mask, window_positions)


class BlockwiseAttention(NamedTuple):
    """The inputs, and what the forward pass keeps of all the weights; one of the parts of `merge_attention`."""

    query: Array  # (..., T, d_k)
    key: Array  # (..., S, d_k)
    value: Array  # (..., S, d_v)
    scale: Array
    softcap: float | None
    bias: Array | None
    mask: Array | Callable[..., Any] | None
    block: tuple[int, int]
    maximum: Array  # (..., T), the largest logit of each query; the lowest number there is if nothing is visible
    total: Array  # (..., T), the sum of exp(logits - maximum)
    log_sum_exp: Array  # (..., T), maximum + log(total); -inf where nothing is visible
    output: Array  # (..., T, d_v)


class BlockwiseGradients(NamedTuple):
    """The gradients of the inputs, in the shape of what they are of."""

    d_value: Array
    d_bias: Array | None
    d_scale: Array
    d_query: Array
    d_key: Array


def blockwise_attention(
    query: Any,
    key: Any,
    value: Any,
    *,
    scale: Any = 1.0,
    softcap: float | None = None,
    bias: Any = None,
    mask: Any = None,
    block: tuple[int, int] = BLOCK,
    threads: int = 1,
) -> BlockwiseAttention:
    """Compute what `dot_product_attention` does, in blocks of some queries by some keys.

    Parameters
    ----------
    query : (..., T, d_k)
    key : (..., S, d_k)
    value : (..., S, d_v)
    scale, softcap, bias
        As in `dot_product_attention`.
    mask : bool, broadcasts to (..., T, S), or a function, optional
        True = may attend. A function is called as ``mask(queries, keys, *item)`` for every block, with the positions of
        its queries, (t, 1), and of its keys, (s,), and the index of the leading axes; it returns what broadcasts to
        (t, s). Blocks in which nothing is visible are skipped. It says nothing of leading axes: query, key or value
        must have those that it looks at. With threads, it is called in several of them at a time.
        What `causal_positions`, `window_positions` and `padding_positions` return is not called for blocks:
        these, and what ``&`` makes of them, know what is visible of a block without a look at each pair.
    block : two sizes
        How many queries and how many keys at once.
    threads : int
        For how many blocks of queries it is computed at a time. More than one is faster if NumPy's matrix products are
        held to one thread each, for which there is the package threadpoolctl.

    Returns
    -------
    BlockwiseAttention
        Of which ``output`` and ``log_sum_exp`` are the result. It has the arrays that were given, not copies, if they
        are float64, and the mask: the backward computes from them, and calls a function that is the mask, once more.

    Raises
    ------
    ValueError
        As `dot_product_attention`, or if the output overflows, a size of the block or the number of threads is not an
        integer of at least 1, or the function returns something else than booleans that fit the block. An array type of
        its own, such as `reference.rounding.Rounded`, is refused: its bound is that of `dot_product_attention`.

    Notes
    -----
    Rabe and Staats, "Self-attention Does Not Need O(n²) Memory" (2021); Dao et al., "FlashAttention" (2022); with
    one block of keys after another for each of queries, Dao, "FlashAttention-2" (2023), algorithm 1.

    The output is divided by the total last, so that a sum of values near the largest of float64 may overflow here and
    not in `dot_product_attention`. It is refused then.

    Examples
    --------
    Scores ln 1, ln 2, ln 3, of which a block holds one. Their exponentials sum to 6:

    >>> attention = blockwise_attention(
    ...     [[1.0]], np.log([[1.0], [2.0], [3.0]]), [[6.0], [3.0], [2.0]], block=(1, 1)
    ... )
    >>> np.round(attention.output, 12), np.round(np.exp(attention.log_sum_exp), 12)
    (array([[3.]]), array([6.]))
    """
    query, key, value = as_array("query", query), as_array("key", key), as_array("value", value)
    for function in MAKE_MASKS:
        if mask is function:
            refuse("mask", f"what {function.__name__}(...) returns", "the function itself")
    whole = None if callable(mask) else mask
    scale, bias, whole = checked_options(query, key, value, scale, softcap, bias, whole)
    mask = mask if callable(mask) else whole
    of_block = "two sizes, of queries and of keys"
    if as_one_array("block", of_block, block).shape != (2,):
        refuse("block", of_block, block)
    block, threads = (as_count("block", block[0]), as_count("block", block[1])), as_count("threads", threads)
    inputs = as_inputs(query, key, value, scale, softcap, bias, mask)
    leading = leading_axes(inputs)
    T, d_v = query.shape[-2], value.shape[-1]
    output = np.empty((*leading, T, d_v), inputs.query.dtype)
    maximum, total = (np.empty((*leading, T), inputs.query.dtype) for _ in range(2))

    def attend(which: tuple[tuple[int, ...], slice]) -> None:
        item, queries = which
        found = attend_to_blocks(inputs, item, queries, block[1])
        output[item][queries], maximum[item][queries], total[item][queries] = found

    # The last queries first: in causal order they see most, and threads are done together if the long ones begin.
    last_first = list(slices(T, block[0]))[::-1]
    for _ in in_order(attend, list(product(np.ndindex(leading), last_first)), threads):
        pass
    return BlockwiseAttention(
        query, key, value, scale, softcap, bias, mask, block,
        maximum, total, log_sum_exp(maximum, total), output,
    )  # fmt: skip


def blockwise_attention_backward(
    d_output: Any,
    attention: BlockwiseAttention,
    d_log_sum_exp: Any = None,
    *,
    whole: AttentionPart | None = None,
    threads: int = 1,
) -> BlockwiseGradients:
    """Return the gradients of `blockwise_attention`, whose weights are computed once more, block by block.

    Parameters
    ----------
    d_output : (..., T, d_v)
        The gradient of the loss with respect to ``attention.output``.
    attention : BlockwiseAttention
        What `blockwise_attention` returned.
    d_log_sum_exp : (..., T), optional
        The gradient with respect to ``attention.log_sum_exp``, where the loss depends on it directly too, as it does
        in a part of `merge_attention`.
    whole : AttentionPart, optional
        What `merge_attention` made of ``attention`` and of what was found among other keys. Then ``d_output`` and
        ``d_log_sum_exp`` are gradients with respect to what the whole has, and these keys get their part of it.
    threads : int
        How many items of the leading axes are computed at a time. Where items share an array, so many and three more
        have gradients of their own until these are added up, in the same order for any number of threads from 2 on;
        with 1 the last bits may differ.

    Returns
    -------
    BlockwiseGradients

    Raises
    ------
    ValueError
        If a gradient has not the shape of what it is of, or is not finite, ``attention`` is no part of the whole, or
        ``threads`` is not an integer of at least 1.

    Notes
    -----
    Dao et al., "FlashAttention" (2022), algorithm 4, with its loops exchanged. There the mean of ``d_weights`` under
    the weights is the sum of ``d_output * output``, known before any block is.

    Examples
    --------
    >>> attention = blockwise_attention([[1.0]], np.log([[1.0], [2.0], [3.0]]), [[6.0], [3.0], [2.0]])
    >>> np.round(6 * blockwise_attention_backward([[1.0]], attention).d_value, 12)
    array([[1.],
           [2.],
           [3.]])
    """
    threads = as_count("threads", threads)
    if whole is not None:
        attention = as_part_of(whole, attention)
    d_output = as_cotangent("d_output", d_output, "output", attention.output.shape)
    check_plain("d_output", d_output)
    mean = np.sum(d_output * attention.output, axis=-1)  # (..., T), of d_weights under the weights
    if d_log_sum_exp is not None:
        d_log_sum_exp = as_cotangent("d_log_sum_exp", d_log_sum_exp, "log_sum_exp", attention.maximum.shape)
        check_plain("d_log_sum_exp", d_log_sum_exp)
        mean = mean - d_log_sum_exp
    inputs = as_inputs(*attention[:7])

    def add(item: tuple[int, ...], into: InputGradients) -> None:
        _add_gradients(inputs, attention, d_output, mean, item, into)

    dtype = np.result_type(inputs.query, d_output, mean)
    d_query, d_key, d_value, d_scale, d_bias = summed(add, inputs, attention.maximum.shape[:-1], dtype, threads)
    if attention.bias is not None and d_bias is not None:
        d_bias = d_bias.reshape(attention.bias.shape)
    return BlockwiseGradients(d_value, d_bias, d_scale.reshape(attention.scale.shape), d_query, d_key)


def _add_gradients(
    inputs: Inputs,
    attention: BlockwiseAttention,
    d_output: Array,
    mean: Array,
    item: tuple[int, ...],
    into: InputGradients,
) -> None:
    """Add to the gradients what one item hands down."""
    value, d_value = of_item(inputs.value, item), of_item(into.d_value, item)
    maximum, total = attention.maximum[item][:, None], attention.total[item][:, None]
    # What the weights are multiplied by is divided by the total, not the weights, of which there are many more.
    divisor = np.where(total == 0, 1.0, total)
    mean_by_total = mean[item][:, None] / divisor
    workspace, d_workspace = Workspace(value.dtype), Workspace(into.d_value.dtype)
    # The last queries first: in causal order their blocks are the largest, and the workspaces need not grow.
    for queries in list(slices(len(total), attention.block[0]))[::-1]:
        d_sums = d_output[item][queries] / divisor[queries]
        for keys in slices(len(value), attention.block[1]):
            scores = block_scores(inputs, Block(item, queries, keys), workspace)  # 1 to 4
            if scores is None:
                continue
            keys = scores.block.keys
            exponentials = exponentials_of(scores, maximum[queries])  # 5, 6, total times the weights
            d_value[keys] += exponentials.mT @ d_sums  # 7
            d_logits = np.matmul(d_sums, value[keys].mT, out=d_workspace.array(*exponentials.shape))  # 7
            d_logits -= mean_by_total[queries]  # 6
            d_logits = finite_beside_zeros(d_logits, exponentials)
            d_logits *= exponentials  # 6
            block_scores_backward(d_logits, scores, into)  # 5 to 1
