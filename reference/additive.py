"""Additive attention: scores from the sum of query and key, not from their product."""

from typing import Any, NamedTuple

import numpy as np

from reference.broadcasting import sum_to_shape
from reference.inputs import (
    Array,
    as_array,
    as_cotangent,
    as_mask,
    check_attention_shapes,
    check_broadcasts_to_scores,
    refuse,
)
from reference.softmax import softmax, softmax_backward


class AdditiveScores(NamedTuple):
    """The inputs and every intermediate, in the order computed."""

    query: Array  # (..., T, d_k)
    key: Array  # (..., S, d_k)
    scale: Array
    v_a: Array  # (d_k,)
    summed: Array  # (..., T, S, d_k), query + key
    scaled: Array  # (..., T, S, d_k), times the scale
    bent: Array  # (..., T, S, d_k), between -1 and 1
    scores: Array  # (..., T, S)


class AdditiveScoresGradients(NamedTuple):
    """Every gradient of the backward pass, in the order computed, in the shape of what it is of."""

    d_v_a: Array  # step 4
    d_bent: Array
    d_scaled: Array  # step 3
    d_scale: Array  # step 2
    d_summed: Array
    d_key: Array  # step 1
    d_query: Array


class AdditiveAttention(NamedTuple):
    """The inputs and every intermediate of the forward pass, in the order computed."""

    additive: AdditiveScores
    value: Array  # (..., S, d_v)
    bias: Array | None
    mask: Array | None
    scores: Array  # (..., T, S), plus the bias
    logits: Array  # (..., T, S), -inf where masked
    weights: Array  # (..., T, S), each row sums to 1, or to 0 if all is masked
    output: Array  # (..., T, d_v)


class AdditiveGradients(NamedTuple):
    """Every gradient of the backward pass, in the order computed, in the shape of what it is of."""

    d_value: Array  # step 5
    d_weights: Array
    d_logits: Array  # step 4
    d_scores: Array  # step 3
    d_bias: Array | None  # step 2
    additive: AdditiveScoresGradients  # step 1
    d_v_a: Array
    d_scale: Array
    d_key: Array
    d_query: Array


def additive_scores(query: Any, key: Any, *, scale: Any = 1.0, v_a: Any = 1.0) -> AdditiveScores:
    """Score how well keys match queries: ``sum(v_a * tanh(scale * (query + key)))`` over the depth.

    Parameters
    ----------
    query : (..., T, d_k)
    key : (..., S, d_k)
        Leading axes broadcast as NumPy's do.
    scale : scalar
        ``keras.layers.Attention(score_mode="concat")`` learns it under this name.
    v_a : scalar or (d_k,)
        What each depth counts: the vector that ``keras.layers.AdditiveAttention`` learns as its ``scale``, or the
        number that ``keras.layers.Attention`` learns as its ``concat_score_weight``.

    Returns
    -------
    AdditiveScores
        All intermediates by name, of which ``scores`` is the result.

    Raises
    ------
    ValueError
        If shapes do not fit or an input is not finite.

    Notes
    -----
    Bahdanau, Cho and Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate" (2015), appendix
    A.1.2, where query and key are projections; `bahdanau_attention` has these too.

    Examples
    --------
    Of depths whose tanh are 1/2 and -1/4, the second counting twice, that is 1/2 - 2/4.

    >>> record = additive_scores([[0.0, 0.0]], np.arctanh([[0.5, -0.25]]), v_a=[1.0, 2.0])
    >>> np.round(record.scores, 12) + 0.0
    array([[0.]])
    """
    query, key = as_array("query", query), as_array("key", key)
    check_attention_shapes(query, key, key)
    scale, v_a = _checked_weights(scale, v_a, query.shape[-1])
    summed = query[..., :, None, :] + key[..., None, :, :]  # 1  (..., T, S, d_k)
    scaled = scale * summed  # 2
    bent = np.tanh(scaled)  # 3
    scores = (bent @ _column(v_a, query.shape[-1]))[..., 0]  # 4  (..., T, S)
    return AdditiveScores(query, key, scale, v_a, summed, scaled, bent, scores)


def additive_scores_backward(d_scores: Any, record: AdditiveScores) -> AdditiveScoresGradients:
    """Return the gradients of `additive_scores`, each step of the forward undone from the last.

    Parameters
    ----------
    d_scores : (..., T, S)
        The gradient of the loss with respect to ``record.scores``.
    record : AdditiveScores
        What `additive_scores` returned.

    Returns
    -------
    AdditiveScoresGradients

    Raises
    ------
    ValueError
        If ``d_scores`` has not the shape of the scores, or is not finite.

    Examples
    --------
    >>> gradients = additive_scores_backward([[1.0]], additive_scores([[0.0]], np.arctanh([[0.5]]), v_a=2.0))
    >>> np.round(gradients.d_v_a, 12), np.round(gradients.d_key, 12)
    (np.float64(0.5), array([[1.5]]))
    """
    query, key, scale, v_a, summed, _, bent, scores = record
    d_scores = as_cotangent("d_scores", d_scores, "scores", scores.shape)
    d_column = d_scores[..., None, :] @ bent  # 4  (..., T, 1, d_k)
    d_v_a = sum_to_shape(d_column, (query.shape[-1],))
    d_v_a = d_v_a if v_a.ndim else np.sum(d_v_a)
    d_bent = d_scores[..., None] @ _column(v_a, query.shape[-1]).mT  # 4  (..., T, S, d_k)
    d_scaled = d_bent * (1 - np.square(bent))  # 3, as tanh' = 1 - tanh²
    d_scale = np.sum(d_scaled * summed)  # 2
    d_summed = scale * d_scaled  # 2
    d_key = sum_to_shape(np.sum(d_summed, axis=-3), key.shape)  # 1  (..., S, d_k)
    d_query = sum_to_shape(np.sum(d_summed, axis=-2), query.shape)  # 1  (..., T, d_k)
    return AdditiveScoresGradients(d_v_a, d_bent, d_scaled, d_scale, d_summed, d_key, d_query)


