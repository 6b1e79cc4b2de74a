"""Calls of multi-head attention for its tests: each projection is an argument of its own, as all others are."""

from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from parity_tests.calls import generators
from reference import Projections, multi_head_attention, multi_head_attention_backward
from reference.rounding import FLOAT64, track

INPUTS = ("query", "key", "value")
KERNELS = Projections._fields
TRACKED = (*INPUTS, *KERNELS, "scale", "bias")


@st.composite
def calls(draw, given=None):
    """Keyword arguments, of shapes that broadcast; what is ``given`` is there."""
    T, S, d_k, d_v = draw(st.tuples(*(st.integers(1, 3),) * 4) | st.permutations((1, 2, 3, 4)))
    d_query, d_key, d_value, E = draw(st.tuples(*(st.integers(1, 3),) * 4))
    H_kv, G = draw(st.sampled_from(((1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (2, 2), (2, 3))))
    leading = draw(mutually_broadcastable_shapes(num_shapes=4, max_dims=1, max_side=2)).input_shapes
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
    of_mask = st.sampled_from(((H, T, S), (1, T, S), (H, 1, S), (T, S), (S,)))
    call["mask"] = rng.random(draw(of_mask)) < 0.7 if draw(st.booleans()) else None
    return call


def with_kernels(call):
    """The same call, the projections of which are one argument."""
    others = {name: argument for name, argument in call.items() if name not in KERNELS}
    return {**others, "projections": Projections(*(call[name] for name in KERNELS))}


def attention_of(**call):
    """Multi-head attention, each projection of which is an argument of its own."""
    return multi_head_attention(**with_kernels(call))


def tracked(call):
    """The same call, whose error is followed."""
    followed = {name: track(call[name], FLOAT64) for name in TRACKED if call[name] is not None}
    return {**call, **followed}


def gradients_of(call, d_output, d_weights=None):
    """Every gradient by the name of the argument that it is of."""
    gradients = multi_head_attention_backward(d_output, attention_of(**call), d_weights)
    of_others = {name: getattr(gradients, f"d_{name}") for name in (*INPUTS, "scale", "bias")}
    return {**of_others, **gradients.d_projections._asdict()}
