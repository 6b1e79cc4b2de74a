"""Attention pooling: a sequence becomes one vector, by attention of a learned query; and its backward."""

from typing import Any, NamedTuple

import numpy as np

from reference.broadcasting import sum_to_shape
from reference.dot_product import (
    DotProductAttention,
    DotProductGradients,
    dot_product_attention,
    dot_product_attention_backward,
)
from reference.inputs import Array, as_array, as_cotangent, as_mask, check_rank, refuse
from reference.linear import as_kernel, as_vector, linear, linear_backward


class AttentionPooling(NamedTuple):
    """The inputs and every intermediate of the forward pass, in the order computed."""

    x: Array  # (..., T, d)
    W_a: Array  # (d, units)
    context: Array  # (units,)
    b_a: Array | None  # (units,)
    hidden: Array  # (..., T, units), between -1 and 1
    attention: DotProductAttention  # of one query, the context (1, units), to the keys hidden and the values x
    weights: Array  # (..., T)
    output: Array  # (..., d)


class AttentionPoolingGradients(NamedTuple):
    """Every gradient of the backward pass, in the order computed, in the shape of what it is of."""

    attention: DotProductGradients  # step 2
    d_context: Array
    d_hidden: Array
    d_sums: Array  # step 1, of what tanh is taken of
    d_b_a: Array | None
    d_W_a: Array
    d_x: Array


def attention_pooling(x: Any, W_a: Any, context: Any, *, b_a: Any = None, mask: Any = None) -> AttentionPooling:
    """Average the positions of a sequence, each weighted by the score ``contextᵀ tanh(x W_a + b_a)``.

    It is dot-product attention with one query, which is learned and the same for every sequence.

    Parameters
    ----------
    x : (..., T, d)
        What is averaged.
    W_a : (d, units)
    context : (units,)
        The query: what a position is compared with to be told informative.
    b_a : (units,), optional
    mask : bool, broadcasts to (..., T), optional
        True = counts; False for padding.

    Returns
    -------
    AttentionPooling
        All intermediates by name, of which ``output`` (..., d) and ``weights`` (..., T) are the result. A sequence of
        which all is hidden has weights 0 and output 0.

    Raises
    ------
    ValueError
        If shapes do not fit, the mask is not boolean, or an input not finite.

    Notes
    -----
    Yang et al., "Hierarchical Attention Networks for Document Classification" (2016), equations 5 to 7.

    Examples
    --------
    With tanh(ln 2) = 3/5 and tanh(0) = 0, the scores are ln 3 and 0, hence the weights 3/4 and 1/4; of the second
    entries, 4 and 8, that makes 3 + 2.

    >>> x = [[np.log(2.0), 4.0], [0.0, 8.0]]
    >>> record = attention_pooling(x, W_a=[[1.0], [0.0]], context=np.log([3.0]) * 5 / 3)
    >>> np.round(record.weights, 12)
    array([0.75, 0.25])
    >>> np.round(record.output[1], 12)
    np.float64(5.0)
    """
    x = as_array("x", x)
    check_rank("x", x, "(..., T, d)", 2)
    W_a, context, b_a = checked_parameters(x, W_a, context, b_a, ("W_a", "context", "b_a"))
    mask = None if mask is None else checked_mask(mask, x)
    hidden = np.tanh(linear(x, W_a, b_a))  # 1  (..., T, units)
    mask = None if mask is None else mask[..., None, :]  # (..., 1, T)
    attention = dot_product_attention(context[None, :], hidden, x, mask=mask)  # 2  with weights (..., 1, T)
    weights, output = attention.weights[..., 0, :], attention.output[..., 0, :]
    return AttentionPooling(x, W_a, context, b_a, hidden, attention, weights, output)


def attention_pooling_backward(
    d_output: Any, pooling: AttentionPooling, d_weights: Any = None
) -> AttentionPoolingGradients:
    """Return the gradients of `attention_pooling`, each step of the forward undone from the last.

    Parameters
    ----------
    d_output : (..., d)
        The gradient of the loss with respect to ``pooling.output``.
    pooling : AttentionPooling
        What `attention_pooling` returned.
    d_weights : (..., T), optional
        The gradient with respect to ``pooling.weights``, where the loss depends on them directly too.

    Returns
    -------
    AttentionPoolingGradients
        All gradients by name. ``d_x`` is the sum of what arrives through what is averaged and through the scores.

    Raises
    ------
    ValueError
        If ``d_output`` or ``d_weights`` has not the shape of what it is the gradient of, or is not finite.

    Examples
    --------
    The gradients of the scores are 3/4 * (4 - 5) and 1/4 * (8 - 5); only the first position is not 0 where tanh is
    taken, so that the context receives -3/4 * 3/5.

    >>> x = [[np.log(2.0), 4.0], [0.0, 8.0]]
    >>> record = attention_pooling(x, W_a=[[1.0], [0.0]], context=np.log([3.0]) * 5 / 3)
    >>> gradients = attention_pooling_backward([0.0, 1.0], record)
    >>> np.round(gradients.attention.d_scores, 12)
    array([[-0.75,  0.75]])
    >>> np.round(gradients.d_context, 12)
    array([-0.45])
    """
    x, W_a, context, b_a, hidden, inner, weights, output = pooling
    d_output = as_cotangent("d_output", d_output, "output", output.shape)
    if d_weights is not None:
        d_weights = as_cotangent("d_weights", d_weights, "weights", weights.shape)[..., None, :]
    d_inner = dot_product_attention_backward(d_output[..., None, :], inner, d_weights)  # 2
    # Not the sum of the query's gradients, themselves sums: so the bound is that of one sum, in any order.
    d_context = sum_to_shape(d_inner.d_products.mT * hidden, context.shape)  # 2
    d_hidden = d_inner.d_key  # 2  (..., T, units)
    d_sums = d_hidden * (1 - np.square(hidden))  # 1, as tanh' = 1 - tanh²
    d_b_a, d_W_a, d_x_by_scores = linear_backward(d_sums, x, W_a)  # 1
    return AttentionPoolingGradients(
        d_inner, d_context, d_hidden, d_sums, None if b_a is None else d_b_a, d_W_a, d_inner.d_value + d_x_by_scores
    )


def checked_parameters(
    x: Array, W: Any, context: Any, b: Any, names: tuple[str, str, str]
) -> tuple[Array, Array, Array | None]:
    """Return what a pooling learns as arrays, under the names that errors call it; refuse what does not fit x."""
    W = as_kernel(names[0], W, "x", x)
    if W.shape[1] == 0:
        refuse(names[0], f"shape ({x.shape[-1]}, units) with units of at least 1", W.shape)
    context = as_vector(names[1], context, names[0], W)
    return W, context, None if b is None else as_vector(names[2], b, names[0], W)


def checked_mask(mask: Any, x: Array) -> Array:
    """Return the mask of positions; it may add leading axes, as anything that broadcasts may, but no positions."""
    mask = as_mask("mask", mask)
    *leading, T, _ = x.shape
    try:
        fits = mask.ndim > 0 and np.broadcast_shapes(mask.shape, (*leading, T))[-1] == T
    except ValueError:
        fits = False
    if not fits:
        refuse("mask", f"a shape that broadcasts to {(*leading, T)}", mask.shape)
    return mask
