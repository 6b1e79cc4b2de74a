"""Calls of additive attention for its tests: arguments of shapes that broadcast, with every option or none."""

from hypothesis import strategies as st

from parity_tests.calls import calls, generators
from reference import additive_attention, additive_attention_backward

ARGUMENTS = ("query", "key", "value", "scale", "v_a", "bias")


@st.composite
def additive_calls(draw, may_hide=True):
    """Keyword arguments of additive attention, v_a being a scalar or a vector."""
    call, rng = draw(calls(may_hide, softcap=False)), draw(generators())
    del call["softcap"]
    call["scale"] = draw(st.sampled_from((1.0, rng.normal())))
    call["v_a"] = rng.normal(size=draw(st.sampled_from(((), call["query"].shape[-1:]))))
    return call


@st.composite
def additive_cotangents(draw, call):
    """A cotangent on the output, and one on the weights or none."""
    record, rng = additive_attention(**call), draw(generators())
    d_output = rng.normal(size=record.output.shape)
    return {"d_output": d_output, "d_weights": rng.normal(size=record.weights.shape) if draw(st.booleans()) else None}


def additive_backward(call, d_output, d_weights=None):
    """The gradients of a call, by the name of each argument that there is."""
    gradients = additive_attention_backward(d_output, additive_attention(**call), d_weights)
    return {name: getattr(gradients, f"d_{name}") for name in ARGUMENTS if call.get(name) is not None}
