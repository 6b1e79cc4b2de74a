"""The backward of multi-head attention: every gradient, of every argument and every projection."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.calls import generators
from parity_tests.comparison import within_bound
from parity_tests.head_calls import TRACKED, attention_of, calls, gradients_of, tracked
from reference import complex_step_gradient
from reference.rounding import FLOAT64, track


def cotangents(call, rng):
    record = attention_of(**call)
    return rng.normal(size=record.output.shape), rng.normal(size=record.weights.shape)


def followed(*arrays):
    return (track(array, FLOAT64) for array in arrays)


@pytest.mark.parametrize("name", TRACKED)
@settings(max_examples=15)
@given(data=st.data(), rng=generators())
def test_every_gradient_is_that_of_the_complex_step_within_its_bound(name, data, rng):
    call = data.draw(calls(given=name))
    d_output, d_weights = cotangents(call, rng)
    bound = gradients_of(tracked(call), *followed(d_output, d_weights))[name]
    wide = {**call, **{other: np.longdouble(call[other]) for other in TRACKED if call[other] is not None}}
    derived = complex_step_gradient(attention_of, wide, name, {"output": d_output, "weights": d_weights})
    assert within_bound(derived, bound).agrees
    assert within_bound(gradients_of(call, d_output, d_weights)[name], bound).agrees


@settings(max_examples=50)
@given(calls(), generators())
def test_there_is_a_gradient_for_each_argument_in_its_shape(call, rng):
    for name, gradient in gradients_of(call, *cotangents(call, rng)).items():
        if call[name] is None and name != "scale":
            assert gradient is None
        else:
            assert gradient.shape == np.shape(call[name])


@settings(max_examples=50)
@given(calls(), generators())
def test_a_loss_that_does_not_depend_on_the_weights_directly_has_their_gradient_zero(call, rng):
    d_output, d_weights = cotangents(call, rng)
    without, zero = gradients_of(call, d_output), gradients_of(call, d_output, 0 * d_weights)
    assert all(np.array_equal(without[name], zero[name]) for name in TRACKED if call[name] is not None)


@settings(max_examples=50)
@given(calls(), generators())
def test_a_key_head_receives_what_all_its_copies_would(call, rng):
    upstream, G = cotangents(call, rng), call["W_q"].shape[1] // call["W_k"].shape[1]
    bound, copied = gradients_of(tracked(call), *followed(*upstream)), dict(call)
    axes = {name: axis for name, axis in (("W_k", 1), ("W_v", 1), ("b_k", 0), ("b_v", 0)) if call[name] is not None}
    for name, axis in axes.items():
        copied[name] = np.repeat(call[name], G, axis=axis)
    gradients = gradients_of(copied, *upstream)
    for name, axis in axes.items():
        shape = call[name].shape
        copies = gradients[name].reshape(*shape[:axis], shape[axis], G, *shape[axis + 1 :])
        total = np.sum(copies.astype(np.longdouble), axis=axis + 1)
        room = gradients_of(tracked(copied), *followed(*upstream))[name].reshape(copies.shape)
        room = np.sum(room, axis=axis + 1).error
        assert (np.abs(total - bound[name].value) <= bound[name].error + room).all()


@settings(max_examples=50)
@given(calls(), generators())
def test_where_all_is_hidden_only_the_output_bias_has_a_gradient(call, rng):
    call["mask"] = np.array(False)
    gradients = gradients_of(call, *cotangents(call, rng))
    assert not any(gradients[name].any() for name in TRACKED if gradients[name] is not None and name != "b_o")


@settings(max_examples=50)
@given(calls(given="b_g"), generators())
def test_behind_a_gate_that_is_shut_only_the_output_bias_has_a_gradient(call, rng):
    call |= {"W_g": 0 * call["W_g"], "b_g": np.full(call["b_g"].shape, -1000.0)}
    d_output, _ = cotangents(call, rng)
    gradients = gradients_of(call, d_output)
    assert not any(gradients[name].any() for name in TRACKED if gradients[name] is not None and name != "b_o")


@settings(max_examples=50)
@given(calls(), generators())
def test_twice_the_cotangents_give_twice_the_gradients(call, rng):
    upstream = cotangents(call, rng)
    doubled = gradients_of(call, *(2 * array for array in upstream))
    for name, gradient in gradients_of(call, *upstream).items():
        assert gradient is None or np.array_equal(doubled[name], 2 * gradient)
