"""Self-attention: queries, keys and values are projections of one sequence."""

from typing import Any, NamedTuple

from reference.dot_product import (
    DotProductAttention,
    DotProductGradients,
    dot_product_attention,
    dot_product_attention_backward,
)
from reference.inputs import Array, as_array, check_rank, refuse
from reference.linear import as_kernel, as_vector, linear, linear_backward


class SelfAttention(NamedTuple):
    """The inputs and every intermediate of the forward pass, in the order computed."""

    x: Array  # (..., T, d)
    W_q: Array  # (d, d_k)
    W_k: Array  # (d, d_k)
    W_v: Array  # (d, d_v)
    b_q: Array | None
    b_k: Array | None
    b_v: Array | None
    attention: DotProductAttention  # query, key and value, and what became of them
    weights: Array  # (..., T, T)
    output: Array  # (..., T, d_v)


class SelfAttentionGradients(NamedTuple):
    """Every gradient of the backward pass, in the order computed, in the shape of what it is of."""

    attention: DotProductGradients
    d_b_q: Array | None
    d_b_k: Array | None
    d_b_v: Array | None
    d_W_q: Array
    d_W_k: Array
    d_W_v: Array
    d_x: Array


def self_attention(
    x: Any,
    W_q: Any,
    W_k: Any,
    W_v: Any,
    *,
    b_q: Any = None,
    b_k: Any = None,
    b_v: Any = None,
    scale: Any = 1.0,
    softcap: float | None = None,
    bias: Any = None,
    mask: Any = None,
) -> SelfAttention:
    """Let every position of a sequence attend to every other.

    Parameters
    ----------
    x : (..., T, d)
    W_q, W_k : (d, d_k)
    W_v : (d, d_v)
    b_q, b_k, b_v : (d_k,), (d_k,), (d_v,), optional
        Added to the projections.
    scale, softcap, bias, mask
        As in `dot_product_attention`, with S = T. The scale is 1 unless given; Vaswani's is ``d_k ** -0.5``.

    Returns
    -------
    SelfAttention
        All intermediates by name; ``attention`` holds those of the dot-product attention.

    Raises
    ------
    ValueError
        If shapes do not fit, the mask is not boolean, the softcap not positive, or an input not finite.

    Notes
    -----
    Vaswani et al., "Attention Is All You Need" (2017), section 3.2.3, one head without output projection.

    Examples
    --------
    Queries and keys 1 and 0 give scores [[1, 0], [0, 0]]; the second position averages evenly.

    >>> record = self_attention([[1.0], [0.0]], [[1.0]], [[1.0]], [[4.0]])
    >>> record.weights[1]
    array([0.5, 0.5])
    >>> record.output[1]
    array([2.])
    """
    x = as_array("x", x)
    check_rank("x", x, "(..., T, d)", 2)
    W_q, b_q = _checked_projection("q", x, W_q, b_q)
    W_k, b_k = _checked_projection("k", x, W_k, b_k)
    W_v, b_v = _checked_projection("v", x, W_v, b_v)
    if W_k.shape != W_q.shape:
        refuse("W_k", f"shape {W_q.shape} to match W_q", W_k.shape)
    query = linear(x, W_q, b_q)  # 1  (..., T, d_k)
    key = linear(x, W_k, b_k)  # 2  (..., T, d_k)
    value = linear(x, W_v, b_v)  # 3  (..., T, d_v)
    attention = dot_product_attention(query, key, value, scale=scale, softcap=softcap, bias=bias, mask=mask)  # 4
    return SelfAttention(x, W_q, W_k, W_v, b_q, b_k, b_v, attention, attention.weights, attention.output)


def self_attention_backward(d_output: Any, attention: SelfAttention, d_weights: Any = None) -> SelfAttentionGradients:
    """Return the gradients of `self_attention`, each step of the forward undone from the last.

    Parameters
    ----------
    d_output : (..., T, d_v)
        The gradient of the loss with respect to ``attention.output``.
    attention : SelfAttention
        What `self_attention` returned.
    d_weights : (..., T, T), optional
        The gradient with respect to ``attention.weights``, where the loss depends on them directly too.

    Returns
    -------
    SelfAttentionGradients
        All gradients by name. ``d_x`` is the sum of what arrives through query, key and value.

    Raises
    ------
    ValueError
        If ``d_output`` or ``d_weights`` has not the shape of what it is the gradient of, or is not finite.

    Examples
    --------
    >>> record = self_attention([[1.0], [0.0]], [[1.0]], [[1.0]], [[4.0]])
    >>> gradients = self_attention_backward([[0.0], [1.0]], record)
    >>> gradients.d_W_v
    array([[0.5]])
    >>> gradients.d_x
    array([[2.],
           [3.]])
    """
    x, W_q, W_k, W_v, b_q, b_k, b_v, inner, _, _ = attention
    d_inner = dot_product_attention_backward(d_output, inner, d_weights)  # 4
    d_b_v, d_W_v, d_x_by_value = linear_backward(d_inner.d_value, x, W_v)  # 3
    d_b_k, d_W_k, d_x_by_key = linear_backward(d_inner.d_key, x, W_k)  # 2
    d_b_q, d_W_q, d_x_by_query = linear_backward(d_inner.d_query, x, W_q)  # 1
    return SelfAttentionGradients(
        attention=d_inner,
        d_b_q=None if b_q is None else d_b_q,
        d_b_k=None if b_k is None else d_b_k,
        d_b_v=None if b_v is None else d_b_v,
        d_W_q=d_W_q,
        d_W_k=d_W_k,
        d_W_v=d_W_v,
        d_x=d_x_by_query + d_x_by_key + d_x_by_value,
    )


def _checked_projection(letter: str, x: Array, W: Any, b: Any) -> tuple[Array, Array | None]:
    W = as_kernel(f"W_{letter}", W, "x", x)
    return W, None if b is None else as_vector(f"b_{letter}", b, f"W_{letter}", W)
