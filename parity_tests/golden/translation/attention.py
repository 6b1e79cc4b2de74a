"""Golden cases of dot products as examples of the kind ``attention``."""

import numpy as np

from parity_tests import strategies
from parity_tests.example import Example
from parity_tests.golden.translation.batch import as_dtype, depth, flat, in_shape, leading, shares

CONCEPT = "dot_product"
INPUTS = ("query", "key", "value")


def inexpressible(case, options):
    """Why a layer cannot be asked what a case asks; empty if it can."""
    scale = case.inputs["scale"]
    if np.ndim(scale) or ("learned_scale" not in options and scale not in (1.0, depth(case) ** -0.5)):
        return "another scale"
    return not_an_option(case) or ("broadcasting" if shares(case, *INPUTS) else "")


def not_an_option(case):
    """What a case has for which a layer with masks of queries and keys has no argument."""
    for name in ("bias", "mask"):
        if name in {*case.inputs, *case.masks}:
            return f"a {name}"
    for name in ("softcap", "window"):
        if name in case.options:
            return f"a {name}"
    return "causal with an offset" if case.options.get("causal", {"offset": 0})["offset"] else ""


def example(case, options, dtype):
    """The case as an `Example`."""
    scale = case.inputs["scale"]
    scaled = bool(scale != 1.0)
    learned = scaled and "learned_scale" in options
    constructor = {"scaled": scaled, **strategies.plain_options(options, used=False)}
    return called(case, dtype, constructor, {"scale": as_dtype(scale, dtype)} if learned else {})


def called(case, dtype, constructor, weights):
    """The case as a call of ``[query, key, value]``, of a layer that is made so and has these weights."""
    d_output = flat(case, case.cotangents["d_output"], 2, dtype)
    masks = {name: flat(case, case.masks.get(name), 1, dtype) for name in ("query_mask", "key_mask")}
    return Example(
        constructor=constructor,
        dtype=dtype,
        inputs={name: flat(case, case.inputs[name], 2, dtype) for name in INPUTS},
        weights=weights,
        masks={**masks, "value_mask": None},
        causal="causal" in case.options,
        d_output=d_output,
        d_weights=flat(case, case.cotangents.get("d_weights"), 2, dtype),
        judged=np.ones(d_output.shape[:2], dtype=bool),
    )


def in_case(case, name, array):
    """A result of the example as the case has it."""
    return in_shape(case, name, array)


def rows(case, name, judged):
    """Rows of the example as the case has them."""
    return judged.reshape(*leading(case), -1)
