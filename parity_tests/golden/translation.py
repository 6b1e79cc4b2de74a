"""A golden case as an example of a kind of layer, where the kind has what the case needs."""

from math import prod

import numpy as np

from parity_tests import strategies
from parity_tests.example import Example
from parity_tests.self_attention import BIASES, WEIGHTS
from reference.golden import visible

OF_ATTENTION = ("query", "key", "value")
INPUTS = {"attention": OF_ATTENTION, "self_attention": ("x",), "attention_of_heads": OF_ATTENTION}


def inexpressible(case, kind, options=frozenset()):
    """Why a layer cannot be asked what a case asks; empty if it can.

    Parameters
    ----------
    case : reference.golden.GoldenCase
    kind
        A `parity_tests.Kind`.
    options
        Those of the kind's options that the layer has.
    """
    names = INPUTS[kind.name]
    if any(name not in case.inputs for name in names):
        return "another concept"
    scale, of_heads = case.inputs["scale"], kind.name == "attention_of_heads"
    any_scale = of_heads or "learned_scale" in options
    if np.ndim(scale) or (not any_scale and scale not in (1.0, depth(case) ** -0.5)):
        return "another scale"
    if of_heads:
        return _of_heads(case)
    for name in ("bias", "mask"):
        if name in {*case.inputs, *case.masks}:
            return f"a {name}"
    for name in ("softcap", "window"):
        if name in case.options:
            return f"a {name}"
    if case.options.get("causal", {"offset": 0})["offset"]:
        return "causal with an offset"
    if any(case.inputs[name].shape[:-2] != leading(case) for name in names):
        return "broadcasting"
    return _of_self_attention(case, options) if kind.name == "self_attention" else ""


def _of_heads(case):
    whole = {"bias": 0, "query": 2, "key": 2, "value": 2}  # and so many axes that are not broadcast
    for name, own in whole.items():
        if name in case.inputs and case.inputs[name].shape[: case.inputs[name].ndim - own] != _whole(case, own):
            return "broadcasting"
    if np.isneginf(case.inputs.get("bias", 0.0)).any():
        return "a bias of minus infinity"
    if "softcap" in case.options:
        return "a softcap"
    if "query_mask" in case.masks:
        return "a query_mask"
    if "d_weights" in case.cotangents:
        return "a cotangent of the weights"
    return "values of another depth" if case.inputs["value"].shape[-1] != depth(case) else ""


def _whole(case, own):
    """The leading axes of a case, or all of its scores."""
    T, S = (case.inputs[name].shape[-2] for name in ("query", "key"))
    return leading(case) if own else (*leading(case), T, S)


def _of_self_attention(case, options):
    if case.inputs["W_q"].shape != case.inputs["W_v"].shape:
        return "values of another depth"
    if "use_bias" not in options and any(name in case.inputs for name in BIASES):
        return "biases"
    masks = [case.masks.get(name) for name in ("key_mask", "query_mask")]
    if not all(np.array_equal(mask, masks[0]) for mask in masks):
        return "positions hidden as keys alone"
    return ""


def example(case, kind, options, dtype):
    """The case as an `Example`, its leading axes as one batch.

    Parameters
    ----------
    case, kind, options
        As in `inexpressible`, which says nothing.
    dtype
        Such as ``"float32"``.
    """
    as_dtype = strategies.numpy_dtype(dtype)
    if kind.name == "attention_of_heads":
        return _example_of_heads(case, dtype)
    batch = prod(leading(case))

    def flat(array, axes=2):
        whole = np.broadcast_to(array, (*leading(case), *array.shape[-axes:]))
        whole = whole.reshape(batch, *whole.shape[len(leading(case)) :])
        return whole if whole.dtype == bool else whole.astype(as_dtype)

    masks = {name: flat(mask, 1) for name, mask in case.masks.items()}
    constructor = {"scaled": bool(case.inputs["scale"] != 1.0), **strategies.plain_options(options, used=False)}
    learned = constructor["scaled"] and "learned_scale" in options
    weights = {"scale": np.array(case.inputs["scale"]).astype(as_dtype)} if learned else {}
    if kind.name == "self_attention":
        weights = {name: case.inputs[name].astype(as_dtype) for name in WEIGHTS}
        d, units = case.inputs["W_q"].shape
        constructor["units"] = None if units == d else units
        if any(name in case.inputs for name in BIASES):
            constructor["use_bias"] = True
            weights |= {name: case.inputs.get(name, np.zeros(units)).astype(as_dtype) for name in BIASES}
        masks = {"mask": masks.get("key_mask")}
    else:
        masks = {"query_mask": masks.get("query_mask"), "key_mask": masks.get("key_mask"), "value_mask": None}
    d_output, d_weights = (case.cotangents.get(name) for name in ("d_output", "d_weights"))
    return Example(
        constructor=constructor,
        dtype=dtype,
        inputs={name: flat(case.inputs[name]) for name in INPUTS[kind.name]},
        weights=weights,
        masks=masks,
        causal="causal" in case.options,
        d_output=flat(d_output),
        d_weights=None if d_weights is None else flat(d_weights),
        judged=np.ones((batch, d_output.shape[-2]), dtype=bool),
    )


def _example_of_heads(case, dtype):
    """Leading axes are items of one head; all masks are one, but for a causal one that is the only one."""
    as_dtype, batch = strategies.numpy_dtype(dtype), prod(leading(case))
    scale = case.inputs["scale"]
    causal = case.options == {"causal": {"offset": 0}} and not case.masks
    masked = not causal and bool(case.masks or case.options)
    T, S = (case.inputs[name].shape[-2] for name in ("query", "key"))
    mask = np.broadcast_to(visible(case), (*leading(case), T, S)).reshape(batch, 1, T, S)
    inputs = {name: case.inputs[name].reshape(batch, -1, 1, depth(case)).astype(as_dtype) for name in OF_ATTENTION}
    if "bias" in case.inputs:
        inputs["bias"] = case.inputs["bias"].reshape(batch, 1, T, S).astype(as_dtype)
    return Example(
        constructor={"scale": None if scale == depth(case) ** -0.5 else float(scale)},
        dtype=dtype,
        inputs=inputs,
        weights={},
        masks={"mask": mask if masked else None},
        causal=causal,
        d_output=case.cotangents["d_output"].reshape(batch, T, 1, depth(case)).astype(as_dtype),
        d_weights=None,
        judged=np.ones((batch, T, 1), dtype=bool),
    )


def leading(case):
    """The leading axes of a case's output."""
    return case.cotangents["d_output"].shape[:-2]


def depth(case):
    """The depth of queries and keys."""
    return case.inputs["W_q" if "W_q" in case.inputs else "query"].shape[-1]
