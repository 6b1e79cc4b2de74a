"""Additive attention: what it returns."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests import exact_additive
from parity_tests.additive_calls import additive_calls
from parity_tests.calls import generators, sizes, tracked
from parity_tests.comparison import compare, within_bound
from reference import additive_attention, additive_scores


@settings(max_examples=40)
@given(additive_calls())
def test_output_and_weights_are_those_to_50_digits_within_the_bound(call):
    actual, bound = additive_attention(**call), additive_attention(**tracked(call))
    truth = exact_additive.attention(**call)
    for name in ("weights", "output"):
        assert compare(getattr(actual, name), getattr(truth, name), getattr(bound, name).error).agrees


@st.composite
def scored(draw):
    """Arguments of the scores alone."""
    call = draw(additive_calls())
    return {name: call[name] for name in ("query", "key", "scale", "v_a")}


@settings(max_examples=40)
@given(scored())
def test_scores_are_those_to_50_digits_within_the_bound(call):
    actual, bound = additive_scores(**call).scores, additive_scores(**tracked(call)).scores
    truth, _, _ = exact_additive.scores(**call, d_scores=np.zeros(actual.shape))
    assert compare(actual, truth, bound.error).agrees


@given(sizes(), generators())
def test_every_step_up_to_the_logits_is_the_one_it_names(drawn, rng):
    T, S, d_k, _ = drawn
    query, key, v_a = rng.integers(-9, 10, (T, d_k)), rng.integers(-9, 10, (S, d_k)), rng.integers(-9, 10, d_k)
    bias, mask = rng.integers(-9, 10, (T, S)), rng.random((T, S)) < 0.7
    record = additive_attention(query, key, key, scale=0.5, v_a=v_a, bias=bias, mask=mask)
    for t, s, k in np.ndindex(T, S, d_k):
        assert record.additive.sums[t, s, k] == query[t, k] + key[s, k]
        assert record.additive.scaled[t, s, k] == (query[t, k] + key[s, k]) / 2
    assert np.array_equal(record.additive.activations, np.tanh(record.additive.scaled))
    assert np.array_equal(record.scores, record.additive.scores + bias)
    assert np.array_equal(record.logits[mask], record.scores[mask])
    assert (record.logits[~mask] == -np.inf).all()


@settings(max_examples=40)
@given(additive_calls())
def test_a_scalar_v_a_is_a_vector_of_that_number(call):
    call["v_a"] = np.float64(call["v_a"].flat[0])
    as_vector = np.full(call["query"].shape[-1], call["v_a"])
    bound = additive_attention(**tracked(call))
    assert within_bound(additive_attention(**{**call, "v_a": as_vector}).output, bound.output).agrees


@settings(max_examples=40)
@given(additive_calls())
def test_without_scale_and_v_a_both_are_one(call):
    inputs = {name: call[name] for name in ("query", "key", "value", "bias", "mask")}
    ones = {"scale": 1.0, "v_a": np.ones(call["query"].shape[-1])}
    assert np.array_equal(additive_attention(**inputs).output, additive_attention(**inputs, **ones).output)
    pair = (call["query"], call["key"])
    assert np.array_equal(additive_scores(*pair).scores, additive_scores(*pair, **ones).scores)


@given(sizes(), generators())
def test_query_and_key_change_places_in_the_scores(drawn, rng):
    T, S, d_k, _ = drawn
    query, key, v_a = rng.normal(size=(T, d_k)), rng.normal(size=(S, d_k)), rng.normal(size=d_k)
    bound = additive_scores(**tracked({"query": query, "key": key, "v_a": v_a})).scores
    assert within_bound(additive_scores(key, query, v_a=v_a).scores.T, bound).agrees


@given(sizes(), generators())
def test_hidden_keys_have_no_influence(drawn, rng):
    T, S, d_k, d_v = drawn
    query, key, value = rng.normal(size=(T, d_k)), rng.normal(size=(S, d_k)), rng.normal(size=(S, d_v))
    mask, v_a = rng.random((T, S)) < 0.6, rng.normal(size=d_k)
    s = rng.integers(S)
    before = additive_attention(query, key, value, v_a=v_a, mask=mask)
    key[s], value[s] = rng.normal(size=d_k) * 1e6, rng.normal(size=d_v) * 1e6
    after = additive_attention(query, key, value, v_a=v_a, mask=mask)
    unseeing = ~mask[:, s]
    assert np.array_equal(before.weights[unseeing], after.weights[unseeing])
    assert np.array_equal(before.output[unseeing], after.output[unseeing])


@settings(max_examples=40)
@given(additive_calls(may_hide=False), generators())
def test_a_bias_of_minus_infinity_hides_as_a_mask_does(call, rng):
    mask = rng.random(additive_attention(**call).scores.shape[-2:]) < 0.7
    by_mask = additive_attention(**{**call, "mask": mask})
    added = 0.0 if call["bias"] is None else call["bias"]
    by_bias = additive_attention(**{**call, "mask": None, "bias": np.where(mask, added, -np.inf)})
    assert np.array_equal(by_mask.output, by_bias.output)


@given(sizes(), generators())
def test_a_query_that_may_attend_nothing_has_weights_and_output_zero(drawn, rng):
    T, S, d_k, d_v = drawn
    query, key, value = rng.normal(size=(T, d_k)), rng.normal(size=(S, d_k)), rng.normal(size=(S, d_v))
    mask = rng.random((T, S)) < 0.6
    mask[0] = False
    record = additive_attention(query, key, value, mask=mask)
    assert not record.weights[0].any()
    assert not record.output[0].any()
    assert np.array_equal(record.output.any(axis=-1), mask.any(axis=-1))


@settings(max_examples=40)
@given(additive_calls())
def test_each_item_of_a_batch_is_attended_to_alone(call):
    bound = additive_attention(**tracked(call)).output
    leading = bound.shape[:-2]
    for lead in np.ndindex(*leading):
        item = dict(call)
        for name in ("query", "key", "value", "bias", "mask"):
            if call[name] is not None:
                item[name] = np.broadcast_to(call[name], (*leading, *call[name].shape[-2:]))[lead]
        assert within_bound(additive_attention(**item).output, bound[lead]).agrees


@given(sizes(), generators())
def test_the_order_of_the_keys_is_of_no_importance(drawn, rng):
    T, S, d_k, d_v = drawn
    query, key, value = rng.normal(size=(T, d_k)), rng.normal(size=(S, d_k)), rng.normal(size=(S, d_v))
    mask, order = rng.random((T, S)) < 0.7, rng.permutation(S)
    bound = additive_attention(**tracked({"query": query, "key": key, "value": value, "mask": mask}))
    permuted = additive_attention(query, key[order], value[order], mask=mask[:, order])
    assert within_bound(permuted.output, bound.output).agrees
    assert within_bound(permuted.weights, bound.weights[:, order]).agrees


@pytest.mark.parametrize("dtype", [np.longdouble, np.complex128])
@pytest.mark.parametrize("name", ["query", "key", "value", "scale", "v_a"])
def test_what_carries_more_than_float64_passes_through(dtype, name):
    call = {"query": np.ones((3, 4)), "key": np.ones((5, 4)), "value": np.ones((5, 2)), "scale": 1.0, "v_a": np.ones(4)}
    assert additive_attention(**{**call, name: np.asarray(call[name], dtype)}).output.dtype == dtype
