"""The kind ``attention``: what a layer of query, key and value must compute.

What has to do with query, key and value alone serves other kinds of attention too.
"""

import math

import ml_dtypes
import numpy as np

from parity_tests import strategies
from parity_tests.backend import computed_dtype
from parity_tests.example import Example, Kind
from reference import causal_mask, dot_product_attention, dot_product_attention_backward
from reference.rounding import track

WHICH_MASKS = ("query_mask given", "key_mask given", "value_mask given")
NO_MASKS, ALL_MASKS = (dict.fromkeys(WHICH_MASKS, given) for given in (False, True))
SMALL = {"lengths": "free", "depths": "free", "B": 2, "T": 5, "S": 7, "d_k": 3, "d_v": 2, "dtype": "float32"}
OWN_CORNERS = {
    "depth 1": {"d_k": 1, "d_v": 1, "scaled": True},
    "one key": {"S": 1},
    "one query": {"T": 1, "scaled": True},
    "no keys": {"S": 0},
    "one item": {"B": 1, "T": 4, "S": 4},
    "more queries than keys": {"T": 7, "S": 3},
    "values of thousands": {"scores": "moderate", "values": "huge"},
    "scores that overflow float16": {**NO_MASKS, "dtype": "float16", "scores": "large", "causal": False},
    "positions beyond 127, causal": {**NO_MASKS, "B": 1, "T": 130, "S": 130, "causal": True},
    "130 keys": {"S": 130, "scores": "moderate", "causal": False},
    "130 queries and keys": {"B": 1, "T": 130, "S": 130, "scores": "moderate", "causal": False},
    "130 keys in float16": {"S": 130, "dtype": "float16", "scores": "moderate", "causal": False},
    "depth 64": {"d_k": 64, "d_v": 40, "scaled": True},
    "depths past 128": {"d_k": 130, "d_v": 131, "scores": "moderate"},
    "257 keys": {**NO_MASKS, "S": 257, "scores": "moderate", "causal": False},
    "257 queries": {"B": 1, "T": 257},
    "17 items": {"B": 17, **ALL_MASKS},
    "depth 64, unscaled": {"d_k": 64, "d_v": 40, "scaled": False, "scores": "moderate"},
    "masks of many positions": {**ALL_MASKS, "T": 40, "S": 40},
    "scores that overflow float32": {**NO_MASKS, "scores": "large", "causal": False},
    "scores of about 50": {**NO_MASKS, "scores": "steep", "values": "ordinary", "causal": False},
    "scores of thousands": {**NO_MASKS, "scores": "wide", "values": "ordinary", "causal": False},
    "scores of thousands, masked": {"scores": "wide", "values": "ordinary", "key_mask given": True},
    "causal with all masks": {**ALL_MASKS, "causal": True},
    "causal without a mask, traced": {**NO_MASKS, "causal": True, "traced": True},
    "causal with all masks, traced": {**ALL_MASKS, "causal": True, "traced": True},
    "weights dropped with masks": {**ALL_MASKS, **strategies.DROPPED},
}

AXES = {
    "query": ("B", "T", "d_k"),
    "key": ("B", "S", "d_k"),
    "value": ("B", "S", "d_v"),
    "query_mask": ("B", "T"),
    "key_mask": ("B", "S"),
    "value_mask": ("B", "S"),
    "output": ("B", "T", "d_v"),
    "weights": ("B", "T", "S"),
}


def draw(choice, rng, options):
    """Any example of the kind."""
    constructor, fields = strategies.way_of_calling(choice, options)
    weights = {}
    if "learned_scale" in options and constructor["scaled"]:
        weights["scale"] = strategies.weight(choice, (), fields["dtype"], rng)
    return draw_inputs(choice, rng, options, constructor=constructor, weights=weights, **fields)


