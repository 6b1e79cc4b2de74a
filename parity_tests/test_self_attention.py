"""Self-attention: attention of three projections of one sequence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from parity_tests import exact
from parity_tests.calls import generators
from parity_tests.comparison import within_bound
from reference import (
    causal_mask,
    complex_step_gradient,
    dot_product_attention,
    self_attention,
    self_attention_backward,
)
from reference.rounding import FLOAT64, track

NAMES = ("x", "W_q", "W_k", "W_v", "b_q", "b_k", "b_v")
LEADING = array_shapes(min_dims=0, max_dims=2, max_side=3)


@st.composite
def calls(draw):
    """Keyword arguments of self-attention, with and without biases, mask and options."""
    T, d, d_k, d_v = draw(st.tuples(*(st.integers(1, 6),) * 4) | st.permutations((2, 3, 4, 5)))
    rng = draw(generators())
    shapes = dict(zip(NAMES, ((*draw(LEADING), T, d), (d, d_k), (d, d_k), (d, d_v), (d_k,), (d_k,), (d_v,))))
    call = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    call.update(dict.fromkeys(name for name in NAMES[4:] if draw(st.booleans())))
    call["scale"] = draw(st.sampled_from((1.0, d_k**-0.5)))
    call["softcap"] = draw(st.sampled_from((None, 3.0)))
    masks = (None, causal_mask(T, T), rng.random((T, T)) < 0.6)
    call["mask"] = masks[draw(st.integers(0, 2))]
    call["bias"] = rng.normal(size=(T, T)) if draw(st.booleans()) else None
    return call


def tracked(call):
    followed = {name: track(call[name], FLOAT64) for name in NAMES if call[name] is not None}
    return {**call, **followed}


def projected(call, letter):
    bias = call[f"b_{letter}"]
    return call["x"] @ call[f"W_{letter}"] + (0.0 if bias is None else bias)


@given(calls())
def test_it_is_the_attention_of_three_projections(call):
    options = {name: call[name] for name in ("scale", "softcap", "bias", "mask")}
    expected = dot_product_attention(*(projected(call, letter) for letter in "qkv"), **options)
    record = self_attention(**call)
    assert np.array_equal(record.output, expected.output)
    assert np.array_equal(record.weights, expected.weights)


@given(calls())
def test_output_and_weights_lie_within_their_bound(call):
    record, bound = self_attention(**call), self_attention(**tracked(call))
    assert within_bound(record.output, bound.output).agrees
    assert within_bound(record.weights, bound.weights).agrees


def sizes_of_terms(call, d_output, d_weights):
    """For each gradient the sum of the absolute values of its terms."""
    query, key, value = (projected(call, letter) for letter in "qkv")
    options = {name: call[name] for name in ("scale", "softcap", "bias", "mask")}
    sizes = exact.attention(query, key, value, d_output=d_output, d_weights=d_weights, **options).sizes
    x, total = np.abs(call["x"]), {"x": 0.0}
    for letter, name in zip("qkv", ("query", "key", "value")):
        total["x"] += sizes[name] @ np.abs(call[f"W_{letter}"]).T
        rows = sizes[name].reshape(-1, sizes[name].shape[-1])
        total[f"W_{letter}"] = x.reshape(-1, x.shape[-1]).T @ rows
        total[f"b_{letter}"] = rows.sum(axis=0)
    return total


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(call=calls(), rng=generators())
def test_every_gradient_agrees_with_the_complex_step_to_a_few_hundred_ulp(name, call, rng):
    if call[name] is None:
        call[name] = rng.normal(size=call[f"W_{name[-1]}"].shape[-1])
    record = self_attention(**call)
    d_output, d_weights = rng.normal(size=record.output.shape), rng.normal(size=record.weights.shape)
    derived = complex_step_gradient(self_attention, call, name, {"output": d_output, "weights": d_weights})
    gradient = getattr(self_attention_backward(d_output, record, d_weights), f"d_{name}")
    assert exact.ulps_apart(gradient, derived, sizes_of_terms(call, d_output, d_weights)[name]) <= 300


@given(calls(), generators())
def test_every_gradient_lies_within_its_bound(call, rng):
    record, bound = self_attention(**call), self_attention(**tracked(call))
    d_output = rng.normal(size=record.output.shape)
    gradients, bounds = self_attention_backward(d_output, record), self_attention_backward(d_output, bound)
    for name in NAMES:
        if call[name] is not None:
            assert within_bound(getattr(gradients, f"d_{name}"), getattr(bounds, f"d_{name}")).agrees


@given(calls(), generators())
def test_there_is_a_gradient_for_each_argument_in_its_shape(call, rng):
    record = self_attention(**call)
    gradients = self_attention_backward(rng.normal(size=record.output.shape), record)
    for name in NAMES:
        gradient = getattr(gradients, f"d_{name}")
        assert (call[name] is None and gradient is None) or gradient.shape == call[name].shape


@given(calls(), generators())
def test_no_later_position_has_influence_under_a_causal_mask(call, rng):
    T = call["x"].shape[-2]
    call["mask"] = causal_mask(T, T)
    seen = rng.integers(T) + 1
    changed = call["x"].copy()
    changed[..., seen:, :] = rng.normal(size=changed[..., seen:, :].shape) * 100
    before, after = self_attention(**call), self_attention(**{**call, "x": changed})
    assert np.array_equal(before.output[..., :seen, :], after.output[..., :seen, :])


@given(calls())
def test_each_sequence_is_attended_to_alone(call):
    output = self_attention(**tracked(call)).output
    for lead in np.ndindex(*call["x"].shape[:-2]):
        assert within_bound(self_attention(**{**call, "x": call["x"][lead]}).output, output[lead]).agrees
