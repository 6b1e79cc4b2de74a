"""Conditions on sizes, and on how a layer is made."""

import numpy as np

from parity_tests.conditions.rows import misplaced_biases


def in_training(kind, example):
    """All rows, if the layer drops weights."""
    return np.full(example.judged.shape, bool(example.constructor.get("dropout")))


def other_lengths_or_axes(kind, example):
    """An example with more or fewer keys than queries, or that is attended along another axis than the first."""
    lengths = {example.inputs[name].shape[1] for name in ("query", "value")}
    return np.bool_(len(lengths) > 1 or example.constructor.get("attention_axes"))


def other_depths(kind, example):
    """An example whose query and value differ in depth."""
    return np.bool_(example.inputs["query"].shape[-1] != example.inputs["value"].shape[-1])


def other_value_dim(kind, example):
    """An example whose heads have values of another depth than their keys."""
    key_dim = example.constructor["key_dim"]
    return np.bool_(example.constructor.get("value_dim", key_dim) != key_dim)


def one_key_head(kind, example):
    """An example of several query heads that share a single key head."""
    H, K = (example.inputs[name].shape[2] for name in ("query", "key"))
    return np.bool_(K == 1 < H)


def several_axes(kind, example):
    """An example whose softmax is over several axes."""
    return np.bool_(isinstance(example.constructor["axis"], tuple) and len(example.constructor["axis"]) > 1)


def bias_along_another_axis(kind, example):
    """An example with a bias whose last axis is 1, and the other as long as axis 1, if that is known."""
    return np.bool_(bool(misplaced_biases(example)) and (example.sizes_known or not example.traced))
