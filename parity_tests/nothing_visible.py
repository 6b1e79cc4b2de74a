"""What layers compute where a query may attend nothing, of which the reference says 0."""

import numpy as np

from reference.rounding import FLOAT16, FLOAT32


def without_the_mask(kind, expected, example, arithmetic, **how):
    """The truth of a layer that takes a large number from hidden scores: all of a row's, if nothing in it is visible.

    What the scores lose to rounding then makes the weights even, if they are small; if they are of its size, it makes
    them anything between 0 and 1.
    """

    def subtracting(forward):
        def attend(query, key, value, *, mask, **options):
            nothing = ~mask.any(axis=-1, keepdims=True)
            scores = forward(query, key, value, mask=mask, **options).scores
            bias = np.where(nothing, _left(scores), 0.0)
            return forward(query, key, value, mask=mask | nothing, bias=bias, **options)

        return attend

    return expected(example, arithmetic, through=subtracting, **how)


def _left(scores):
    """What is added to the scores of a row: what leaves nothing of them, or else the number that is taken away."""
    roundoff = scores.arithmetic.unit_roundoff
    taken = 65504.0 if roundoff == FLOAT16.unit_roundoff else 1e9
    if taken == 1e9:
        roundoff = min(roundoff, FLOAT32.unit_roundoff)  # in which bfloat16 may be computed where it is compiled
    half_a_step = 2.0 ** np.floor(np.log2(taken)) * roundoff
    largest = np.max(np.abs(scores.value) + scores.error, axis=-1, keepdims=True, initial=0.0)
    return np.where(largest < half_a_step, -scores.value, -taken)


def evenly(kind, expected, example, arithmetic, **how):
    """The truth of a layer that sets all hidden scores to one number: rows that may attend nothing attend all evenly.

    That is attention over twice the keys, half of which are 0 and visible to these rows alone. No gradient comes to
    the queries by them, and what comes to the keys is none of theirs.
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
