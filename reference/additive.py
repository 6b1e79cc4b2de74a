"""Additive attention (Bahdanau; Luong's "concat"), and its backward."""

from typing import Any, NamedTuple

import numpy as np

from reference.additive_scores import (
    AdditiveScores,
    AdditiveScoresGradients,
    additive_scores,
    additive_scores_backward,
    as_scale_and_v_a,
)
from reference.broadcasting import sum_to_shape
from reference.inputs import Array, as_array, as_bias_and_mask, as_cotangent, check_attention_shapes
from reference.softmax import d_logits_of, softmax


class AdditiveAttention(NamedTuple):
    """The inputs and every intermediate of the forward pass, in the order computed."""

    query: Array  # (..., T, d_k)
    key: Array  # (..., S, d_k)
    value: Array  # (..., S, d_v)
    scale: Array  # ()
    v_a: Array  # () or (d_k,)
    bias: Array | None
    mask: Array | None
    additive: AdditiveScores  # the scores before the bias, and what led to them
    scores: Array  # (..., T, S), plus the bias
    logits: Array  # (..., T, S), -inf where masked
    weights: Array  # (..., T, S), each row sums to 1, or to 0 if all is masked
    output: Array  # (..., T, d_v)


class AdditiveAttentionGradients(NamedTuple):
    """Every gradient of the backward pass, in the order computed, in the shape of what it is of."""

    d_value: Array  # step 5
    d_weights: Array
    d_logits: Array  # step 4
    d_scores: Array  # step 3
    d_bias: Array | None  # step 2
    additive: AdditiveScoresGradients  # step 1
    d_v_a: Array
    d_scale: Array
    d_query: Array
    d_key: Array


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
        Leading axes broadcast as NumPy's do. Arithmetic is float64, or longdouble or complex128
        where an argument is.
    scale : scalar
    v_a : scalar or (d_k,)
        As in `additive_scores`.
    bias : broadcasts to (..., T, S), optional
        Added to the scores; may hold -inf, which hides.
    mask : bool, broadcasts to (..., T, S), optional
        True = may attend.

    Returns
    -------
    AdditiveAttention
        All intermediates by name, of which ``output`` and ``weights`` are the result; ``additive`` holds those of
        `additive_scores`. A query that may attend nothing (or where S = 0) has weights 0 and output 0.

    Raises
    ------
    ValueError
        If shapes do not fit, the mask is not boolean, or an input not finite.

    Notes
    -----
    Bahdanau, Cho and Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate" (2015),
    section 3.1 and appendix A.1.2. ``keras.layers.AdditiveAttention`` computes this, and so does
    ``keras.layers.Attention(score_mode="concat")``; `additive_scores` says which of their weights is what.

    Examples
    --------
    Twice the tanh of the keys are the scores ln 1, ln 2, ln 3, whose weights are 1/6, 2/6, 3/6.

    >>> keys = np.arctanh(np.log([[1.0], [2.0], [3.0]]) / 2)
    >>> attention = additive_attention([[0.0]], keys, [[6.0], [3.0], [2.0]], v_a=2.0)
    >>> np.round(6 * attention.weights, 12)
    array([[1., 2., 3.]])
    >>> np.round(attention.output, 12)
    array([[3.]])
    """
    query, key, value = as_array("query", query), as_array("key", key), as_array("value", value)
    scores_shape = check_attention_shapes(query, key, value)
    scale, v_a = as_scale_and_v_a(scale, v_a, query.shape[-1])
    bias, mask = as_bias_and_mask(bias, mask, scores_shape)
    additive = additive_scores(query, key, scale=scale, v_a=v_a)  # 1  (..., T, S)
    scores = additive.scores if bias is None else additive.scores + bias  # 2
    logits = scores if mask is None else np.where(mask, scores, -np.inf)  # 3
    weights = softmax(logits)  # 4  (..., T, S)
    output = weights @ value  # 5  (..., T, d_v)
    return AdditiveAttention(
        query, key, value, scale, v_a, bias, mask, additive, scores, logits, weights, output
    )  # fmt: skip


def additive_attention_backward(
    d_output: Any, attention: AdditiveAttention, d_weights: Any = None
) -> AdditiveAttentionGradients:
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
    AdditiveAttentionGradients
        All gradients by name, in the order computed; ``d_weights`` is the sum of what arrives
        through the output and of what was given. Whatever is hidden has gradient 0.

    Raises
    ------
    ValueError
        If ``d_output`` or ``d_weights`` has not the shape of what it is the gradient of, or is not finite.

    Examples
    --------
    The gradient of the scores is 1/2, 0, -1/2. The first key has tanh 0, of slope 1, so that v_a makes 2 * 1/2 of it.

    >>> keys = np.arctanh(np.log([[1.0], [2.0], [3.0]]) / 2)
    >>> attention = additive_attention([[0.0]], keys, [[6.0], [3.0], [2.0]], v_a=2.0)
    >>> gradients = additive_attention_backward([[1.0]], attention)
    >>> np.round(gradients.d_scores, 12)
    array([[ 0.5,  0. , -0.5]])
    >>> np.round(gradients.d_key[0], 12)
    array([1.])
    """
    _, _, value, _, _, bias, _, additive, scores, _, weights, output = attention
    d_output = as_cotangent("d_output", d_output, "output", output.shape)
    d_value = sum_to_shape(weights.mT @ d_output, value.shape)  # 5  (..., S, d_v)
    d_attended = sum_to_shape(d_output @ value.mT, weights.shape)  # 5  (..., T, S)
    if d_weights is None:
        d_weights = d_attended
    else:
        d_weights = as_cotangent("d_weights", d_weights, "weights", weights.shape) + d_attended
    d_logits = d_logits_of(d_weights, weights)  # 4
    d_scores = sum_to_shape(d_logits, scores.shape)  # 3, already 0 where masked, as the weights are
    d_bias = None if bias is None else sum_to_shape(d_scores, bias.shape)  # 2
    d_additive = additive_scores_backward(sum_to_shape(d_scores, additive.scores.shape), additive)  # 2, 1
    return AdditiveAttentionGradients(
        d_value, d_weights, d_logits, d_scores, d_bias, d_additive,
        d_additive.d_v_a, d_additive.d_scale, d_additive.d_query, d_additive.d_key,
    )  # fmt: skip
