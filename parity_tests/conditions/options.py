"""Conditions on sizes, and on how a layer is made."""

import numpy as np

from parity_tests.folded import halves


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
    return np.bool_(misplaced_biases(example) and (example.sizes_known or not example.traced))


def misplaced_biases(example):
    """The letters of such biases: those of heads of depth 1, or that of an output of two axes."""
    if "b_q" not in example.weights:
        return ()
    T, S = (example.inputs[name].shape[1] for name in ("query", "value"))
    if example.constructor.get("attention_axes") == 2:  # where half of the items are along axis 1
        T = S = halves(len(example.judged))[1]
    shapes = {letter: example.weights[f"b_{letter}"].shape for letter in "qgkv" if f"b_{letter}" in example.weights}
    if isinstance(example.constructor.get("output_shape"), tuple):
        shapes["o"] = example.constructor["output_shape"]
    along = {"q": T, "g": T, "k": S, "v": S, "o": T}
    return tuple(letter for letter, (first, last) in shapes.items() if last == 1 < first == along[letter])
