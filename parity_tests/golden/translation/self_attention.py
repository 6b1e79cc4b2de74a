"""Golden cases of self-attention as examples of the kind ``self_attention``."""

import numpy as np

from parity_tests import strategies
from parity_tests.example import Example
from parity_tests.golden.translation.attention import in_case, not_an_option, rows
from parity_tests.golden.translation.batch import as_dtype, depth, flat, shares
from parity_tests.self_attention import BIASES, WEIGHTS

__all__ = ["CONCEPT", "example", "in_case", "inexpressible", "rows"]
CONCEPT = "self_attention"


def inexpressible(case, options):
    """Why a layer cannot be asked what a case asks; empty if it can."""
    scale = case.inputs["scale"]
    if np.ndim(scale) or scale not in (1.0, depth(case) ** -0.5):
        return "another scale"
    reason = not_an_option(case) or ("broadcasting" if shares(case, "x") else "")
    if reason:
        return reason
    if case.inputs["W_q"].shape != case.inputs["W_v"].shape:
        return "values of another depth"
    if "use_bias" not in options and any(name in case.inputs for name in BIASES):
        return "biases"
    masks = [case.masks.get(name) for name in ("key_mask", "query_mask")]
    if not all(np.array_equal(mask, masks[0]) for mask in masks):
        return "positions hidden as keys alone"
    return ""


def example(case, options, dtype):
    """The case as an `Example`; a bias that the case has not is 0."""
    d, units = case.inputs["W_q"].shape
    constructor = {"scaled": bool(case.inputs["scale"] != 1.0), **strategies.plain_options(options, used=False)}
    constructor["units"] = None if units == d else units
    weights = {name: case.inputs[name] for name in WEIGHTS}
    if any(name in case.inputs for name in BIASES):
        constructor["use_bias"] = True
        weights |= {name: case.inputs.get(name, np.zeros(units)) for name in BIASES}
    d_output = flat(case, case.cotangents["d_output"], 2, dtype)
    return Example(
        constructor=constructor,
        dtype=dtype,
        inputs={"x": flat(case, case.inputs["x"], 2, dtype)},
        weights={name: as_dtype(array, dtype) for name, array in weights.items()},
        masks={"mask": flat(case, case.masks.get("key_mask"), 1, dtype)},
        causal="causal" in case.options,
        d_output=d_output,
        d_weights=flat(case, case.cotangents.get("d_weights"), 2, dtype),
        judged=np.ones(d_output.shape[:2], dtype=bool),
    )