def draw_inputs(choice, rng, options, *, dtype, **fields):
    """An example with inputs, masks and cotangents; a layer that takes two inputs may be given no keys."""
    depths = strategies.depths(choice, ("d_k", "d_v"))
    lengths = strategies.lengths(choice, ("B", "T", "S"), depths)
    B, T, S, d_k, d_v = (*lengths.values(), *depths.values())
    of_scores = choice("scores", strategies.KINDS_OF_VALUES)
    of_values = choice("values", strategies.KINDS_OF_VALUES)
    wide = strategies.largest_exact(dtype, d_k)
    key_mask = strategies.position_masks(choice, "key_mask", B, S, rng)
    query, key = (strategies.arrays(choice, (B, size, d_k), dtype, rng, of_scores, wide) for size in (T, S))
    inputs = {"query": query, "key": key, "value": strategies.arrays(choice, (B, S, d_v), dtype, rng, of_values, wide)}
    if "two_inputs" in options and not choice("key given", (True, True, False)):
        inputs, d_v = {"query": query, "value": key}, d_k
    return Example(
        inputs=inputs,
        dtype=dtype,
        masks={
            "query_mask": strategies.position_masks(choice, "query_mask", B, T, rng),
            "key_mask": key_mask,
            "value_mask": key_mask if choice("value_mask given", (False, True)) else None,
        },
        d_output=strategies.cotangents(choice, (B, T, d_v), dtype, rng),
        d_weights=strategies.cotangents(choice, (B, T, S), dtype, rng)
        if choice("d_weights", (False, True, True))
        else None,
        judged=np.ones((B, T), dtype=bool),
        **fields,
    )


def plain(options=frozenset(), used=False):
    """A small example without mask, its constructor's options all used or all left at rest."""
    return Example(
        constructor={"scaled": False, **strategies.plain_options(options, used)},
        dtype="float32",
        inputs={name: np.ones((1, 2, 3), "float32") for name in ("query", "key", "value")},
        weights={},
        masks={"query_mask": None, "key_mask": None, "value_mask": None},
        causal=False,
        d_output=np.ones((1, 2, 3), "float32"),
        d_weights=np.ones((1, 2, 2), "float32"),
        judged=np.ones((1, 2), dtype=bool),
    )


def expected(example, arithmetic):
    """The reference's output, weights and gradients, with their bounds."""
    weights = {name: track(array, arithmetic) for name, array in example.weights.items()}
    options = {"scale": scale(example.constructor, example.inputs["query"].shape[-1]), **weights}
    return attended(example, arithmetic, dot_product_attention, dot_product_attention_backward, **options)


def attended(example, arithmetic, forward, backward, **options):
    """What an attention of query, key and value gives; without keys, the values are the keys too."""
    query, *key, value = (track(array, arithmetic) for array in example.inputs.values())
    record = forward(query, key[0] if key else value, value, mask=visible(example), **options)
    output, d_output = shown_queries(example.masks["query_mask"], record.output, example.d_output)
    d_weights = None if example.d_weights is None else track(example.d_weights, arithmetic)
    gradients = backward(track(d_output, arithmetic), record, d_weights)
    named = {f"d_{name}": getattr(gradients, f"d_{name}") for name in (*example.inputs, *options)}
    if not key:
        named["d_value"] = gradients.d_key + gradients.d_value
    return {"scores": record.scores, "output": output, "weights": record.weights, **named}


def scale(constructor, d_k):
    """The scale, as precise as it can be had: a layer may compute it in any way."""
    return np.longdouble(d_k) ** -0.5 if constructor["scaled"] else 1.0


def shown_queries(query_mask, output, d_output):
    """The output with hidden queries set to 0, and the gradient that remains of it."""
    if query_mask is None:
        return output, d_output
    shown = query_mask[..., None]
    return np.where(shown, output, 0.0), np.where(shown, d_output.astype(float), 0.0)


def visible(example):
    """Which keys each query may attend, (B, T, S)."""
    B, T, _ = example.inputs["query"].shape
    S = example.inputs["value"].shape[1]
    return combined_mask(B, T, S, example.masks["key_mask"], example.causal)


def combined_mask(B, T, S, key_mask, causal):
    """A key mask and the causal mask together, (B, T, S)."""
    mask = np.ones((B, T, S), dtype=bool) if key_mask is None else np.repeat(key_mask[:, None, :], T, axis=1)
    return mask & causal_mask(T, S) if causal else mask


