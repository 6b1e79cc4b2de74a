"""Golden cases of dot products as examples of the kind ``attention_of_heads``: items of one head."""

import numpy as np

from parity_tests.example import Example
from parity_tests.golden.translation.attention import INPUTS, rows
from parity_tests.golden.translation.batch import depth, flat, in_shape, shares
from reference.golden import visible

__all__ = ["CONCEPT", "example", "in_case", "inexpressible", "rows"]
CONCEPT = "dot_product"


def inexpressible(case, options):
    """Why a layer cannot be asked what a case asks; empty if it can."""
    if np.ndim(case.inputs["scale"]):
        return "another scale"
    bias = case.inputs.get("bias")
    if shares(case, *INPUTS) or (bias is not None and bias.shape != case.expected["scores"].shape):
        return "broadcasting"
    if bias is not None and np.isneginf(bias).any():
        return "a bias of minus infinity"
    if "softcap" in case.options:
        return "a softcap"
    if "query_mask" in case.masks:
        return "a query_mask"
    if "d_weights" in case.cotangents:
        return "a cotangent of the weights"
    return "values of another depth" if case.inputs["value"].shape[-1] != depth(case) else ""


def example(case, options, dtype):
    """The case as an `Example`; all masks are one, but for a causal one that is the only one."""
    scale = case.inputs["scale"]
    causal = case.options == {"causal": {"offset": 0}} and not case.masks
    masked = not causal and bool(case.masks or case.options)
    mask = np.broadcast_to(visible(case), case.expected["visible"].shape)
    inputs = {name: flat(case, case.inputs[name], 2, dtype)[:, :, None] for name in INPUTS}
    if "bias" in case.inputs:
        inputs["bias"] = flat(case, case.inputs["bias"], 2, dtype)[:, None]
    d_output = flat(case, case.cotangents["d_output"], 2, dtype)[:, :, None]
    return Example(
        constructor={"scale": None if scale == depth(case) ** -0.5 else float(scale)},
        dtype=dtype,
        inputs=inputs,
        weights={},
        masks={"mask": flat(case, mask, 2, dtype)[:, None] if masked else None},
        causal=causal,
        d_output=d_output,
        d_weights=None,
        judged=np.ones(d_output.shape[:3], dtype=bool),
    )


def in_case(case, name, array):
    """A result of the example as the case has it, without the axis of the one head."""
    head = 1 if name == "d_bias" else 2
    one_head = array.ndim == 4 and array.shape[head] == 1
    return in_shape(case, name, array.squeeze(head) if one_head else array)
