"""Bahdanau's attention: additive attention of a projected query and a projected key."""

from typing import Any, NamedTuple

from reference.additive import (
    AdditiveAttention,
    AdditiveAttentionGradients,
    additive_attention,
    additive_attention_backward,
)
from reference.broadcasting import sum_to_shape
from reference.inputs import Array, as_array, check_rank, refuse
from reference.linear import as_kernel, as_vector, linear, linear_backward


class BahdanauAttention(NamedTuple):
    """The inputs and every intermediate of the forward pass, in the order computed."""

    query: Array  # (..., T, d_q)
    key: Array  # (..., S, d_h)
    value: Array  # (..., S, d_v)
    W_a: Array  # (d_q, units)
    U_a: Array  # (d_h, units)
    v_a: Array  # (units,)
    b_a: Array | None  # (units,)
    attention: AdditiveAttention  # of the projections, of which b_a is part of the query's
    weights: Array  # (..., T, S)
    output: Array  # (..., T, d_v)


class BahdanauGradients(NamedTuple):
    """Every gradient of the backward pass, in the order computed, in the shape of what it is of."""

    attention: AdditiveAttentionGradients
    d_value: Array
    d_v_a: Array
    d_b_a: Array | None
    d_U_a: Array
    d_key: Array
    d_W_a: Array
    d_query: Array


def bahdanau_attention(
    query: Any,
    key: Any,
    value: Any,
    W_a: Any,
    U_a: Any,
    v_a: Any,
    *,
    b_a: Any = None,
    bias: Any = None,
    mask: Any = None,
) -> BahdanauAttention:
    """Average the values, each weighted by the score ``v_aᵀ tanh(query W_a + key U_a + b_a)`` of its key.

    Parameters
    ----------
    query : (..., T, d_q)
        The states of a decoder.
    key : (..., S, d_h)
        The annotations that an encoder made; in the paper they are the values too.
    value : (..., S, d_v)
    W_a : (d_q, units)
    U_a : (d_h, units)
    v_a : (units,)
    b_a : (units,), optional
    bias, mask
        As in `additive_attention`.

    Returns
    -------
    BahdanauAttention
        All intermediates by name; ``attention`` holds those of the additive attention of the projections.

    Raises
    ------
    ValueError
        If shapes do not fit, the mask is not boolean, or an input not finite.

    Notes
    -----
    Bahdanau, Cho and Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate" (2015),
    section 3.1 and appendix A.1.2, which leaves out b_a, as it does all biases.

    Examples
    --------
    With tanh(ln 2) = 3/5 and tanh(0) = 0, the scores are ln 3 and 0, hence the weights 3/4 and 1/4; of the values
    4 and 8 that makes 3 + 2.

    >>> import numpy as np
    >>> projections = {"W_a": np.log([[2.0]]), "U_a": -np.log([[2.0]]), "v_a": np.log([3.0]) * 5 / 3}
    >>> record = bahdanau_attention([[1.0]], [[0.0], [1.0]], [[4.0], [8.0]], **projections)
    >>> np.round(record.weights, 12)
    array([[0.75, 0.25]])
    >>> np.round(record.output, 12)
    array([[5.]])
    """
    query, key = as_array("query", query), as_array("key", key)
    check_rank("query", query, "(..., T, d_q)", 2)
    W_a = as_kernel("W_a", W_a, "query", query)
    check_rank("key", key, "(..., S, d_h)", 2)
    U_a = as_kernel("U_a", U_a, "key", key)
    if U_a.shape[1] != W_a.shape[1]:
        refuse("U_a", f"shape ({U_a.shape[0]}, {W_a.shape[1]}) to match W_a {W_a.shape}", U_a.shape)
    v_a = as_vector("v_a", v_a, "W_a", W_a)
    b_a = None if b_a is None else as_vector("b_a", b_a, "W_a", W_a)
    projected_query = linear(query, W_a, b_a)  # 1  (..., T, units)
    projected_key = linear(key, U_a)  # 2  (..., S, units)
    attention = additive_attention(projected_query, projected_key, value, v_a=v_a, bias=bias, mask=mask)  # 3
    return BahdanauAttention(
        query, key, attention.value, W_a, U_a, v_a, b_a, attention, attention.weights, attention.output
    )  # fmt: skip


def bahdanau_attention_backward(
    d_output: Any, attention: BahdanauAttention, d_weights: Any = None
) -> BahdanauGradients:
    """Return the gradients of `bahdanau_attention`, each step of the forward undone from the last.

    Parameters
    ----------
    d_output : (..., T, d_v)
        The gradient of the loss with respect to ``attention.output``.
    attention : BahdanauAttention
        What `bahdanau_attention` returned.
    d_weights : (..., T, S), optional
        The gradient with respect to ``attention.weights``, where the loss depends on them directly too.

    Returns
    -------
    BahdanauGradients
        All gradients by name; ``attention`` holds those of the additive attention, ``d_bias`` among them.

    Raises
    ------
    ValueError
        If ``d_output`` or ``d_weights`` has not the shape of what it is the gradient of, or is not finite.

    Examples
    --------
    The gradients of the scores are 3/4 * (4 - 5) and 1/4 * (8 - 5), of which the first meets tanh(ln 2) = 3/5.

    >>> import numpy as np
    >>> projections = {"W_a": np.log([[2.0]]), "U_a": -np.log([[2.0]]), "v_a": np.log([3.0]) * 5 / 3}
    >>> record = bahdanau_attention([[1.0]], [[0.0], [1.0]], [[4.0], [8.0]], **projections)
    >>> gradients = bahdanau_attention_backward([[1.0]], record)
    >>> np.round(gradients.attention.d_scores, 12)
    array([[-0.75,  0.75]])
    >>> np.round(gradients.d_v_a, 12)
    array([-0.45])
    """
    query, key, _, W_a, U_a, _, b_a, inner, _, _ = attention
    d_inner = additive_attention_backward(d_output, inner, d_weights)  # 3
    # Not the sum of d_projected_query, itself a sum: so the bound is that of one sum over all scores, in any order.
    d_b_a = None if b_a is None else sum_to_shape(d_inner.additive.d_sums, b_a.shape)  # 1
    _, d_U_a, d_key = linear_backward(d_inner.d_key, key, U_a)  # 2
    _, d_W_a, d_query = linear_backward(d_inner.d_query, query, W_a)  # 1
    return BahdanauGradients(d_inner, d_inner.d_value, d_inner.d_v_a, d_b_a, d_U_a, d_key, d_W_a, d_query)
