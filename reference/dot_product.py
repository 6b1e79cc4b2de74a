"""Dot-product attention, unscaled (Luong) and scaled (Vaswani), and its backward."""

from typing import Any, NamedTuple

import numpy as np

from reference.broadcasting import sum_to_shape
from reference.inputs import (
    Array,
    as_array,
    as_bias_and_mask,
    as_cotangent,
    check_attention_shapes,
    check_broadcasts_to_scores,
    refuse,
)
from reference.products import finite_beside_zeros, sum_products_to_shape
from reference.softmax import LOWEST, d_logits_of, softmax


class DotProductAttention(NamedTuple):
    """The inputs and every intermediate of the forward pass, in the order computed."""

    query: Array  # (..., T, d_k)
    key: Array  # (..., S, d_k)
    value: Array  # (..., S, d_v)
    scale: Array
    softcap: float | None
    bias: Array | None
    mask: Array | None
    products: Array  # (..., T, S), query keyᵀ
    scaled: Array  # (..., T, S), times the scale
    capped: Array  # (..., T, S), bent to lie between -softcap and softcap
    scores: Array  # (..., T, S), plus the bias
    logits: Array  # (..., T, S), -inf where masked
    weights: Array  # (..., T, S), each row sums to 1, or to 0 if all is masked
    output: Array  # (..., T, d_v)


class DotProductGradients(NamedTuple):
    """Every gradient of the backward pass, in the order computed, in the shape of what it is of."""

    d_value: Array  # step 7
    d_weights: Array
    d_logits: Array  # step 6
    d_scores: Array  # step 5
    d_bias: Array | None  # step 4
    d_capped: Array
    d_scaled: Array  # step 3
    d_scale: Array  # step 2
    d_products: Array
    d_query: Array  # step 1
    d_key: Array


def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    *,
    scale: Any = 1.0,
    softcap: float | None = None,
    bias: Any = None,
    mask: Any = None,
) -> DotProductAttention:
    """Average the values, each weighted by how well its key matches the query.

    Parameters
    ----------
    query : (..., T, d_k)
    key : (..., S, d_k)
    value : (..., S, d_v)
        Leading axes broadcast as NumPy's do. Arithmetic is float64, or longdouble or complex128
        where an argument is.
    scale : scalar, or an array that broadcasts to (..., T, S)
        What the products of query and key are multiplied by.
    softcap : float, optional
        The scaled products are bent smoothly to ``softcap * tanh(scaled / softcap)``, before bias and mask.
    bias : broadcasts to (..., T, S), optional
        Added to the scores; may hold -inf, which hides.
    mask : bool, broadcasts to (..., T, S), optional
        True = may attend.

    Returns
    -------
    DotProductAttention
        All intermediates by name, of which ``output`` and ``weights`` are the result. A query
        that may attend nothing (or where S = 0) has weights 0 and output 0.

    Raises
    ------
    ValueError
        If shapes do not fit, the mask is not boolean, the softcap not positive, or an input not finite.

    Notes
    -----
    Luong, Pham and Manning, "Effective Approaches to Attention-based Neural Machine Translation"
    (2015), section 3.1, score "dot". Softcap: Gemma Team, "Gemma 2" (2024), section 2.

    Examples
    --------
    Scores ln 1, ln 2, ln 3 give weights 1/6, 2/6, 3/6; of values 6, 3, 2 that makes 1 + 1 + 1.

    >>> attention = dot_product_attention([[1.0]], np.log([[1.0], [2.0], [3.0]]), [[6.0], [3.0], [2.0]])
    >>> np.round(6 * attention.weights, 12)
    array([[1., 2., 3.]])
    >>> np.round(attention.output, 12)
    array([[3.]])
    """
    query, key, value = as_array("query", query), as_array("key", key), as_array("value", value)
    scale, bias, mask = checked_options(query, key, value, scale, softcap, bias, mask)
    products = query @ key.mT  # 1  (..., T, S)
    scaled = scale * products  # 2
    capped = scaled if softcap is None else softcap * np.tanh(scaled / softcap)  # 3
    scores = capped if bias is None else capped + bias  # 4
    logits = scores if mask is None else np.where(mask, scores, -np.inf)  # 5
    weights = softmax(logits)  # 6  (..., T, S)
    output = weights @ value  # 7  (..., T, d_v)
    return DotProductAttention(
        query, key, value, scale, softcap, bias, mask,
        products, scaled, capped, scores, logits, weights, output,
    )  # fmt: skip


