"""Multi-head attention, with as many key heads as query heads or fewer, and with a gate or none; and its backward."""

from typing import Any, NamedTuple

from reference.broadcasting import sum_to_shape
from reference.dot_product import (
    DotProductAttention,
    DotProductGradients,
    dot_product_attention,
    dot_product_attention_backward,
)
from reference.heads import checked_options, grouped, merge, split
from reference.inputs import Array, as_array, as_cotangent
from reference.projections import Projections, checked_projections, project, project_backward
from reference.sigmoid import sigmoid, sigmoid_backward


class MultiHeadAttention(NamedTuple):
    """The inputs and every intermediate of the forward pass, in the order computed; G is H // H_kv."""

    query: Array  # (..., T, d_query)
    key: Array  # (..., S, d_key)
    value: Array  # (..., S, d_value)
    projections: Projections
    scale: Array
    bias: Array | None
    mask: Array | None
    projected_query: Array  # (..., T, H * d_k)
    projected_key: Array  # (..., S, H_kv * d_k)
    projected_value: Array  # (..., S, H_kv * d_v)
    attention: DotProductAttention  # of heads: query (..., H_kv, G, T, d_k), key and value (..., H_kv, 1, S, d)
    merged: Array  # (..., T, H * d_v), the heads' outputs side by side
    gate_logits: Array | None  # (..., T, H * d_v)
    gate: Array | None  # (..., T, H * d_v), between 0 and 1
    gated: Array  # (..., T, H * d_v), merged times the gate
    weights: Array  # (..., H, T, S)
    output: Array  # (..., T, E)


class MultiHeadGradients(NamedTuple):
    """Every gradient of the backward pass, in the order computed, in the shape of what it is of."""

    d_gated: Array  # step 8
    d_gate: Array | None  # step 7
    d_gate_logits: Array | None  # step 6
    d_merged: Array  # step 7
    attention: DotProductGradients  # step 3
    d_scale: Array
    d_bias: Array | None
    d_projected_value: Array  # step 2
    d_projected_key: Array
    d_projected_query: Array
    d_projections: Projections  # None where there is none
    d_value: Array  # step 1
    d_key: Array
    d_query: Array


