"""The equations of additive scores in reference/DERIVATION.md, as those of test_derivation.py."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.comparison import compare
from parity_tests.test_derivation import SEEDS, SIZES, holds, matrices, total
from reference import additive_scores, additive_scores_backward, bahdanau_attention, linear


@st.composite
def cases(draw):
    """Small arrays of one sequence, their scores, and the gradients, all with their bounds."""
    T, S, d_k = draw(SIZES)
    query, key, scale, v_a, d_scores = matrices(draw(SEEDS), (T, d_k), (S, d_k), (), (d_k,), (T, S))
    record = additive_scores(query, key, scale=scale, v_a=v_a)
    return record, additive_scores_backward(d_scores, record), d_scores


@given(cases())
def test_an_additive_score_is_a_weighted_sum_of_tanhs(case):
    a, _, _ = case
    d_k = a.query.shape[1]
    holds(
        a.scores,
        lambda t, s: total(a.v_a[k] * np.tanh(a.scale * (a.query[t, k] + a.key[s, k])) for k in range(d_k)),
    )


@given(cases())
def test_an_additive_score_is_no_larger_than_the_sum_of_v_a(case):
    a, _, _ = case
    for factor in (1.0, 1e3):  # as they are, and where almost every tanh is 1 or -1
        scores = additive_scores(factor * a.query, factor * a.key, scale=a.scale, v_a=a.v_a).scores
        assert (np.abs(scores.value) <= np.sum(np.abs(a.v_a.value)) + scores.error).all()


@given(cases())
def test_v_a_gets_the_sum_over_all_scores(case):
    a, gradients, d_scores = case
    every = list(np.ndindex(*d_scores.shape))
    holds(gradients.d_activations, lambda t, s, k: d_scores[t, s] * a.v_a[k])
    holds(gradients.d_v_a, lambda k: total(d_scores[at] * a.activations[(*at, k)] for at in every))
    scalar = additive_scores(a.query, a.key, scale=a.scale, v_a=a.v_a[0])
    terms = list(np.ndindex(*a.activations.shape))
    of_scalar = additive_scores_backward(d_scores, scalar).d_v_a
    holds(of_scalar, lambda: total(d_scores[at[:2]] * a.activations[at] for at in terms))


@given(cases())
def test_a_tanh_lets_less_through_the_further_it_is_from_zero(case):
    a, gradients, _ = case
    holds(
        gradients.d_scaled,
        lambda *at: gradients.d_activations[at] * (1 - a.activations[at] * a.activations[at]),
    )


@given(cases())
def test_query_and_key_get_the_sum_over_the_others(case):
    a, gradients, _ = case
    T, S, _ = a.sums.shape
    d_scaled, every = gradients.d_scaled, list(np.ndindex(*a.sums.shape))
    holds(gradients.d_query, lambda t, k: a.scale * total(d_scaled[t, s, k] for s in range(S)))
    holds(gradients.d_key, lambda s, k: a.scale * total(d_scaled[t, s, k] for t in range(T)))
    holds(gradients.d_scale, lambda: total(d_scaled[at] * a.sums[at] for at in every))


@given(SEEDS, SIZES, st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_a_pair_projected_is_the_sum_of_two_projections(seed, sizes, depths):
    (T, S, units), (d_q, d_h) = sizes, depths
    query, key, W_a, U_a, v_a = matrices(seed, (T, d_q), (S, d_h), (d_q, units), (d_h, units), (units,))
    sums = bahdanau_attention(query, key, np.ones((S, 1)), W_a, U_a, v_a).attention.additive.sums
    one_above_the_other = np.concatenate([W_a.value, U_a.value]).astype(np.float64)
    for t, s in np.ndindex(T, S):
        pair = np.concatenate([query.value[t], key.value[s]]).astype(np.float64)
        assert compare(linear(pair, one_above_the_other), sums[t, s].value, sums[t, s].error).agrees
