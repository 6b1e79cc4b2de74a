"""The equations of several heads in reference/DERIVATION.md, as those of test_derivation.py."""

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.test_derivation import SEEDS, holds, matrices, total
from reference import Projections, dot_product_attention, multi_head_attention, multi_head_attention_backward
from reference.rounding import Rounded

SHAPES = st.tuples(*(st.integers(1, 2),) * 8)


class Heads(NamedTuple):
    """A case with its heads along an axis of their own, all with their bounds."""

    record: object
    gradients: object
    d_output: Rounded
    G: int  # query heads for each key head
    query: Rounded  # (T, H, d_k)
    key: Rounded  # (S, H_kv, d_k)
    scores: Rounded  # (H, T, S)
    merged: Rounded  # (T, H, d_v)


@st.composite
def cases(draw, gate=False):
    """One sequence, a few heads of few numbers."""
    T, S, H_kv, G, d, d_k, d_v, E = draw(SHAPES)
    H = H_kv * G
    shapes = [(T, d), (S, d), (S, d), (T, E), (d, H, d_k), (d, H_kv, d_k), (d, H_kv, d_v), (H, d_v, E)]
    shapes += [(H, d_k), (H_kv, d_k), (H_kv, d_v), (E,), *([(d, H, d_v)] if gate else [])]
    query, key, value, d_output, *weights = matrices(draw(SEEDS), *shapes)
    record = multi_head_attention(query, key, value, Projections(*weights))
    gradients = multi_head_attention_backward(d_output, record)
    return Heads(
        record, gradients, d_output, G,
        query=record.projected_query.reshape(T, H, d_k),
        key=record.projected_key.reshape(S, H_kv, d_k),
        scores=record.attention.scores.reshape(H, T, S),
        merged=record.merged.reshape(T, H, d_v),
    )  # fmt: skip


@given(cases())
def test_a_score_of_a_head_is_of_its_own_projections(case):
    _, d_k = case.query.shape[1:]
    scale = case.record.scale
    holds(
        case.scores,
        lambda h, t, s: scale * total(case.query[t, h, k] * case.key[s, h // case.G, k] for k in range(d_k)),
    )


@given(SEEDS, SHAPES)
def test_one_wide_head_has_the_sum_of_the_scores(seed, shapes):
    T, S, H, d_k, *_ = shapes
    query, key, value = matrices(seed, (T, H, d_k), (S, H, d_k), (S, 1))
    of_each = [dot_product_attention(query[:, h], key[:, h], value).scores for h in range(H)]
    wide = dot_product_attention(query.reshape(T, H * d_k), key.reshape(S, H * d_k), value).scores
    holds(wide, lambda t, s: total(scores[t, s] for scores in of_each))


@given(cases())
def test_the_output_is_the_sum_of_what_each_head_says(case):
    _, H, d_v = case.merged.shape
    W_o, b_o = case.record.projections.W_o, case.record.projections.b_o
    every = list(np.ndindex(H, d_v))
    holds(case.record.output, lambda t, e: total(case.merged[t, h, v] * W_o[h, v, e] for h, v in every) + b_o[e])


@given(cases())
def test_a_head_is_told_by_its_part_of_the_last_kernel(case):
    T, H, d_v = case.merged.shape
    W_o, E = case.record.projections.W_o, case.d_output.shape[1]
    d_merged = case.gradients.d_merged.reshape(T, H, d_v)
    holds(d_merged, lambda t, h, v: total(case.d_output[t, e] * W_o[h, v, e] for e in range(E)))
    d_W_o = case.gradients.d_projections.W_o
    holds(d_W_o, lambda h, v, e: total(case.merged[t, h, v] * case.d_output[t, e] for t in range(T)))


@given(cases())
def test_a_shared_key_head_gets_the_sum_over_its_group(case):
    T, H, _ = case.query.shape
    S, scale = case.key.shape[0], case.record.scale
    d_scores = case.gradients.attention.d_scores.reshape(H, T, S)
    weights = case.record.attention.weights.reshape(H, T, S)
    d_merged = case.gradients.d_merged.reshape(case.merged.shape)

    def group(n):
        return [(h, t) for h in range(n * case.G, (n + 1) * case.G) for t in range(T)]

    holds(
        case.gradients.d_projected_key.reshape(case.key.shape),
        lambda s, n, k: scale * total(d_scores[h, t, s] * case.query[t, h, k] for h, t in group(n)),
    )
    holds(
        case.gradients.d_projected_value.reshape(S, case.key.shape[1], case.merged.shape[2]),
        lambda s, n, v: total(weights[h, t, s] * d_merged[t, h, v] for h, t in group(n)),
    )


@given(cases())
def test_a_query_is_asked_by_all_heads_and_each_has_a_kernel_of_its_own(case):
    T, H, d_k = case.query.shape
    W_q, query = case.record.projections.W_q, case.record.query
    d_projected, every = case.gradients.d_projected_query.reshape(T, H, d_k), list(np.ndindex(H, d_k))
    holds(case.gradients.d_query, lambda t, m: total(d_projected[t, h, k] * W_q[m, h, k] for h, k in every))
    d_W_q = case.gradients.d_projections.W_q
    holds(d_W_q, lambda m, h, k: total(query[t, m] * d_projected[t, h, k] for t in range(T)))


@given(cases(gate=True))
def test_a_gate_lets_as_much_back_as_it_lets_through(case):
    record, gradients = case.record, case.gradients
    holds(gradients.d_merged, lambda *at: gradients.d_gated[at] * record.gate[at])
    holds(
        gradients.d_gate_logits,
        lambda *at: gradients.d_gated[at] * record.merged[at] * record.gate[at] * (1 - record.gate[at]),
    )
