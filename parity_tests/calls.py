"""Calls of dot-product attention for its tests: arguments of shapes that broadcast, with every option or none."""

import ml_dtypes
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from reference import (
    dot_product_attention,
    dot_product_attention_backward,
)
from reference.rounding import FLOAT64, track

INPUTS = ("query", "key", "value")
TRACKED = (*INPUTS, "scale", "bias")
UNTRACKED = ("mask", "softcap")
BLOCKS = st.tuples(st.integers(1, 7), st.integers(1, 7))  # how many queries and keys
THREADS = st.sampled_from((1, 1, 2))
LARGEST = np.finfo(np.float64).max
OVERFLOWS = "ignore:(overflow|invalid value) encountered:RuntimeWarning"  # for pytest, where twins are called
LARGE = {np.float16: 3.0, np.float32: 64.0, np.float64: 64.0, ml_dtypes.bfloat16: 64.0}  # clear of overflow


@st.composite
def generators(draw):
    """A NumPy generator."""
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


@st.composite
def sizes(draw):
    """T, S, d_k and d_v: any, all equal or all distinct."""
    equal = st.integers(1, 6).map(lambda size: (size,) * 4)
    return draw(st.tuples(*(st.integers(1, 6),) * 4) | equal | st.permutations((2, 3, 4, 5)))


@st.composite
def broadcast_to_scores(draw, leading, T, S):
    """A shape that broadcasts to the scores, of fewer than two axes too if it has no leading ones."""
    fewer = () if leading else ((S,), ())
    return (*leading, *draw(st.sampled_from(((T, S), (1, S), (T, 1), (1, 1), *fewer))))


@st.composite
def calls(draw, may_hide=True, softcap=True):
    """Keyword arguments of attention, of shapes that broadcast, with every option or none."""
    T, S, d_k, d_v = draw(sizes())
    leading = draw(mutually_broadcastable_shapes(num_shapes=6, max_dims=2, max_side=3)).input_shapes
    rng = draw(generators())
    call = {
        "query": rng.normal(size=(*leading[0], T, d_k)),
        "key": rng.normal(size=(*leading[1], S, d_k)),
        "value": rng.normal(size=(*leading[2], S, d_v)),
    }
    scale, bias, mask = (draw(broadcast_to_scores(own, T, S)) for own in leading[3:])
    call["scale"] = np.asarray(rng.normal(size=scale)) if draw(st.booleans()) else rng.normal()
    call["softcap"] = draw(st.sampled_from((None, 0.5, 3.0))) if softcap else None
    call["bias"] = np.asarray(rng.normal(size=bias)) if draw(st.booleans()) else None
    if call["bias"] is not None and may_hide:
        call["bias"] = np.where(rng.random(call["bias"].shape) < 0.2, -np.inf, call["bias"])
    call["mask"] = np.asarray(rng.random(mask) < 0.7) if draw(st.booleans()) else None
    return call


@st.composite
def twins(draw):
    """Two calls alike but for keys and values that no query may attend, which are as large as a number can be in one.

    A bias of -inf may hide them instead of the mask. Then the keys are alike: a score that is infinite, plus -inf, is
    no number, and is refused.
    """
    call, rng = draw(calls(may_hide=False)), draw(generators())
    call["query"] *= 4  # so that most products overflow, and some are the difference of two that do, which is NaN
    hidden = rng.random(call["key"].shape[-2]) < 0.4
    by_bias = draw(st.sampled_from((False, False, True)))
    if by_bias:
        call["bias"] = np.where(hidden, -np.inf, 0.0 if call["bias"] is None else call["bias"])
    else:
        call["mask"] = ~hidden if call["mask"] is None else call["mask"] & ~hidden
    large = {
        name: np.where(hidden[:, None], LARGEST * rng.choice([-1.0, 1.0], call[name].shape), call[name])
        for name in (("value",) if by_bias else ("key", "value"))
    }
    return call, {**call, **large}


@st.composite
def cotangents(draw, call):
    """A cotangent on the output, and one on the weights or none."""
    record = dot_product_attention(**call)
    rng = draw(generators())
    d_output = rng.normal(size=record.output.shape)
    return {"d_output": d_output, "d_weights": rng.normal(size=record.weights.shape) if draw(st.booleans()) else None}


def tracked(call):
    """The same call, whose error is followed."""
    return {
        name: argument if name in UNTRACKED or argument is None else track(argument, FLOAT64)
        for name, argument in call.items()
    }


def backward(call, d_output, d_weights=None):
    """The gradients of a call."""
    return dot_product_attention_backward(d_output, dot_product_attention(**call), d_weights)


def of_inputs(call, gradients):
    """The gradients of those arguments that there are, by name."""
    return {name: getattr(gradients, f"d_{name}") for name in TRACKED if call.get(name) is not None}


def of_kind(kind, rng, shape, dtype):
    """Values that the dtype can hold, as float64."""
    if kind == "integers":
        return rng.integers(-3, 4, shape).astype(float)
    if kind == "tied":  # rows that occur more than once
        return rng.normal(size=(2, shape[-1])).astype(dtype).astype(float)[rng.integers(0, 2, shape[:-1])]
    size = {"ordinary": 1.0, "tiny": 2.0**-10, "large": LARGE[dtype]}[kind]
    return (rng.normal(size=shape) * size).astype(dtype).astype(float)
