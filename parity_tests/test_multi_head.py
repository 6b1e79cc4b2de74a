"""Multi-head attention: heads of their own, heads that share a key head, and the gate."""

import numpy as np
import pytest
from hypothesis import given, settings

from parity_tests import exact_heads
from parity_tests.calls import generators
from parity_tests.comparison import compare, within_bound
from parity_tests.head_calls import INPUTS, KERNELS, attention_of, calls, tracked, with_kernels
from reference import self_attention


@given(calls())
def test_output_and_weights_are_those_of_each_head_to_50_digits(call):
    actual, bound = attention_of(**call), attention_of(**tracked(call))
    truth = exact_heads.attention(**with_kernels(call))
    for name in ("weights", "output"):
        assert compare(getattr(actual, name), getattr(truth, name), getattr(bound, name).error).agrees


@settings(max_examples=60)
@given(calls(), generators())
def test_a_query_head_reads_the_key_head_of_its_group(call, rng):
    call |= {name: rng.integers(-9, 10, call[name].shape) for name in ("query", "key", "value", "W_q", "W_k", "W_v")}
    call |= dict.fromkeys(("b_q", "b_k", "b_v"))
    heads = attention_of(**call).attention
    H, H_kv = call["W_q"].shape[1], call["W_k"].shape[1]
    for h in range(H):
        shared, member = divmod(h, H // H_kv)
        assert np.array_equal(heads.query[..., shared, member, :, :], call["query"] @ call["W_q"][:, h])
    for h in range(H_kv):
        assert np.array_equal(heads.key[..., h, 0, :, :], call["key"] @ call["W_k"][:, h])
        assert np.array_equal(heads.value[..., h, 0, :, :], call["value"] @ call["W_v"][:, h])


@settings(max_examples=60)
@given(calls())
def test_heads_that_share_a_key_head_might_as_well_have_copies_of_it(call):
    bound, G = attention_of(**tracked(call)), call["W_q"].shape[1] // call["W_k"].shape[1]
    for name, axis in (("W_k", 1), ("W_v", 1), ("b_k", 0), ("b_v", 0)):
        call[name] = None if call[name] is None else np.repeat(call[name], G, axis=axis)
    apart = attention_of(**call)
    assert within_bound(apart.output, bound.output).agrees
    assert within_bound(apart.weights, bound.weights).agrees


@settings(max_examples=60)
@given(calls(), generators())
def test_the_order_of_the_heads_is_of_no_importance(call, rng):
    bound, (_, H, _), H_kv = attention_of(**tracked(call)), call["W_q"].shape, call["W_k"].shape[1]
    of_keys = rng.permutation(H_kv)
    of_queries = rng.permuted(np.arange(H).reshape(H_kv, -1)[of_keys], axis=1).reshape(H)
    orders = {"q": of_queries, "k": of_keys, "v": of_keys, "g": of_queries}
    permuted = dict(call)
    for letter, order in orders.items():
        W, b = call[f"W_{letter}"], call[f"b_{letter}"]
        permuted |= {f"W_{letter}": None if W is None else W[:, order], f"b_{letter}": None if b is None else b[order]}
    permuted["W_o"] = call["W_o"][of_queries]
    for name in ("scale", "bias", "mask"):
        if np.ndim(call[name]) > 2 and call[name].shape[-3] > 1:
            permuted[name] = call[name][..., of_queries, :, :]
    record = attention_of(**permuted)
    assert within_bound(record.output, bound.output).agrees
    assert within_bound(record.weights, bound.weights[..., of_queries, :, :]).agrees


@settings(max_examples=60)
@given(calls(), generators())
def test_one_head_without_output_projection_is_self_attention(call, rng):
    x, (_, _, d_k), d_v = call["query"], call["W_q"].shape, call["W_v"].shape[2]
    kernels = {f"W_{letter}": rng.normal(size=(x.shape[-1], d)) for letter, d in (("q", d_k), ("k", d_k), ("v", d_v))}
    biases = {f"b_{letter}": rng.normal(size=d) for letter, d in (("q", d_k), ("k", d_k), ("v", d_v))}
    mask = rng.random((x.shape[-2],) * 2) < 0.7
    expected = self_attention(x, **kernels, **biases, scale=0.3, mask=mask)
    heads = {name: W[:, None] for name, W in kernels.items()} | {name: b[None] for name, b in biases.items()}
    one = dict.fromkeys(KERNELS) | heads | {"W_o": np.eye(d_v)[None]}
    bound = attention_of(**tracked({**one, "query": x, "key": x, "value": x, "scale": 0.3, "bias": None, "mask": mask}))
    assert within_bound(expected.output, bound.output).agrees
    assert within_bound(expected.weights, bound.weights[..., 0, :, :]).agrees


@settings(max_examples=60)
@given(calls(), generators())
def test_keys_that_are_hidden_have_no_influence(call, rng):
    before = attention_of(**call)
    S = call["key"].shape[-2]
    call["mask"], s = rng.random(before.weights.shape[-3:]) < 0.6, rng.integers(S)
    before = attention_of(**call)
    call |= {name: call[name].copy() for name in ("key", "value")}
    call["key"][..., s, :], call["value"][..., s, :] = 1e3, -1e3
    after = attention_of(**call)
    unseeing = ~call["mask"][:, :, s]
    assert np.array_equal(before.weights[..., unseeing, :], after.weights[..., unseeing, :])
    by_all = unseeing.all(axis=0)
    assert np.array_equal(before.output[..., by_all, :], after.output[..., by_all, :])


@settings(max_examples=60)
@given(calls(), generators())
def test_a_query_that_may_attend_nothing_has_weights_zero_and_the_output_bias(call, rng):
    H, T, S = attention_of(**call).weights.shape[-3:]
    call["mask"] = rng.random((H, T, S)) < 0.7
    call["mask"][:, 0] = False
    record = attention_of(**call)
    assert not record.weights[..., 0, :].any()
    expected = np.zeros(call["W_o"].shape[2]) if call["b_o"] is None else call["b_o"]
    assert (record.output[..., 0, :] == expected).all()


@settings(max_examples=60)
@given(calls())
def test_each_item_of_a_batch_is_attended_to_alone(call):
    bound = attention_of(**tracked(call)).output
    leading = bound.shape[:-2]
    for lead in np.ndindex(*leading):
        item = {
            **call,
            **{name: np.broadcast_to(call[name], (*leading, *call[name].shape[-2:]))[lead] for name in INPUTS},
        }
        if call["bias"] is not None:
            item["bias"] = np.broadcast_to(call["bias"], (*leading, *call["bias"].shape[-3:]))[lead]
        assert within_bound(attention_of(**item).output, bound[lead]).agrees


@settings(max_examples=60)
@given(calls())
def test_the_scale_is_that_of_the_depth_of_one_head_unless_it_is_given(call):
    d_k = call["W_q"].shape[2]
    expected = attention_of(**{**call, "scale": d_k**-0.5})
    assert np.array_equal(attention_of(**{**call, "scale": None}).output, expected.output)


@given(calls(given="b_g"))
def test_a_gate_that_is_open_is_no_gate(call):
    call |= {"W_g": 0 * call["W_g"], "b_g": np.full(call["b_g"].shape, 1000.0)}
    without = attention_of(**{**call, "W_g": None, "b_g": None})
    assert np.array_equal(attention_of(**call).gated, without.gated)


@given(calls(given="b_g"))
def test_a_gate_that_is_shut_leaves_the_output_bias(call):
    call |= {"W_g": 0 * call["W_g"], "b_g": np.full(call["b_g"].shape, -1000.0)}
    expected = np.zeros(call["W_o"].shape[2]) if call["b_o"] is None else call["b_o"]
    assert (attention_of(**call).output == expected).all()


@settings(max_examples=60)
@given(calls(given="b_g"), generators())
def test_a_gate_shuts_one_number_of_one_head(call, rng):
    call["W_g"], call["b_g"] = 0 * call["W_g"], np.full(call["b_g"].shape, 1000.0)
    h, v = (rng.integers(size) for size in call["b_g"].shape)
    call["b_g"][h, v] = -1000.0
    without = {**call, "W_g": None, "b_g": None, "W_o": call["W_o"].copy()}
    without["W_o"][h, v] = 0.0
    assert within_bound(attention_of(**call).output, attention_of(**tracked(without)).output).agrees


@pytest.mark.parametrize(("T", "S"), [(0, 2), (2, 0), (0, 0)])
@pytest.mark.parametrize("leading", [(), (2,), (0,)])
@settings(max_examples=5)
@given(call=calls())
def test_without_queries_or_keys_there_is_the_output_bias_or_nothing(T, S, leading, call):
    call |= {name: np.ones((*leading, S, call[name].shape[-1])) for name in ("key", "value")}
    call |= {"query": np.ones((*leading, T, call["query"].shape[-1])), "scale": None, "bias": None, "mask": None}
    record = attention_of(**call)
    expected = np.zeros(call["W_o"].shape[2]) if call["b_o"] is None else call["b_o"]
    assert np.array_equal(record.output, np.broadcast_to(expected, (*leading, T, len(expected))))
    assert record.weights.shape == (*leading, call["W_q"].shape[1], T, S)
