"""The equations of pooling in reference/DERIVATION.md, as those of test_derivation.py."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.test_derivation import SEEDS, holds, matrices, total
from reference import (
    attention_pooling,
    attention_pooling_backward,
    hierarchical_attention,
    hierarchical_attention_backward,
)

SIZES = st.tuples(*(st.integers(1, 3),) * 3)


@st.composite
def cases(draw):
    """One sequence, pooled, and the gradients, all with their bounds."""
    T, d, units = draw(SIZES)
    x, W_a, context, b_a, d_output = matrices(draw(SEEDS), (T, d), (d, units), (units,), (units,), (d,))
    record = attention_pooling(x, W_a, context, b_a=b_a)
    return record, attention_pooling_backward(d_output, record), d_output


@st.composite
def documents(draw):
    """A document of a few sentences, pooled twice, and the gradients, all with their bounds."""
    (N, T, d), units = draw(SIZES), draw(st.integers(1, 3))
    shapes = ((N, T, d), (d, units), (units,), (d, units), (units,), (d,))
    *arguments, d_output = matrices(draw(SEEDS), *shapes)
    record = hierarchical_attention(*arguments)
    return record, hierarchical_attention_backward(d_output, record), d_output


@given(cases())
def test_a_position_is_scored_by_what_is_learned_alone(case):
    a, _, _ = case
    d, units = a.W_a.shape
    T = a.x.shape[0]

    def bent(t, j):
        return np.tanh(total(a.x[t, m] * a.W_a[m, j] for m in range(d)) + a.b_a[j])

    holds(a.attention.scores.reshape(T), lambda t: total(a.context[j] * bent(t, j) for j in range(units)))


@given(cases())
def test_a_position_is_scored_up_if_it_lies_where_the_output_should_go(case):
    a, gradients, d_output = case
    T, d = a.x.shape
    d_scores = gradients.attention.d_scores.reshape(T)
    holds(d_scores, lambda t: a.weights[t] * total(d_output[m] * (a.x[t, m] - a.output[m]) for m in range(d)))


@given(cases())
def test_the_context_gets_the_sum_over_all_positions(case):
    a, gradients, _ = case
    T = a.x.shape[0]
    d_scores = gradients.attention.d_scores.reshape(T)
    holds(gradients.d_context, lambda j: total(d_scores[t] * a.hidden[t, j] for t in range(T)))


@given(cases())
def test_a_position_gets_its_share_and_what_its_score_is_told(case):
    a, gradients, d_output = case
    units = a.context.shape[0]
    holds(
        gradients.d_x,
        lambda t, m: a.weights[t] * d_output[m] + total(gradients.d_sums[t, j] * a.W_a[m, j] for j in range(units)),
    )


@given(documents())
def test_a_document_is_an_average_of_its_words(case):
    a, _, _ = case
    N, T, _ = a.words.x.shape
    every = list(np.ndindex(N, T))
    word, sentence = a.words.weights, a.sentences.weights
    holds(a.output, lambda m: total(sentence[n] * word[n, t] * a.words.x[n, t, m] for n, t in every))


@given(documents())
def test_the_words_of_a_sentence_are_told_what_their_sentence_is(case):
    a, gradients, _ = case
    d = a.output.shape[0]
    d_sentences, words = gradients.sentences.d_x, a.words
    d_scores = gradients.words.attention.d_scores[:, 0]

    def told(n, t):
        return total(d_sentences[n, m] * (words.x[n, t, m] - words.output[n, m]) for m in range(d))

    holds(d_scores, lambda n, t: words.weights[n, t] * told(n, t))