def additive_attention(
    query: Any,
    key: Any,
    value: Any,
    *,
    scale: Any = 1.0,
    v_a: Any = 1.0,
    bias: Any = None,
    mask: Any = None,
) -> AdditiveAttention:
    """Average the values, each weighted by the additive score of its key.

    Parameters
    ----------
    query : (..., T, d_k)
    key : (..., S, d_k)
    value : (..., S, d_v)
        Leading axes broadcast as NumPy's do.
    scale, v_a
        As in `additive_scores`.
    bias : broadcasts to (..., T, S), optional
        Added to the scores; may hold -inf, which hides.
    mask : bool, broadcasts to (..., T, S), optional
        True = may attend.

    Returns
    -------
    AdditiveAttention
        All intermediates by name, of which ``output`` and ``weights`` are the result. A query that may attend
        nothing (or where S = 0) has weights 0 and output 0.

    Raises
    ------
    ValueError
        If shapes do not fit, the mask is not boolean, or an input not finite.

    Notes
    -----
    Bahdanau, Cho and Bengio (2015), equations 5 and 6; ``keras.layers.AdditiveAttention``.

    Examples
    --------
    Equal scores average the values evenly.

    >>> additive_attention([[1.0]], [[2.0], [2.0]], [[6.0], [2.0]]).output
    array([[4.]])
    """
    value = as_array("value", value)
    scores_shape = check_attention_shapes(as_array("query", query), as_array("key", key), value)
    if bias is not None:
        bias = as_array("bias", bias, may_hide=True)
        check_broadcasts_to_scores("bias", bias, scores_shape)
    if mask is not None:
        mask = as_mask("mask", mask)
        check_broadcasts_to_scores("mask", mask, scores_shape)
    additive = additive_scores(query, key, scale=scale, v_a=v_a)  # 1
    scores = additive.scores if bias is None else additive.scores + bias  # 2  (..., T, S)
    logits = scores if mask is None else np.where(mask, scores, -np.inf)  # 3
    weights = softmax(logits)  # 4
    output = weights @ value  # 5  (..., T, d_v)
    return AdditiveAttention(additive, value, bias, mask, scores, logits, weights, output)


def additive_attention_backward(
    d_output: Any, attention: AdditiveAttention, d_weights: Any = None
) -> AdditiveGradients:
    """Return the gradients of `additive_attention`, each step of the forward undone from the last.

    Parameters
    ----------
    d_output : (..., T, d_v)
        The gradient of the loss with respect to ``attention.output``.
    attention : AdditiveAttention
        What `additive_attention` returned.
    d_weights : (..., T, S), optional
        The gradient with respect to ``attention.weights``, where the loss depends on them directly too.

    Returns
    -------
    AdditiveGradients
        All gradients by name. Whatever is hidden has gradient 0.

    Raises
    ------
    ValueError
        If ``d_output`` or ``d_weights`` has not the shape of what it is the gradient of, or is not finite.

    Examples
    --------
    >>> attention = additive_attention([[0.0]], [[0.0], [0.0]], [[6.0], [2.0]])
    >>> additive_attention_backward([[1.0]], attention).d_key
    array([[ 1.],
           [-1.]])
    """
    additive, value, bias, _, scores, _, weights, output = attention
    d_output = as_cotangent("d_output", d_output, "output", output.shape)
    d_value = sum_to_shape(weights.mT @ d_output, value.shape)  # 5  (..., S, d_v)
    d_attended = sum_to_shape(d_output @ value.mT, weights.shape)  # 5  (..., T, S)
    if d_weights is None:
        d_weights = d_attended
    else:
        d_weights = as_cotangent("d_weights", d_weights, "weights", weights.shape) + d_attended
    d_logits = softmax_backward(d_weights, weights)  # 4
    d_scores = sum_to_shape(d_logits, scores.shape)  # 3, already 0 where masked, as the weights are
    d_bias = None if bias is None else sum_to_shape(d_scores, bias.shape)  # 2
    inner = additive_scores_backward(sum_to_shape(d_scores, additive.scores.shape), additive)  # 1
    return AdditiveGradients(
        d_value, d_weights, d_logits, d_scores, d_bias, inner, inner.d_v_a, inner.d_scale, inner.d_key, inner.d_query
    )


def _column(v_a: Array, d_k: int) -> Array:
    """One number for each depth, (d_k, 1)."""
    return v_a.reshape(d_k, 1) if v_a.ndim else np.ones((d_k, 1)) * v_a


def _checked_weights(scale: Any, v_a: Any, d_k: int) -> tuple[Array, Array]:
    scale, v_a = as_array("scale", scale), as_array("v_a", v_a)
    if scale.ndim:
        refuse("scale", "a number", f"shape {scale.shape}")
    if v_a.shape not in ((), (d_k,)):
        refuse("v_a", f"a number or shape ({d_k},) to match query (..., {d_k})", v_a.shape)
    return scale, v_a