def dot_product_attention_backward(
    d_output: Any, attention: DotProductAttention, d_weights: Any = None
) -> DotProductGradients:
    """Return the gradients of `dot_product_attention`, each step of the forward undone from the last.

    Parameters
    ----------
    d_output : (..., T, d_v)
        The gradient of the loss with respect to ``attention.output``.
    attention : DotProductAttention
        What `dot_product_attention` returned.
    d_weights : (..., T, S), optional
        The gradient with respect to ``attention.weights``, where the loss depends on them directly too.

    Returns
    -------
    DotProductGradients
        All gradients by name, in the order computed; ``d_weights`` is the sum of what arrives
        through the output and of what was given. Whatever is hidden has gradient 0.

    Raises
    ------
    ValueError
        If ``d_output`` or ``d_weights`` has not the shape of what it is the gradient of, or is not finite.

    Notes
    -----
    Derived by hand from the seven steps of the forward; the same formulas are in Dao et al., "FlashAttention"
    (2022), appendix B.2.

    What is hidden may be as large as a number can be. NumPy warns of products with it that overflow, which then stand
    in ``d_weights``; they have no part in anything else.

    Examples
    --------
    >>> attention = dot_product_attention([[1.0]], np.log([[1.0], [2.0], [3.0]]), [[6.0], [3.0], [2.0]])
    >>> gradients = dot_product_attention_backward([[1.0]], attention)
    >>> np.round(gradients.d_scores, 12)
    array([[ 0.5,  0. , -0.5]])
    """
    query, key, value, scale, softcap, bias, _, products, _, capped, scores, _, weights, output = attention
    d_output = as_cotangent("d_output", d_output, "output", output.shape)
    d_value = sum_to_shape(weights.mT @ d_output, value.shape)  # 7  (..., S, d_v)
    d_attended = sum_to_shape(d_output @ value.mT, weights.shape)  # 7  (..., T, S)
    if d_weights is None:
        d_weights = d_attended
    else:
        d_weights = as_cotangent("d_weights", d_weights, "weights", weights.shape) + d_attended
    d_logits = d_logits_of(d_weights, weights)  # 6
    d_scores = sum_to_shape(d_logits, scores.shape)  # 5, already 0 where masked, as the weights are
    d_bias = None if bias is None else sum_to_shape(d_scores, bias.shape)  # 4
    d_capped = sum_to_shape(d_scores, capped.shape)  # 4
    if softcap is None:
        d_scaled = d_capped  # 3
    else:
        capped = finite_beside_zeros(capped, d_capped)
        d_scaled = d_capped * (1 - np.square(capped / softcap))  # 3, as tanh' = 1 - tanh²
    d_scale = sum_products_to_shape(d_scaled, products, scale.shape)  # 2
    d_products = sum_to_shape(scale * d_scaled, products.shape)  # 2
    d_query = sum_to_shape(d_products @ key, query.shape)  # 1  (..., T, d_k)
    d_key = sum_to_shape(d_products.mT @ query, key.shape)  # 1  (..., S, d_k)
    return DotProductGradients(
        d_value, d_weights, d_logits, d_scores, d_bias, d_capped, d_scaled, d_scale, d_products, d_query, d_key
    )


def scaled_dot_product_attention(query: Any, key: Any, value: Any, **options: Any) -> DotProductAttention:
    """`dot_product_attention` with ``scale = d_k ** -0.5``.

    A product of two vectors of d_k independent numbers of variance 1 has variance d_k; the scale
    brings it back to 1, so that the softmax is neither flat nor one-hot whatever d_k is. The
    backward is the same, `dot_product_attention_backward`.

    Parameters
    ----------
    query : (..., T, d_k)
    key : (..., S, d_k)
    value : (..., S, d_v)
    **options
        ``softcap``, ``bias`` and ``mask``, as in `dot_product_attention`.

    Returns
    -------
    DotProductAttention

    Raises
    ------
    ValueError
        As `dot_product_attention`.

    Notes
    -----
    Vaswani et al., "Attention Is All You Need" (2017), equation 1.

    Examples
    --------
    >>> scaled_dot_product_attention([[2.0, 0.0, 0.0, 0.0]], np.eye(4), np.eye(4)).scores
    array([[1., 0., 0., 0.]])
    """
    query = as_array("query", query)
    if query.ndim < 2 or query.shape[-1] == 0:
        refuse("query", "shape (..., T, d_k) with d_k of at least 1", query.shape)
    return dot_product_attention(query, key, value, scale=query.shape[-1] ** -0.5, **options)


def checked_options(
    query: Array, key: Array, value: Array, scale: Any, softcap: float | None, bias: Any, mask: Any
) -> tuple[Array, Array | None, Array | None]:
    """Return scale, bias and mask as arrays; refuse what does not fit together."""
    scores_shape = check_attention_shapes(query, key, value)
    scale = as_array("scale", scale)
    scores_shape = check_broadcasts_to_scores("scale", scale, scores_shape)
    bias, mask = as_bias_and_mask(bias, mask, scores_shape)
    if softcap is not None and not (
        isinstance(softcap, (int, float, np.integer, np.floating)) and 0 < softcap <= -LOWEST
    ):
        refuse("softcap", "a positive number or None", repr(softcap))
    return scale, bias, mask
