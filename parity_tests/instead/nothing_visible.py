"""What layers compute where a query may attend nothing, of which the reference says 0."""

import keras
import numpy as np

from reference.rounding import ARITHMETIC, FLOAT16, FLOAT32


def without_the_mask(kind, expected, example, arithmetic, **how):
    """The truth of a layer that takes a large number from hidden scores: all of a row's, if nothing in it is visible.

    What the scores lose to rounding then makes the weights even, if they are small; if they are of its size, it makes
    them anything between 0 and 1.
    """
    taken = 65504.0 if arithmetic.unit_roundoff == FLOAT16.unit_roundoff else 1e9
    return expected(example, arithmetic, through=_taking(taken, _finest(example, arithmetic)), **how)


def _finest(example, arithmetic):
    """The least roundoff that scores may have: bfloat16 may be compiled to float32; float64 may be lost after them."""
    return min(arithmetic.unit_roundoff, ARITHMETIC[example.dtype].unit_roundoff, FLOAT32.unit_roundoff)


def _taking(taken, roundoff):
    """What makes of an attention one that takes a number from all scores of a row in which nothing is visible."""

    def through(forward):
        def attend(*arrays, mask, bias=None, **options):
            nothing = ~mask.any(axis=-1, keepdims=True)
            scores = _scores(forward(*arrays, mask=mask, bias=bias, **options), mask)
            bias = 0.0 if bias is None else bias
            bias = np.where(nothing, bias + _left(scores, taken, roundoff), bias)
            return forward(*arrays, mask=mask | nothing, bias=bias, **options)

        return attend

    return through


def _scores(record, mask):
    """The scores of a record, of all heads along one axis if the mask has them so."""
    if hasattr(record, "scores"):
        return record.scores
    B, H_kv, G, T, S = record.attention.scores.shape
    return record.attention.scores.reshape(B, H_kv * G, T, S)


def _left(scores, taken, roundoff):
    """What is added to the scores of a row: what leaves nothing of them, or else the number that is taken away."""
    half_a_step = 2.0 ** np.floor(np.log2(taken)) * roundoff
    largest = np.max(np.abs(scores.value) + scores.error, axis=-1, keepdims=True, initial=0.0)
    return np.where(largest < half_a_step, -scores.value, -taken)


def evenly(kind, expected, example, arithmetic, **how):
    """The truth of a layer that sets all hidden scores to one number: rows that may attend nothing attend all evenly.

    On PyTorch a large number is taken from all scores, of which something may be left in float16. The gradients are
    not those of that output there, as they take weights from the logarithm of a sum beside which that number is lost.
    """
    if keras.backend.backend() == "torch":
        taken = 0.7 * (65500.0 if example.dtype == "float16" else 3.38953e38)  # as in Keras's backend/torch/nn.py
        return expected(example, arithmetic, through=_taking(taken, _finest(example, arithmetic)), **how)
    return _of_keys_of_zero(kind, expected, example, arithmetic, **how)


def _of_keys_of_zero(kind, expected, example, arithmetic, **how):
    """Attention over twice the keys, half of which are 0 and visible to rows alone that may attend no others.

    No gradient comes to the queries by them, and what comes to the keys is none of theirs.
    """
    S = example.inputs["value"].shape[1]
    found = expected(with_keys_of_zero(kind, example), arithmetic, **how)
    found = {name: array for name, array in found.items() if name != "weights"}
    found["scores"] = found["scores"][..., :S]
    found["d_key"] = found["d_key"][:, :S]
    found["d_value"] = found["d_value"][:, :S] + found["d_value"][:, S:]
    if "bias" in example.inputs and example.inputs["bias"].shape[-1] == S > 1:
        found["d_bias"] = found["d_bias"][..., :S]
    if "key" not in example.inputs:
        found["d_value"] = found["d_key"] + found["d_value"]
    if example.manner.get("same_tensor"):
        found["d_query"] = found["d_query"] + found["d_value"]
        found["d_value"] = 0.0 * found["d_value"]
    return found


def with_keys_of_zero(kind, example):
    """The example with as many keys again, which are 0 and are attended by rows that may attend no others."""
    shown = kind.visible(example)
    nothing = np.broadcast_to(~shown.any(axis=-1, keepdims=True), shown.shape)
    mask = np.moveaxis(np.concatenate([shown, nothing], axis=-1), 2, 1)
    inputs, S = dict(example.inputs), shown.shape[-1]
    value = inputs["value"]
    key = inputs.get("key", value)
    inputs |= {"key": _twice(key, np.zeros_like(key), 1), "value": _twice(value, value, 1)}
    if "bias" in inputs and inputs["bias"].shape[-1] == S > 1:
        inputs["bias"] = _twice(inputs["bias"], np.zeros_like(inputs["bias"]), -1)
    return shown_by(example, mask)._replace(inputs={name: inputs[name] for name in _in_order(inputs)})


def shown_by(example, mask):
    """The example with one mask of (B, H, T, S) in place of all that hides."""
    *others, last = example.masks
    constructor = {name: value for name, value in example.constructor.items() if name != "sliding_window"}
    manner = {name: way for name, way in example.manner.items() if name != "same_tensor"}
    return example._replace(
        masks={**dict.fromkeys(others), last: mask}, causal=False, constructor=constructor, manner=manner
    )


def _twice(first, second, axis):
    return np.concatenate([first, second], axis=axis)


def _in_order(inputs):
    """Query, key, value, and what else there is."""
    names = ("query", "key", "value")
    return (*names, *(name for name in inputs if name not in names))