def replace_hidden(example):
    """Judge the first half of the rows, and replace the keys and values that none of them may attend."""
    T = example.inputs["query"].shape[1]
    rows = np.arange(T) < max(1, (T + 1) // 2) if example.causal else np.ones(T, dtype=bool)
    hidden = ~(visible(example) & rows[:, None]).any(axis=1)  # (B, S)
    query, *keys_and_values = example.inputs
    largest = (
        np.abs(array.astype(float)).max(initial=1.0) for array in (example.inputs[query], *example.weights.values())
    )
    factor = max(1, example.inputs[query].shape[-1]) * math.prod(largest)
    inputs = dict(example.inputs)
    for name, reach in zip(keys_and_values, (factor, 1.0)):
        inputs[name] = other_contents(inputs[name], hidden, reach)
    return example.without_rows(~np.broadcast_to(rows, example.judged.shape))._replace(inputs=inputs)


def other_contents(array, hidden, factor, own_factor=1.0):
    """The array with very large numbers at hidden positions.

    None overflows times the factor, by which it reaches a score of what is visible, and none squared and times the
    square of the other, by which it reaches one of what is hidden too.
    """
    largest = float(ml_dtypes.finfo(strategies.numpy_dtype(computed_dtype(array.dtype.name))).max) / 16
    rng = np.random.default_rng(array.shape[1])  # for every item the same, also when some are left out
    contents = rng.choice((-1.0, -0.5, 0.5, 1.0), size=array.shape[1:]) * min(
        largest / factor, largest**0.5 / own_factor
    )
    return np.where(hidden[..., None], contents.astype(array.dtype), array)


def permute(example, rng):
    """The items in another order, and unless a causal mask says which is which, the keys."""
    B, S, _ = example.inputs["value"].shape
    items = rng.permutation(B)
    keys = np.arange(S) if example.causal else rng.permutation(S)
    other = example.taken(items)
    inputs = {name: array if name == "query" else array[:, keys] for name, array in other.inputs.items()}
    masks = dict(other.masks)
    for name in ("key_mask", "value_mask"):
        masks[name] = None if masks[name] is None else masks[name][:, keys]

    def permuted(name, array):
        return array[items] if name == "output" else array[items][:, :, keys]

    return other._replace(inputs=inputs, masks=masks), permuted


def identity(example):
    """Queries and keys of moderate scores, the values two identity matrices: the output is the weights, twice."""
    rng = np.random.default_rng(example.d_output.size)
    B, T, S = 4, 16, 16
    value = np.broadcast_to(np.eye(S, 2 * S) + np.eye(S, 2 * S, S), (B, S, 2 * S))
    if "key" in example.inputs:
        arrays = (*rng.normal(size=(2, B, T, 4)) / 2, value)
    else:
        arrays = (rng.normal(size=(B, T, 2 * S)) / 2, value)
    arrays = (*arrays, rng.integers(-2, 3, (B, T, 2 * S)))
    *inputs, d_output = (array.astype(strategies.numpy_dtype(example.dtype)) for array in arrays)
    masks = dict(zip(example.masks, (some_hidden(rng, B, T), *2 * (some_hidden(rng, B, S),))))
    return example._replace(
        inputs=dict(zip(example.inputs, inputs)),
        masks={name: mask if example.masks[name] is not None else None for name, mask in masks.items()},
        d_output=d_output,
        d_weights=None if example.d_weights is None else rng.integers(-2, 3, (B, T, S)).astype(d_output.dtype),
        judged=np.ones((B, T), dtype=bool),
        training=True,
    )


def some_hidden(rng, *shape):
    """A mask of which the first position is shown, so that every query sees something under a causal mask too."""
    return (rng.random(shape) < 0.8) | (np.arange(shape[-1]) == 0)


def through_values(example, weights):
    """The gradient of the values is one of an input."""
    return {"d_value": weights.mT @ track(example.d_output, weights.arithmetic)}


ATTENTION = Kind(
    "attention",
    options=frozenset({"dropout", "seed", "learned_scale", "two_inputs"}),
    draw=draw,
    shared=frozenset({*strategies.OF_THE_LAYER, "d_v"}),
    shared_by_graph=frozenset({*strategies.OF_THE_CALL, *WHICH_MASKS, "key given"}),
    corners=strategies.corners(SMALL, OWN_CORNERS),
    axes=AXES,
    plain=plain,
    expected=expected,
    visible=visible,
    replace_hidden=replace_hidden,
    permute=permute,
    identity=identity,
    through_values=through_values,
)
