"""Conditions on which masks an example has, and along which axes they lie."""

import numpy as np


def bias_and_mask(kind, example):
    """An example with a bias that is masked too, by a mask or as it is causal."""
    return np.bool_("bias" in example.inputs and (example.causal or example.masks["mask"] is not None))


def mask_or_bias_of_keys(kind, example):
    """An example with a bias that has the axis of keys alone, or such a mask that no causal one is combined with."""
    of_mask = example.manner.get("mask_lacks") == 3 and not example.causal and "bias" not in example.inputs
    return np.bool_(of_mask or example.manner.get("bias_lacks") == 3)


def in_order_along_another_axis(kind, example):
    """An example with a window, or a causal one, that is attended along another axis than the first."""
    in_order = example.causal or example.constructor.get("sliding_window") is not None
    return np.bool_(in_order and example.constructor.get("attention_axes") == 2)


def padding_between_attended(kind, example):
    """An example with masks of positions that is attended along the first axis, though there is another."""
    return np.bool_(_padded(example) and example.constructor.get("attention_axes") == 1)


def head_mask_with_padding(kind, example):
    """An example of several items or none, with an attention mask that has an axis of heads, and masks of positions."""
    with_heads = example.masks["attention_mask"] is not None and example.manner.get("mask_axes") == 4
    return np.bool_(with_heads and _padded(example) and len(example.judged) != 1)


def masked_input(kind, example):
    """An example with a mask that comes with an input."""
    argument = example.manner.get("query_mask_argument")
    others = _padded(example) and example.manner.get("masks_with_inputs")
    return np.bool_(others or (example.masks["query_mask"] is not None and not argument))


def _padded(example):
    return any(mask is not None for name, mask in example.masks.items() if name != "attention_mask")
