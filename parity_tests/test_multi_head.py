"""Multi-head attention: heads of their own, heads that share a key head, and the gate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from parity_tests import exact_heads
from parity_tests.calls import generators
from parity_tests.comparison import compare, within_bound
from reference import (
    Projections,
    complex_step_gradient,
    multi_head_attention,
    multi_head_attention_backward,
)
from reference.rounding import FLOAT64, track

INPUTS = ("query", "key", "value")
KERNELS = Projections._fields
TRACKED = (*INPUTS, *KERNELS, "scale", "bias")


@st.composite
def calls(draw, given=None):
    """Arguments by name, each kernel and bias for itself, of shapes that broadcast; what is ``given`` is there."""
    T, S, d_k, d_v = draw(st.tuples(*(st.integers(1, 3),) * 4) | st.permutations((1, 2, 3, 4)))
    d_query, d_key, d_value, E = draw(st.tuples(*(st.integers(1, 3),) * 4))
    H_kv, G = draw(st.sampled_from(((1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (2, 2), (2, 3))))
    leading = draw(mutually_broadcastable_shapes(num_shapes=5, max_dims=1, max_side=2)).input_shapes
    H, rng = H_kv * G, draw(generators())
    shapes = {
        "query": (*leading[0], T, d_query), "key": (*leading[1], S, d_key), "value": (*leading[2], S, d_value),
        "W_q": (d_query, H, d_k), "W_k": (d_key, H_kv, d_k), "W_v": (d_value, H_kv, d_v), "W_o": (H, d_v, E),
        "b_q": (H, d_k), "b_k": (H_kv, d_k), "b_v": (H_kv, d_v), "b_o": (E,),
        "W_g": (d_query, H, d_v), "b_g": (H, d_v),
    }  # fmt: skip
    call = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    call |= {"scale": rng.normal(size=(H, 1, 1)), "bias": rng.normal(size=(*leading[3], H, T, S))}
    for name in (*KERNELS[4:], "scale", "bias"):
        if name != given and (given, name) != ("b_g", "W_g") and draw(st.booleans()):
            call[name] = None
    if call["W_g"] is None:
        call["b_g"] = None
    call["softcap"] = draw(st.sampled_from((None, 3.0)))
    of_scores = st.sampled_from(((H, T, S), (1, T, S), (H, 1, S), (T, S), (S,)))
    call["mask"] = rng.random(draw(of_scores)) < 0.7 if draw(st.booleans()) else None
    return call


def with_kernels(call):
    """The same call, the projections of which are one argument."""
    others = {name: argument for name, argument in call.items() if name not in KERNELS}
    return {**others, "projections": Projections(*(call[name] for name in KERNELS))}


def attention_of(**call):
    """Multi-head attention, each projection of which is an argument of its own."""
    return multi_head_attention(**with_kernels(call))


def tracked(call):
    followed = {name: track(call[name], FLOAT64) for name in TRACKED if call[name] is not None}
    return {**call, **followed}


def gradients_of(call, d_output, d_weights=None):
    """Every gradient by the name of the argument that it is of."""
    gradients = multi_head_attention_backward(d_output, attention_of(**call), d_weights)
    of_others = {name: getattr(gradients, f"d_{name}") for name in (*INPUTS, "scale", "bias")}
    return {**of_others, **gradients.d_projections._asdict()}


@given(calls())
def test_output_and_weights_are_those_of_each_head_to_50_digits(call):
    actual, bound = attention_of(**call), attention_of(**tracked(call))
    truth = exact_heads.attention(**with_kernels(call))
    for name in ("weights", "output"):
        assert compare(getattr(actual, name), getattr(truth, name), getattr(bound, name).error).agrees


@pytest.mark.parametrize("name", TRACKED)
@settings(max_examples=10)
@given(data=st.data(), rng=generators())
def test_every_gradient_is_that_of_the_complex_step_within_its_bound(name, data, rng):
    call = data.draw(calls(given=name))
    record = attention_of(**call)
    d_output, d_weights = rng.normal(size=record.output.shape), rng.normal(size=record.weights.shape)
    bound = gradients_of(tracked(call), *(track(array, FLOAT64) for array in (d_output, d_weights)))[name]
    wide = {**call, **{other: np.longdouble(call[other]) for other in TRACKED if call[other] is not None}}
    derived = complex_step_gradient(attention_of, wide, name, {"output": d_output, "weights": d_weights})
    assert within_bound(derived, bound).agrees
    assert within_bound(gradients_of(call, d_output, d_weights)[name], bound).agrees
