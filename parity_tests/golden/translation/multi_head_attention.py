"""Golden cases of several heads as examples of the kind ``multi_head_attention``."""

import numpy as np

from parity_tests import multi_head_examples
from parity_tests.example import Example
from parity_tests.golden.translation.batch import as_dtype, depth, flat, in_shape, leading, shares

CONCEPT = "multi_head"
INPUTS = ("query", "key", "value")
LETTERS = "qkgvo"  # of the weights, in the order in which Keras keeps them


def inexpressible(case, options):
    """Why a layer cannot be asked what a case asks; empty if it can."""
    if case.inputs["scale"] != depth(case) ** -0.5:
        return "another scale"
    if shares(case, *INPUTS):
        return "broadcasting"
    if "bias" in case.inputs:
        return "a bias"
    return _of_depths(case, options) or _of_masks(case, options)


def _of_depths(case, options):
    H, d_v, d_output = case.inputs["W_o"].shape
    if "groups" not in options and case.inputs["W_k"].shape[1] != H:
        return "heads that share keys"
    if "value_dim" not in options and d_v != depth(case):
        return "values of another depth"
    if "output_shape" not in options and d_output != case.inputs["query"].shape[-1]:
        return "an output of another depth"
    return "a gate" if "W_g" in case.inputs and "use_gate" not in options else ""


def _of_masks(case, options):
    if case.options.get("causal", {"offset": 0})["offset"]:
        return "causal with an offset"
    if "softcap" in case.options:
        return "a softcap"
    window = case.options.get("window")
    if _has_heads(case) and "mask_axes" not in options:
        return "a mask of each head"
    if window is None:
        return ""
    symmetrical = window["left"] == window["right"] is not None and not window["offset"]
    return "" if symmetrical and "sliding_window" in options else "a window"


def example(case, options, dtype):
    """The case as an `Example`; a bias that the case has not is 0."""
    biased = any(f"b_{letter}" in case.inputs for letter in LETTERS)
    weights = {}
    for letter in LETTERS:
        W = case.inputs.get(f"W_{letter}")
        if W is not None:
            weights[f"W_{letter}"] = W
            if biased:
                shape = W.shape[2:] if letter == "o" else W.shape[1:]
                weights[f"b_{letter}"] = case.inputs.get(f"b_{letter}", np.zeros(shape))
    d_output = flat(case, case.cotangents["d_output"], 2, dtype)
    d_weights = flat(case, case.cotangents.get("d_weights"), 3, dtype)
    return Example(
        constructor=_constructor(case, options, biased),
        dtype=dtype,
        inputs={name: flat(case, case.inputs[name], 2, dtype) for name in INPUTS},
        weights={name: as_dtype(array, dtype) for name, array in weights.items()},
        masks=_masks(case, dtype),
        manner={"mask_axes": 4} if _has_heads(case) else {},
        causal="causal" in case.options,
        d_output=d_output,
        d_weights=None if d_weights is None else np.moveaxis(d_weights, 1, 2),
        judged=np.ones(d_output.shape[:2], dtype=bool),
    )


def _constructor(case, options, biased):
    H, d_v, d_output = case.inputs["W_o"].shape
    used = {
        "groups": H // case.inputs["W_k"].shape[1],
        "value_dim": d_v,
        "output_shape": d_output,
        "use_bias": biased,
        "use_gate": "W_g" in case.inputs,
    }
    if "window" in case.options:
        used["sliding_window"] = case.options["window"]["left"] + 1
    at_rest = multi_head_examples.plain(options).constructor
    given = {name: value for name, value in used.items() if name in options}
    return {**at_rest, **given, "num_heads": H, "key_dim": depth(case)}


def _masks(case, dtype):
    mask = case.masks.get("mask")
    if mask is not None and mask.ndim == 2:
        mask = mask[None]  # for all heads
    given = {"key_mask": flat(case, case.masks.get("key_mask"), 1, dtype), "attention_mask": flat(case, mask, 3, dtype)}
    return dict.fromkeys(multi_head_examples.MASKS) | given


def _has_heads(case):
    """Whether each head has a mask of its own."""
    mask = case.masks.get("mask")
    return mask is not None and mask.ndim > 2 and mask.shape[-3] > 1


def in_case(case, name, array):
    """A result of the example as the case has it."""
    return in_shape(case, name, np.moveaxis(array, -2, -3) if name == "weights" and array.ndim == 4 else array)


def rows(case, name, judged):
    """Rows of the example as the case has them; those of weights are the same for all heads."""
    found = judged.reshape(*leading(case), -1)
    return found[..., None, :] if name == "weights" else found
