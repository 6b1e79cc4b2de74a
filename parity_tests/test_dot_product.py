"""Dot-product attention: what it returns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests import exact
from parity_tests.calls import INPUTS, OVERFLOWS, TRACKED, calls, generators, sizes, tracked, twins
from parity_tests.comparison import compare, within_bound
from reference import (
    dot_product_attention,
    scaled_dot_product_attention,
)


@given(calls())
def test_output_and_weights_are_those_to_50_digits_within_the_bound(call):
    actual, bound, truth = (
        dot_product_attention(**call),
        dot_product_attention(**tracked(call)),
        exact.attention(**call),
    )
    for name in ("weights", "output"):
        assert compare(getattr(actual, name), getattr(truth, name), getattr(bound, name).error).agrees


@given(sizes(), generators())
def test_hidden_keys_have_no_influence(drawn, rng):
    T, S, d_k, d_v = drawn
    query, key, value = rng.normal(size=(T, d_k)), rng.normal(size=(S, d_k)), rng.normal(size=(S, d_v))
    mask = rng.random((T, S)) < 0.6
    s = rng.integers(S)
    before = dot_product_attention(query, key, value, mask=mask)
    key[s], value[s] = rng.normal(size=d_k) * 1e6, rng.normal(size=d_v) * 1e6
    after = dot_product_attention(query, key, value, mask=mask)
    unseeing = ~mask[:, s]
    assert np.array_equal(before.weights[unseeing], after.weights[unseeing])
    assert np.array_equal(before.output[unseeing], after.output[unseeing])


@pytest.mark.filterwarnings(OVERFLOWS)
@given(twins())
def test_what_is_hidden_may_be_as_large_as_a_number_can_be(calls):
    record, of_twin = (dot_product_attention(**call) for call in calls)
    assert np.array_equal(of_twin.weights, record.weights)
    assert np.array_equal(of_twin.output, record.output)


@given(calls(may_hide=False), generators())
def test_a_bias_of_minus_infinity_hides_as_a_mask_does(call, rng):
    mask = rng.random(dot_product_attention(**call).scores.shape[-2:]) < 0.7
    by_mask = dot_product_attention(**{**call, "mask": mask})
    added = 0.0 if call["bias"] is None else call["bias"]
    by_bias = dot_product_attention(**{**call, "mask": None, "bias": np.where(mask, added, -np.inf)})
    assert np.array_equal(by_mask.output, by_bias.output)


@given(sizes(), generators())
def test_a_single_key_is_all_that_a_query_attends_to(drawn, rng):
    T, _, d_k, d_v = drawn
    value = rng.normal(size=(1, d_v))
    output = dot_product_attention(rng.normal(size=(T, d_k)), rng.normal(size=(1, d_k)), value).output
    assert np.array_equal(output, np.repeat(value, T, axis=0))


@given(calls(softcap=False))
def test_each_item_of_a_batch_is_attended_to_alone(call):
    bound = dot_product_attention(**tracked(call)).output
    leading = bound.shape[:-2]
    for lead in np.ndindex(*leading):
        item = dict(call)
        for name in (*TRACKED, "mask"):
            if call[name] is not None and np.ndim(call[name]) > 1:
                item[name] = np.broadcast_to(call[name], (*leading, *call[name].shape[-2:]))[lead]
        assert within_bound(dot_product_attention(**item).output, bound[lead]).agrees


@given(sizes(), generators())
def test_the_order_of_the_keys_is_of_no_importance(drawn, rng):
    T, S, d_k, d_v = drawn
    query, key, value = rng.normal(size=(T, d_k)), rng.normal(size=(S, d_k)), rng.normal(size=(S, d_v))
    mask, order = rng.random((T, S)) < 0.7, rng.permutation(S)
    bound = dot_product_attention(**tracked({"query": query, "key": key, "value": value, "mask": mask}))
    permuted = dot_product_attention(query, key[order], value[order], mask=mask[:, order])
    assert within_bound(permuted.output, bound.output).agrees
    assert within_bound(permuted.weights, bound.weights[:, order]).agrees


@given(sizes(), generators())
def test_scores_of_integers_are_integers(drawn, rng):
    T, S, d_k, d_v = drawn
    query, key = rng.integers(-99, 100, (T, d_k)), rng.integers(-99, 100, (S, d_k))
    bias = rng.integers(-99, 100, (T, S))
    expected = np.zeros((T, S))
    for t, s in np.ndindex(T, S):
        expected[t, s] = 3 * sum(query[t, k] * key[s, k] for k in range(d_k)) + bias[t, s]
    record = dot_product_attention(query, key, np.ones((S, d_v)), scale=3, bias=bias)
    assert np.array_equal(record.scores, expected)


@given(sizes(), generators())
def test_every_step_up_to_the_logits_is_the_one_it_names(drawn, rng):
    T, S, d_k, _ = drawn
    query, key = rng.integers(-9, 10, (T, d_k)), rng.integers(-9, 10, (S, d_k))
    bias, mask = rng.integers(-9, 10, (T, S)), rng.random((T, S)) < 0.7
    record = dot_product_attention(query, key, key, scale=0.5, bias=bias, mask=mask)
    products = np.einsum("tk,sk->ts", query, key)
    assert np.array_equal(record.products, products)
    assert np.array_equal(record.scaled, products / 2)
    assert np.array_equal(record.capped, products / 2)
    assert np.array_equal(record.scores, products / 2 + bias)
    assert np.array_equal(record.logits, [
        [products[t, s] / 2 + bias[t, s] if mask[t, s] else -np.inf for s in range(S)] for t in range(T)
    ])  # fmt: skip


@given(calls(may_hide=False), st.sampled_from((0.5, 4.0)))
def test_capped_scores_lie_between_minus_and_plus_the_softcap(call, softcap):
    call = {**call, "query": call["query"] * 100, "softcap": softcap}
    assert (np.abs(dot_product_attention(**call).capped) <= softcap).all()


@pytest.mark.parametrize(
    ("field", "digits", "expected"),
    [
        ("products", 4, [[2, 2], [1, 4]]),
        ("scaled", 4, [[2, 2], [1, 4]]),
        ("scores", 4, [[2, 2], [1, 4]]),
        ("logits", 4, [[2, 2], [1, 4]]),
        ("weights", 4, [[0.5, 0.5], [0.0474, 0.9526]]),
        ("output", 3, [[2, 3], [2.905, 3.905]]),
    ],
)
def test_the_worked_example_has_the_numbers_of_the_article(field, digits, expected):
    record = dot_product_attention([[1, 0, 1], [0, 2, 1]], [[1, 0, 1], [0, 1, 2]], [[1, 2], [3, 4]])
    assert np.array_equal(np.round(getattr(record, field), digits), expected)


@given(calls())
def test_scaled_attention_is_attention_with_the_root_of_the_depth(call):
    options = {name: call[name] for name in ("softcap", "bias", "mask")}
    inputs = [call[name] for name in INPUTS]
    scale = call["query"].shape[-1] ** -0.5
    scaled = scaled_dot_product_attention(*inputs, **options)
    assert np.array_equal(scaled.output, dot_product_attention(*inputs, scale=scale, **options).output)


@pytest.mark.parametrize(("d_k", "root"), [(1, 1), (4, 2), (16, 4)])
def test_the_scale_is_one_over_the_root_of_the_depth(d_k, root):
    rng = np.random.default_rng(d_k)
    query, key = rng.integers(-9, 10, (3, d_k)), rng.integers(-9, 10, (2, d_k))
    assert np.array_equal(scaled_dot_product_attention(query, key, key).scores, query @ key.T / root)
