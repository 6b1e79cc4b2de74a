"""Attention pooling: one vector of a sequence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests import exact_pooling
from parity_tests.calls import generators, tracked
from parity_tests.comparison import within_bound
from parity_tests.test_inputs import message_of
from reference import attention_pooling, attention_pooling_backward, dot_product_attention

NAMES = ("x", "W_a", "context", "b_a")
GOOD = {"x": np.ones((2, 5, 4)), "W_a": np.ones((4, 3)), "context": np.ones(3)}
BAD = [
    ({"x": np.ones(4)}, "x: expected shape (..., T, d), received (4,)"),
    ({"x": [[np.nan]]}, "x: expected finite numbers, received nan at index (0, 0)"),
    (
        {"W_a": np.ones((3, 3))},
        "W_a: expected shape (4, units) to match x (..., 4), received (3, 3)",
    ),
    (
        {"W_a": np.ones((4, 0))},
        "W_a: expected shape (4, units) with units of at least 1, received (4, 0)",
    ),
    ({"context": np.ones((1, 3))}, "context: expected shape (3,) to match W_a (4, 3), received (1, 3)"),
    ({"b_a": np.ones(4)}, "b_a: expected shape (3,) to match W_a (4, 3), received (4,)"),
    ({"mask": np.ones((2, 5))}, "mask: expected a boolean mask (True = may attend), received dtype float64"),
    ({"mask": np.ones((2, 4), bool)}, "mask: expected a shape that broadcasts to (2, 5), received (2, 4)"),
    ({"mask": np.ones((3, 5), bool)}, "mask: expected a shape that broadcasts to (2, 5), received (3, 5)"),
    ({"mask": np.bool_(True)}, "mask: expected a shape that broadcasts to (2, 5), received ()"),
]


@st.composite
def calls(draw):
    """Keyword arguments of attention pooling, with every option or none."""
    T, d, units = draw(st.tuples(*(st.integers(1, 4),) * 3) | st.permutations((2, 3, 4)))
    leading = draw(st.sampled_from(((), (2,), (3, 2), (0,))))
    rng = draw(generators())
    call = {
        "x": rng.normal(size=(*leading, T, d)),
        "W_a": rng.normal(size=(d, units)),
        "context": rng.normal(size=units),
    }
    call["b_a"] = rng.normal(size=units) if draw(st.booleans()) else None
    of_mask = draw(st.sampled_from((None, (T,), (*leading, T), (2, *leading, T), (*leading, 1))))
    call["mask"] = None if of_mask is None else rng.random(of_mask) < 0.7
    return call


def backward(call, d_output, d_weights=None):
    gradients = attention_pooling_backward(d_output, attention_pooling(**call), d_weights)
    return {name: getattr(gradients, f"d_{name}") for name in NAMES if call[name] is not None}


def cotangents(rng, call):
    record = attention_pooling(**call)
    return rng.normal(size=record.output.shape), rng.normal(size=record.weights.shape)


@settings(max_examples=40)
@given(calls())
def test_output_and_weights_are_those_to_50_digits_within_the_bound(call):
    weights, output = exact_pooling.pooling(**call)
    bound = attention_pooling(**tracked(call))
    assert within_bound(weights, bound.weights).agrees
    assert within_bound(output, bound.output).agrees


@settings(max_examples=40)
@given(calls(), generators())
def test_every_gradient_is_that_to_50_digits_within_the_bound(call, rng):
    d_output, d_weights = cotangents(rng, call)
    for name, bound in backward(tracked(call), d_output, d_weights).items():
        if call[name].size:
            index = tuple(rng.integers(0, call[name].shape))
            assert within_bound(exact_pooling.slope(name, call, index, d_output, d_weights), bound[index]).agrees


@given(calls(), generators())
def test_what_float64_gives_lies_within_its_bound(call, rng):
    record, bound = attention_pooling(**call), attention_pooling(**tracked(call))
    assert within_bound(record.output, bound.output).agrees
    d_output, d_weights = cotangents(rng, call)
    bounds = backward(tracked(call), d_output, d_weights)
    for name, gradient in backward(call, d_output, d_weights).items():
        assert gradient.shape == call[name].shape
        assert within_bound(gradient, bounds[name]).agrees


@given(calls())
def test_a_context_of_zero_averages_what_is_shown(call):
    call["context"] = np.zeros_like(call["context"])
    weights, x = attention_pooling(**call).weights, call["x"]
    shown = np.broadcast_to(True if call["mask"] is None else call["mask"], weights.shape)
    assert np.array_equal(weights, shown / np.maximum(1, shown.sum(axis=-1, keepdims=True)))
    assert within_bound((weights[..., None] * x).sum(axis=-2), attention_pooling(**tracked(call)).output).agrees


@given(calls())
def test_it_is_dot_product_attention_of_one_learned_query(call):
    hidden = np.tanh(call["x"] @ call["W_a"] + (0.0 if call["b_a"] is None else call["b_a"]))
    mask = None if call["mask"] is None else call["mask"][..., None, :]
    expected = dot_product_attention(call["context"][None], hidden, call["x"], mask=mask).output[..., 0, :]
    assert np.array_equal(attention_pooling(**call).output, expected)


@given(calls(), generators())
def test_hidden_positions_have_no_influence_and_no_gradient(call, rng):
    hidden = rng.random(call["x"].shape[:-1]) < 0.4
    call["mask"] = ~hidden
    d_output, d_weights = cotangents(rng, call)
    output, gradients = attention_pooling(**call).output, backward(call, d_output, d_weights)
    assert not gradients["x"][hidden].any()
    call["x"] = np.where(hidden[..., None], 1e6, call["x"])
    assert np.array_equal(attention_pooling(**call).output, output)
    for name, gradient in backward(call, d_output, d_weights).items():
        assert np.array_equal(gradient, gradients[name])


@given(calls(), generators())
def test_where_all_is_hidden_everything_is_zero(call, rng):
    call["mask"] = np.zeros(call["x"].shape[:-1], dtype=bool)
    record = attention_pooling(**call)
    assert not record.output.any()
    assert not record.weights.any()
    assert not any(gradient.any() for gradient in backward(call, *cotangents(rng, call)).values())


@given(calls(), generators())
def test_the_order_of_the_positions_is_of_no_importance(call, rng):
    order = rng.permutation(call["x"].shape[-2])
    bound, permuted = attention_pooling(**tracked(call)).output, {**call, "x": call["x"][..., order, :]}
    if call["mask"] is not None and call["mask"].shape[-1] > 1:
        permuted["mask"] = call["mask"][..., order]
    assert within_bound(attention_pooling(**permuted).output, bound).agrees


@given(calls())
def test_each_sequence_is_pooled_alone(call):
    call["mask"] = None
    output = attention_pooling(**tracked(call)).output
    for lead in np.ndindex(*call["x"].shape[:-2]):
        assert within_bound(attention_pooling(**{**call, "x": call["x"][lead]}).output, output[lead]).agrees


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_what_it_cannot_use_is_refused(bad, message):
    assert message_of(attention_pooling, **{**GOOD, **bad}) == message


@pytest.mark.parametrize(
    ("d_output", "d_weights", "message"),
    [
        (np.ones(4), None, "d_output: expected shape (2, 4) to match output, received (4,)"),
        (np.ones((2, 4)), np.ones((2, 4)), "d_weights: expected shape (2, 5) to match weights, received (2, 4)"),
    ],
)
def test_a_cotangent_that_does_not_fit_is_refused(d_output, d_weights, message):
    assert message_of(attention_pooling_backward, d_output, attention_pooling(**GOOD), d_weights) == message


@pytest.mark.parametrize("dtype", [np.longdouble, np.complex128])
@pytest.mark.parametrize("name", GOOD)
def test_what_carries_more_than_float64_passes_through(dtype, name):
    assert attention_pooling(**{**GOOD, name: GOOD[name].astype(dtype)}).output.dtype == dtype
