"""The scores of additive attention, and their backward."""

from typing import Any, NamedTuple

import numpy as np

from reference.broadcasting import sum_to_shape
from reference.inputs import Array, as_array, as_cotangent, check_scores_shapes, refuse
from reference.products import sum_products_to_shape


class AdditiveScores(NamedTuple):
    """The inputs and every intermediate of the forward pass, in the order computed."""

    query: Array  # (..., T, d_k)
    key: Array  # (..., S, d_k)
    scale: Array  # ()
    v_a: Array  # () or (d_k,)
    sums: Array  # (..., T, S, d_k), every query plus every key
    scaled: Array  # (..., T, S, d_k), times the scale
    activations: Array  # (..., T, S, d_k), between -1 and 1
    scores: Array  # (..., T, S)


class AdditiveScoresGradients(NamedTuple):
    """Every gradient of the backward pass, in the order computed, in the shape of what it is of."""

    d_v_a: Array  # step 4
    d_activations: Array
    d_scaled: Array  # step 3
    d_scale: Array  # step 2
    d_sums: Array
    d_query: Array  # step 1
    d_key: Array


def additive_scores(query: Any, key: Any, *, scale: Any = 1.0, v_a: Any = 1.0) -> AdditiveScores:
    """Score every key for every query by a small network of one hidden layer, ``tanh`` of their sum.

    ``scores[..., t, s] = sum_k v_a[k] * tanh(scale * (query[..., t, k] + key[..., s, k]))``

    Parameters
    ----------
    query : (..., T, d_k)
    key : (..., S, d_k)
        Leading axes broadcast as NumPy's do. Arithmetic is float64, or longdouble or complex128
        where an argument is.
    scale : scalar
        What the sums of query and key are multiplied by.
    v_a : scalar or (d_k,)
        What each tanh counts for in the score; a scalar, if all count alike.

    Returns
    -------
    AdditiveScores
        All intermediates by name, of which ``scores`` is the result. Several have T * S * d_k elements.

    Raises
    ------
    ValueError
        If shapes do not fit, or an input is not finite.

    Notes
    -----
    Bahdanau, Cho and Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate" (2015),
    appendix A.1.2, of projections of query and key; Luong, Pham and Manning, "Effective Approaches to
    Attention-based Neural Machine Translation" (2015), section 3.1, score "concat".

    ``keras.layers.AdditiveAttention`` has these scores: v_a is its weight ``scale``, a vector, or 1 without
    ``use_scale``. So has ``keras.layers.Attention(score_mode="concat")``: v_a is its weight ``concat_score_weight``,
    a scalar, and the scale is its weight ``scale``, or 1 without ``use_scale``.

    Examples
    --------
    As tanh(ln x) = (x² - 1) / (x² + 1), tanh(ln 2) is 3/5 and tanh(ln 3) is 4/5. In the second key, -ln 2 meets
    the query's ln 2.

    >>> record = additive_scores(np.log([[2.0, 3.0]]), [[0.0, 0.0], [-np.log(2.0), 0.0]], v_a=[5.0, 10.0])
    >>> np.round(record.activations, 12)
    array([[[0.6, 0.8],
            [0. , 0.8]]])
    >>> np.round(record.scores, 12)
    array([[11.,  8.]])
    """
    query, key = as_array("query", query), as_array("key", key)
    check_scores_shapes(query, key)
    scale, v_a = as_scale_and_v_a(scale, v_a, query.shape[-1])
    sums = query[..., :, None, :] + key[..., None, :, :]  # 1  (..., T, S, d_k)
    scaled = scale * sums  # 2
    activations = np.tanh(scaled)  # 3
    scores = (activations @ _column(v_a, query.shape[-1]))[..., 0]  # 4  (..., T, S)
    return AdditiveScores(query, key, scale, v_a, sums, scaled, activations, scores)


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
        All gradients by name, in the order computed. Whatever was broadcast has the sum: a query over all keys,
        a key over all queries, the scale and a scalar v_a over everything.

    Raises
    ------
    ValueError
        If ``d_scores`` has not the shape of the scores, or is not finite.

    Examples
    --------
    The slope of tanh, 1 - tanh², is 0.64 where tanh is 3/5 and 0.36 where it is 4/5; v_a multiplies it by 5 and 10.

    >>> record = additive_scores(np.log([[2.0, 3.0]]), [[0.0, 0.0], [-np.log(2.0), 0.0]], v_a=[5.0, 10.0])
    >>> gradients = additive_scores_backward([[1.0, 0.0]], record)
    >>> np.round(gradients.d_query, 12)
    array([[3.2, 3.6]])
    >>> np.round(gradients.d_v_a, 12)
    array([0.6, 0.8])
    """
    query, key, scale, v_a, sums, _, activations, scores = record
    d_scores = as_cotangent("d_scores", d_scores, "scores", scores.shape)
    d_k = query.shape[-1]
    d_v_a = sum_to_shape(d_scores[..., None] * activations, v_a.shape)  # 4
    d_activations = d_scores[..., None] @ _column(v_a, d_k).mT  # 4  (..., T, S, d_k)
    d_scaled = d_activations * (1 - np.square(activations))  # 3, as tanh' = 1 - tanh²
    d_scale = sum_products_to_shape(d_scaled, sums, scale.shape)  # 2
    d_sums = scale * d_scaled  # 2
    of_each_query, of_each_key = (*query.shape[:-1], 1, d_k), (*key.shape[:-2], 1, *key.shape[-2:])
    d_query = sum_to_shape(d_sums, of_each_query).reshape(query.shape)  # 1  (..., T, d_k)
    d_key = sum_to_shape(d_sums, of_each_key).reshape(key.shape)  # 1  (..., S, d_k)
    return AdditiveScoresGradients(d_v_a, d_activations, d_scaled, d_scale, d_sums, d_query, d_key)


def as_scale_and_v_a(scale: Any, v_a: Any, d_k: int) -> tuple[Array, Array]:
    """Return both as arrays, and refuse a scale that is not a scalar and a v_a that does not fit the depth."""
    scale, v_a = as_array("scale", scale), as_array("v_a", v_a)
    if scale.shape != ():
        refuse("scale", "a scalar", f"shape {scale.shape}")
    if v_a.shape not in ((), (d_k,)):
        refuse("v_a", f"a scalar or shape ({d_k},) to match query (..., T, {d_k})", f"shape {v_a.shape}")
    return scale, v_a


def _column(v_a: Array, d_k: int) -> Array:
    """(d_k, 1), a scalar repeated."""
    return v_a.reshape(-1, 1) + np.zeros((d_k, 1))
