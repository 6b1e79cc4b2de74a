"""Bahdanau's attention: additive attention of a projected query and a projected key."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from parity_tests import exact_additive
from parity_tests.calls import generators, tracked
from parity_tests.comparison import within_bound
from parity_tests.exact import ulps_apart
from reference import additive_attention, bahdanau_attention, bahdanau_attention_backward, complex_step_gradient

NAMES = ("query", "key", "value", "W_a", "U_a", "v_a", "b_a")
PROJECTED = (("query", "W_a"), ("key", "U_a"))


@st.composite
def calls(draw):
    """Keyword arguments of Bahdanau's attention, of shapes that broadcast, with every option or none."""
    T, S, d_q, d_h, units, d_v = draw(st.tuples(*(st.integers(1, 5),) * 6) | st.permutations((2, 3, 4, 5, 6, 7)))
    leading = draw(mutually_broadcastable_shapes(num_shapes=3, max_dims=2, max_side=3)).input_shapes
    shapes = ((*leading[0], T, d_q), (*leading[1], S, d_h), (*leading[2], S, d_v), (d_q, units), (d_h, units), units)
    rng = draw(generators())
    call = {name: rng.normal(size=shape) for name, shape in zip(NAMES, (*shapes, units))}
    call["b_a"] = draw(st.sampled_from((None, call["b_a"])))
    call["bias"] = rng.normal(size=(T, S)) if draw(st.booleans()) else None
    call["mask"] = rng.random((T, S)) < 0.6 if draw(st.booleans()) else None
    return call


def projections(call):
    """The arguments of the additive attention that it is, projected by NumPy."""
    query, key = (call[x] @ call[W] for x, W in PROJECTED)
    query = query if call["b_a"] is None else query + call["b_a"]
    return {"query": query, "key": key} | {name: call[name] for name in ("value", "v_a", "bias", "mask")}


def backward(call, d_output, d_weights=None):
    gradients = bahdanau_attention_backward(d_output, bahdanau_attention(**call), d_weights)
    return {name: getattr(gradients, f"d_{name}") for name in NAMES if call[name] is not None}


def cotangents(rng, call):
    record = bahdanau_attention(**call)
    return rng.normal(size=record.output.shape), rng.normal(size=record.weights.shape)


@given(calls())
def test_it_is_the_additive_attention_of_two_projections(call):
    record, expected = bahdanau_attention(**call), additive_attention(**projections(call))
    assert np.array_equal(record.output, expected.output)
    assert np.array_equal(record.weights, expected.weights)


@settings(max_examples=50)
@given(calls())
def test_scores_are_those_of_the_paper_element_by_element(call):
    scores = bahdanau_attention(**tracked(call)).attention.additive.scores
    query, key, W_a, U_a, v_a = (call[name].astype(np.longdouble) for name in ("query", "key", "W_a", "U_a", "v_a"))
    query, key = (np.broadcast_to(x, (*scores.shape[:-2], *x.shape[-2:])) for x in (query, key))
    expected = np.zeros(scores.shape, np.longdouble)
    for *lead, t, s in np.ndindex(*scores.shape):
        hidden = W_a.T @ query[(*lead, t)] + U_a.T @ key[(*lead, s)]
        expected[(*lead, t, s)] = np.sum(v_a * np.tanh(hidden if call["b_a"] is None else hidden + call["b_a"]))
    assert within_bound(expected, scores).agrees


@given(calls())
def test_output_and_weights_lie_within_their_bound(call):
    record, bound = bahdanau_attention(**call), bahdanau_attention(**tracked(call))
    assert within_bound(record.output, bound.output).agrees
    assert within_bound(record.weights, bound.weights).agrees


def sizes_of_terms(call, d_output, d_weights):
    """For each gradient the sum of the absolute values of its terms."""
    sizes = exact_additive.attention(**projections(call), d_output=d_output, d_weights=d_weights).sizes
    total = {"value": sizes["value"], "v_a": sizes["v_a"]}
    for x, W in PROJECTED:
        total[x] = sizes[x] @ np.abs(call[W]).T
        rows, of_x = (array.reshape(-1, array.shape[-1]) for array in (sizes[x], np.abs(call[x])))
        total[W] = of_x.T @ rows
    total["b_a"] = sizes["query"].reshape(-1, sizes["query"].shape[-1]).sum(axis=0)
    return total


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15)
@given(call=calls(), rng=generators())
def test_every_gradient_agrees_with_the_complex_step_to_a_few_hundred_ulp(name, call, rng):
    if call[name] is None:
        call[name] = rng.normal(size=call["v_a"].shape)
    d_output, d_weights = cotangents(rng, call)
    derived = complex_step_gradient(bahdanau_attention, call, name, {"output": d_output, "weights": d_weights})
    gradient = backward(call, d_output, d_weights)[name]
    assert ulps_apart(gradient, derived, sizes_of_terms(call, d_output, d_weights)[name]) <= 300


@given(calls(), generators())
def test_every_gradient_lies_within_its_bound(call, rng):
    d_output, d_weights = cotangents(rng, call)
    bounds = backward(tracked(call), d_output, d_weights)
    for name, gradient in backward(call, d_output, d_weights).items():
        assert within_bound(gradient, bounds[name]).agrees


@given(calls(), generators())
def test_there_is_a_gradient_for_each_argument_in_its_shape(call, rng):
    record = bahdanau_attention(**call)
    gradients = bahdanau_attention_backward(rng.normal(size=record.output.shape), record)
    for name in NAMES:
        gradient = getattr(gradients, f"d_{name}")
        assert (call[name] is None and gradient is None) or gradient.shape == call[name].shape


@given(calls(), generators())
def test_hidden_keys_have_no_influence_and_no_gradient(call, rng):
    hidden = rng.random(call["key"].shape[-2]) < 0.4
    call["mask"] = ~hidden
    d_output, d_weights = cotangents(rng, call)
    output, gradients = bahdanau_attention(**call).output, backward(call, d_output, d_weights)
    for name in ("key", "value"):
        assert not gradients[name][..., hidden, :].any()
        call[name] = np.where(hidden[:, None], 1e6, call[name])
    assert np.array_equal(bahdanau_attention(**call).output, output)
    for name, gradient in backward(call, d_output, d_weights).items():
        assert np.array_equal(gradient, gradients[name])


@given(calls())
def test_each_item_of_a_batch_is_attended_to_alone(call):
    output = bahdanau_attention(**tracked(call)).output
    for lead in np.ndindex(*output.shape[:-2]):
        item = {
            name: np.broadcast_to(call[name], (*output.shape[:-2], *call[name].shape[-2:]))[lead]
            for name in ("query", "key", "value")
        }
        assert within_bound(bahdanau_attention(**{**call, **item}).output, output[lead]).agrees