def multi_head_attention(
    query: Any,
    key: Any,
    value: Any,
    projections: Projections,
    *,
    scale: Any = None,
    softcap: float | None = None,
    bias: Any = None,
    mask: Any = None,
) -> MultiHeadAttention:
    """Attend with several heads at once, each by projections of its own, and project what they found.

    Parameters
    ----------
    query : (..., T, d_query)
    key : (..., S, d_key)
    value : (..., S, d_value)
        Leading axes broadcast as NumPy's do.
    projections : Projections
        The number of heads is read off their shapes. With H query heads and H_kv key heads, query head h attends
        by key head ``h // (H // H_kv)``: H_kv = H is multi-head attention, H_kv = 1 multi-query, and what lies
        between them grouped-query attention.
    scale : scalar, or an array that broadcasts to (..., H, T, S), optional
        ``d_k ** -0.5`` unless given, where d_k is the depth of one head.
    softcap : float, optional
        As in `dot_product_attention`.
    bias : broadcasts to (..., H, T, S), optional
        Added to the scores; may hold -inf, which hides.
    mask : bool, broadcasts to (..., H, T, S), optional
        True = may attend.

    Returns
    -------
    MultiHeadAttention
        All intermediates by name, of which ``output`` and ``weights`` are the result. A head of a query that
        may attend nothing has weights 0; where no head may, the output is ``b_o``, or 0 without one.

    Raises
    ------
    ValueError
        If shapes do not fit, the mask is not boolean, the softcap not positive, or an input not finite.

    Notes
    -----
    Vaswani et al., "Attention Is All You Need" (2017), section 3.2.2. One key head: Shazeer, "Fast Transformer
    Decoding: One Write-Head is All You Need" (2019). Groups: Ainslie et al., "GQA" (2023). Gate: Qiu et al.,
    "Gated Attention for Large Language Models", arXiv 2505.06708 (2025), the gate after the attention.

    Examples
    --------
    Two query heads share the keys ln 1, ln 2, ln 3. The query of the first is 1, that of the second 0, so that their
    weights are 1/6, 2/6, 3/6 and 1/3, 1/3, 1/3. Of values 12, 6, 6 that makes 7 and 8.

    >>> import numpy as np
    >>> projections = Projections(W_q=[[[1.0], [0.0]]], W_k=[[[1.0]]], W_v=[[[1.0]]], W_o=[[[10.0]], [[1.0]]])
    >>> record = multi_head_attention([[1.0]], np.log([[1.0], [2.0], [3.0]]), [[12.0], [6.0], [6.0]], projections)
    >>> np.round(6 * record.weights, 12)
    array([[[1., 2., 3.]],
    <BLANKLINE>
           [[2., 2., 2.]]])
    >>> np.round(record.merged, 12), np.round(record.output, 12)
    (array([[7., 8.]]), array([[78.]]))
    """
    query, key, value = as_array("query", query), as_array("key", key), as_array("value", value)
    projections = checked_projections(query, key, value, projections)
    W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o, W_g, b_g = projections
    (_, H, d_k), (_, H_kv, _) = W_q.shape, W_k.shape
    groups = (H_kv, H // H_kv)
    scale, bias, mask = checked_options(query, key, value, H, d_k**-0.5 if scale is None else scale, bias, mask)
    projected_query = project(query, W_q, b_q)  # 1  (..., T, H * d_k)
    projected_key = project(key, W_k, b_k)  # 1  (..., S, H_kv * d_k)
    projected_value = project(value, W_v, b_v)  # 1  (..., S, H_kv * d_v)
    attention = dot_product_attention(
        split(projected_query, *groups),  # 2  (..., H_kv, G, T, d_k)
        split(projected_key, H_kv, 1),  # 2  (..., H_kv, 1, S, d_k)
        split(projected_value, H_kv, 1),  # 2  (..., H_kv, 1, S, d_v)
        scale=grouped(scale, *groups),
        softcap=softcap,
        bias=grouped(bias, *groups),
        mask=grouped(mask, *groups),
    )  # 3
    merged = merge(attention.output)  # 4  (..., T, H * d_v)
    gate_logits = None if W_g is None else project(query, W_g, b_g)  # 5  (..., T, H * d_v)
    gate = None if gate_logits is None else sigmoid(gate_logits)  # 6
    gated = merged if gate is None else merged * gate  # 7
    output = project(gated, W_o, b_o, 2)  # 8  (..., T, E)
    *leading, _, _, T, S = attention.weights.shape
    weights = attention.weights.reshape(*leading, H, T, S)
    return MultiHeadAttention(
        query, key, value, projections, scale, bias, mask, projected_query, projected_key, projected_value,
        attention, merged, gate_logits, gate, gated, weights, output,
    )  # fmt: skip


def multi_head_attention_backward(
    d_output: Any, attention: MultiHeadAttention, d_weights: Any = None
) -> MultiHeadGradients:
    """Return the gradients of `multi_head_attention`, each step of the forward undone from the last.

    Parameters
    ----------
    d_output : (..., T, E)
        The gradient of the loss with respect to ``attention.output``.
    attention : MultiHeadAttention
        What `multi_head_attention` returned.
    d_weights : (..., H, T, S), optional
        The gradient with respect to ``attention.weights``, where the loss depends on them directly too.

    Returns
    -------
    MultiHeadGradients
        All gradients by name. Where heads share a key head, its gradient is the sum of what arrives from each.

    Raises
    ------
    ValueError
        If ``d_output`` or ``d_weights`` has not the shape of what it is the gradient of, or is not finite.

    Examples
    --------
    Outputs 7 and 8 of the heads, multiplied by 10 and 1: the gradient of these is 7 and 8, that of those 10 and 1.

    >>> import numpy as np
    >>> projections = Projections(W_q=[[[1.0], [0.0]]], W_k=[[[1.0]]], W_v=[[[1.0]]], W_o=[[[10.0]], [[1.0]]])
    >>> record = multi_head_attention([[1.0]], np.log([[1.0], [2.0], [3.0]]), [[12.0], [6.0], [6.0]], projections)
    >>> gradients = multi_head_attention_backward([[1.0]], record)
    >>> np.round(gradients.d_projections.W_o.reshape(2), 12), gradients.d_merged
    (array([7., 8.]), array([[10.,  1.]]))

    Each value counts 10 times by the first head's weight and once by the second's: 12/6, 22/6, 32/6.

    >>> np.round(6 * gradients.d_value, 12)
    array([[12.],
           [22.],
           [32.]])
    """
    W_q, W_k, W_v, W_o, b_q, b_k, b_v, b_o, W_g, b_g = attention.projections
    heads, merged, gate, bias = attention.attention, attention.merged, attention.gate, attention.bias
    d_output = as_cotangent("d_output", d_output, "output", attention.output.shape)
    if d_weights is not None:
        d_weights = as_cotangent("d_weights", d_weights, "weights", attention.weights.shape)
        d_weights = d_weights.reshape(heads.weights.shape)
    d_gated, d_W_o, d_b_o = project_backward(d_output, attention.gated, W_o, b_o, 2)  # 8
    d_query_by_gate, d_W_g, d_b_g, d_gate, d_gate_logits = None, None, None, None, None
    if gate is None:
        d_merged = d_gated  # 7
    else:
        d_merged = sum_to_shape(d_gated * gate, merged.shape)  # 7
        d_gate = sum_to_shape(d_gated * merged, gate.shape)  # 7
        d_gate_logits = sigmoid_backward(d_gate, gate)  # 6
        d_query_by_gate, d_W_g, d_b_g = project_backward(d_gate_logits, attention.query, W_g, b_g)  # 5
    d_heads = dot_product_attention_backward(split(d_merged, *heads.query.shape[-4:-2]), heads, d_weights)  # 4, 3
    d_projected_value = merge(d_heads.d_value)  # 2
    d_projected_key = merge(d_heads.d_key)  # 2
    d_projected_query = merge(d_heads.d_query)  # 2
    d_value, d_W_v, d_b_v = project_backward(d_projected_value, attention.value, W_v, b_v)  # 1
    d_key, d_W_k, d_b_k = project_backward(d_projected_key, attention.key, W_k, b_k)  # 1
    d_query, d_W_q, d_b_q = project_backward(d_projected_query, attention.query, W_q, b_q)  # 1
    return MultiHeadGradients(
        d_gated, d_gate, d_gate_logits, d_merged, d_heads,
        d_scale=d_heads.d_scale.reshape(attention.scale.shape),
        d_bias=None if bias is None or d_heads.d_bias is None else d_heads.d_bias.reshape(bias.shape),
        d_projected_value=d_projected_value,
        d_projected_key=d_projected_key,
        d_projected_query=d_projected_query,
        d_projections=Projections(d_W_q, d_W_k, d_W_v, d_W_o, d_b_q, d_b_k, d_b_v, d_b_o, d_W_g, d_b_g),
        d_value=d_value,
        d_key=d_key,
        d_query=d_query if d_query_by_gate is None else d_query + d_query_by_gate,
    )  # fmt: skip
