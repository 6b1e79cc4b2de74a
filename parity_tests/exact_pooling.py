"""Attention pooling and hierarchical attention to 50 digits, by loops over scalars; gradients by differences.

Shares no formula with `reference`: the softmax takes no maximum away, and a gradient is the difference of two losses,
which at 120 digits leaves more of them than are compared.
"""

import mpmath
import numpy as np

from parity_tests.exact import at, exactly, normalize, rounded, zeros


@mpmath.workdps(50)
def pooling(x, W_a, context, *, b_a=None, mask=None):
    """Return weights and output."""
    return tuple(rounded(table) for table in _pooling(*(exactly(one) for one in (x, W_a, context)), b_a, mask))


@mpmath.workdps(50)
def hierarchical(x, W_word, context_word, W_sentence, context_sentence, *, b_word=None, b_sentence=None, mask=None):
    """Return weights and output."""
    learned = tuple(exactly(one) for one in (W_word, context_word, W_sentence, context_sentence))
    return tuple(rounded(table) for table in _hierarchical(exactly(x), *learned, b_word, b_sentence, mask))


@mpmath.workdps(120)
def slope(name, call, index, d_output, d_weights):
    """Return the gradient of ``sum(d_output * output) + sum(d_weights * weights)`` for one element of an argument.

    ``call`` has the arguments of `pooling`, or those of `hierarchical`.
    """
    step, losses = mpmath.mpf(10) ** -40, []
    for sign in (1, -1):
        moved = {key: one if one is None or key == "mask" else exactly(one) for key, one in call.items()}
        moved[name] = moved[name].copy()
        moved[name][index] += sign * step
        weights, output = (_hierarchical if "W_word" in call else _pooling)(**moved)
        losses.append(np.sum(exactly(d_output) * output) + np.sum(exactly(d_weights) * weights))
    return rounded(np.array((losses[0] - losses[1]) / (2 * step), dtype=object))


def _pooling(x, W_a, context, b_a, mask):
    *leading, T, d = x.shape
    b_a, mask = exactly(np.zeros(len(context)) if b_a is None else b_a), np.asarray([True] if mask is None else mask)
    leading = np.broadcast_shapes(tuple(leading), mask.shape[:-1])
    weights, output = zeros((*leading, T)), zeros((*leading, d))
    for *lead, t in np.ndindex(*weights.shape):
        if mask[at(mask, *lead, t)]:
            inputs = [x[at(x, *lead, t, i)] for i in range(d)]
            score = mpmath.mpf(0)
            for unit in range(len(context)):
                total = b_a[unit]
                for i in range(d):
                    total += inputs[i] * W_a[i, unit]
                score += context[unit] * mpmath.tanh(total)
            weights[(*lead, t)] = mpmath.exp(score)
    normalize(weights)
    for *lead, i in np.ndindex(*output.shape):
        for t in range(T):
            output[(*lead, i)] += weights[(*lead, t)] * x[at(x, *lead, t, i)]
    return weights, output


def _hierarchical(x, W_word, context_word, W_sentence, context_sentence, b_word, b_sentence, mask):
    of_words, sentences = _pooling(x, W_word, context_word, b_word, mask)
    has_words = np.ones(sentences.shape[:-1], dtype=bool)
    if mask is not None:
        for *lead, n in np.ndindex(*has_words.shape):
            has_words[(*lead, n)] = any(mask[at(mask, *lead, n, t)] for t in range(x.shape[-2]))
    of_sentences, output = _pooling(sentences, W_sentence, context_sentence, b_sentence, has_words)
    weights = zeros(of_words.shape)
    for *lead, n, t in np.ndindex(*weights.shape):
        weights[(*lead, n, t)] = of_words[(*lead, n, t)] * of_sentences[(*lead, n)]
    return weights, output
