"""Hierarchical attention: words are pooled to sentences, and sentences to a document; and its backward."""

from typing import Any, NamedTuple

import numpy as np

from reference.inputs import Array, as_array, as_cotangent, check_rank
from reference.pooling import (
    AttentionPooling,
    AttentionPoolingGradients,
    attention_pooling,
    attention_pooling_backward,
    checked_mask,
    checked_parameters,
)


class HierarchicalAttention(NamedTuple):
    """Every intermediate of the forward pass, in the order computed."""

    words: AttentionPooling  # of each sentence; its output (..., N, d) are the sentences
    sentences: AttentionPooling  # its output (..., d) is the document
    weights: Array  # (..., N, T), of each word in the document: that in its sentence times that of its sentence
    output: Array  # (..., d)


class HierarchicalAttentionGradients(NamedTuple):
    """Every gradient of the backward pass, in the order computed, in the shape of what it is of."""

    sentences: AttentionPoolingGradients  # step 2
    words: AttentionPoolingGradients  # step 1
    d_W_sentence: Array
    d_context_sentence: Array
    d_b_sentence: Array | None
    d_W_word: Array
    d_context_word: Array
    d_b_word: Array | None
    d_x: Array


def hierarchical_attention(
    x: Any,
    W_word: Any,
    context_word: Any,
    W_sentence: Any,
    context_sentence: Any,
    *,
    b_word: Any = None,
    b_sentence: Any = None,
    mask: Any = None,
) -> HierarchicalAttention:
    """Pool the words of each sentence, then the sentences of each document, by an `attention_pooling` of their own.

    Parameters
    ----------
    x : (..., N, T, d)
        N sentences of T words each.
    W_word, W_sentence : (d, units), (d, units)
        The numbers of units may differ.
    context_word, context_sentence : (units,), (units,)
    b_word, b_sentence : (units,), (units,), optional
    mask : bool, broadcasts to (..., N, T), optional
        True = a word; False for padding. A sentence without words is hidden as a whole.

    Returns
    -------
    HierarchicalAttention
        Both poolings by name. ``output`` (..., d) is the document, and ``weights`` (..., N, T) how much each word is
        part of it: they sum to 1 over the document, or to 0 where there are no words at all.

    Raises
    ------
    ValueError
        If shapes do not fit, the mask is not boolean, or an input not finite.

    Notes
    -----
    Yang et al., "Hierarchical Attention Networks for Document Classification" (2016), equations 5 to 10. What encodes
    words and sentences there, two recurrent networks, is no attention: with one between the two levels, call
    `attention_pooling` for each.

    Examples
    --------
    Within the sentences the words have the weights 3/4 and 1/4 where they are ln 2 and 0, and 1/2 and 1/2 where both
    are 0. With a context of 0, the sentences count evenly: so the words have 3/8, 1/8, 1/4, 1/4.

    >>> x = [[[np.log(2.0), 8.0], [0.0, 16.0]], [[0.0, 4.0], [0.0, 8.0]]]
    >>> W, context = [[1.0], [0.0]], np.log([3.0]) * 5 / 3
    >>> record = hierarchical_attention(x, W, context, W, [0.0])
    >>> np.round(8 * record.weights, 12)
    array([[3., 1.],
           [2., 2.]])
    >>> np.round(record.words.output[:, 1], 12), np.round(record.output[1], 12)
    (array([10.,  6.]), np.float64(8.0))
    """
    x = as_array("x", x)
    check_rank("x", x, "(..., N, T, d)", 3)
    of_word, of_sentence = (("W_word", "context_word", "b_word"), ("W_sentence", "context_sentence", "b_sentence"))
    W_word, context_word, b_word = checked_parameters(x, W_word, context_word, b_word, of_word)
    W_sentence, context_sentence, b_sentence = checked_parameters(
        x, W_sentence, context_sentence, b_sentence, of_sentence
    )
    mask = None if mask is None else checked_mask(mask, x)
    words = attention_pooling(x, W_word, context_word, b_a=b_word, mask=mask)  # 1  with output (..., N, d)
    sentences = attention_pooling(
        words.output, W_sentence, context_sentence, b_a=b_sentence, mask=_not_empty(mask, x)
    )  # 2
    weights = words.weights * sentences.weights[..., None]
    return HierarchicalAttention(words, sentences, weights, sentences.output)


def hierarchical_attention_backward(
    d_output: Any, attention: HierarchicalAttention, d_weights: Any = None
) -> HierarchicalAttentionGradients:
    """Return the gradients of `hierarchical_attention`, each step of the forward undone from the last.

    Parameters
    ----------
    d_output : (..., d)
        The gradient of the loss with respect to ``attention.output``.
    attention : HierarchicalAttention
        What `hierarchical_attention` returned.
    d_weights : (..., N, T), optional
        The gradient with respect to ``attention.weights``, where the loss depends on them directly too.

    Returns
    -------
    HierarchicalAttentionGradients
        Those of both poolings, and the gradients of all arguments by name.

    Raises
    ------
    ValueError
        If ``d_output`` or ``d_weights`` has not the shape of what it is the gradient of, or is not finite.

    Examples
    --------
    Sentences of 10 and 6, counted evenly: the gradients of their scores are 1/2 * (10 - 8) and 1/2 * (6 - 8). Those of
    the words are half of what they would be for their sentence alone: 1/2 * 3/4 * (8 - 10) is the first.

    >>> x = [[[np.log(2.0), 8.0], [0.0, 16.0]], [[0.0, 4.0], [0.0, 8.0]]]
    >>> W, context = [[1.0], [0.0]], np.log([3.0]) * 5 / 3
    >>> gradients = hierarchical_attention_backward([0.0, 1.0], hierarchical_attention(x, W, context, W, [0.0]))
    >>> np.round(gradients.sentences.attention.d_scores, 12)
    array([[ 1., -1.]])
    >>> np.round(gradients.words.attention.d_scores[:, 0], 12)
    array([[-0.75,  0.75],
           [-0.5 ,  0.5 ]])
    """
    words, sentences, weights, output = attention
    d_output = as_cotangent("d_output", d_output, "output", output.shape)
    d_word_weights, d_sentence_weights = None, None
    if d_weights is not None:
        d_weights = as_cotangent("d_weights", d_weights, "weights", weights.shape)
        d_sentence_weights = np.sum(d_weights * words.weights, axis=-1)  # (..., N)
        d_word_weights = d_weights * sentences.weights[..., None]  # (..., N, T)
    d_sentences = attention_pooling_backward(d_output, sentences, d_sentence_weights)  # 2
    d_words = attention_pooling_backward(d_sentences.d_x, words, d_word_weights)  # 1
    return HierarchicalAttentionGradients(
        d_sentences, d_words,
        d_W_sentence=d_sentences.d_W_a,
        d_context_sentence=d_sentences.d_context,
        d_b_sentence=d_sentences.d_b_a,
        d_W_word=d_words.d_W_a,
        d_context_word=d_words.d_context,
        d_b_word=d_words.d_b_a,
        d_x=d_words.d_x,
    )  # fmt: skip


def _not_empty(mask: Array | None, x: Array) -> Array | None:
    """Which sentences have words, (..., N)."""
    if mask is None:
        return None
    return np.any(np.broadcast_to(mask, np.broadcast_shapes(mask.shape, x.shape[:-1])), axis=-1, keepdims=False)
