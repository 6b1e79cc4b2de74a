"""The kind ``attention``: what a layer of query, key and value must compute.

What has to do with query, key and value alone serves other kinds of attention too.
"""

import math

import ml_dtypes
import numpy as np

from parity_tests import strategies
from parity_tests.dot_product_examples import FORMS, OWN_CORNERS, SMALL, draw, plain
from parity_tests.example import Kind
from parity_tests.query_blocks import in_blocks, is_long
from reference import causal_mask, dot_product_attention, dot_product_attention_backward
from reference.rounding import track

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


def expected(example, arithmetic, through=lambda forward: forward):
    """The reference's output, weights and gradients, with their bounds; its forward may be taken through another."""
    weights = {name: track(array, arithmetic) for name, array in example.weights.items()}
    options = {"scale": scale(example.constructor, example.inputs["query"].shape[-1]), **weights}
    return attended(example, arithmetic, through(dot_product_attention), dot_product_attention_backward, **options)


def attended(example, arithmetic, forward, backward, **options):
    """What an attention of query, key and value gives; without keys, the values are the keys too."""
    if is_long(example):
        forward, backward = in_blocks(forward, backward)
    query, *key, value = (track(array, arithmetic) for array in example.inputs.values())
    record = forward(query, key[0] if key else value, value, mask=visible(example), **options)
    output, d_output = shown_queries(example.masks["query_mask"], record.output, example.d_output)
    d_weights = None if example.d_weights is None else track(example.d_weights, arithmetic)
    gradients = backward(track(d_output, arithmetic), record, d_weights)
    named = {f"d_{name}": getattr(gradients, f"d_{name}") for name in (*example.inputs, *options)}
    if not key:
        named["d_value"] = gradients.d_key + gradients.d_value
    if example.manner.get("same_tensor"):
        named["d_query"] = named["d_query"] + named["d_value"]
        named["d_value"] = 0.0 * named["d_value"]  # an array that the layer is not given
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
    if example.manner.get("same_tensor"):
        other = other_contents(inputs["value"], hidden & ~rows, factor, factor**0.5)
        inputs = dict.fromkeys(inputs, other)
    else:
        for name, reach in zip(keys_and_values, (factor, 1.0)):
            inputs[name] = other_contents(inputs[name], hidden, reach)
    return example.without_rows(~np.broadcast_to(rows, example.judged.shape))._replace(inputs=inputs)


def other_contents(array, hidden, factor, own_factor=1.0):
    """The array with very large numbers at hidden positions.

    None overflows times the factor, by which it reaches a score of what is visible, and none squared and times the
    square of the other, by which it reaches one of what is hidden too. Nor does any of float64 in float32, in which
    Keras computes part of it on JAX, and all of it on PyTorch.
    """
    dtype = "float32" if array.dtype == np.float64 else array.dtype.name
    largest = float(ml_dtypes.finfo(strategies.numpy_dtype(dtype)).max) / 16
    rng = np.random.default_rng(array.shape[1])  # for every item the same, also when some are left out
    contents = rng.choice((-1.0, -0.5, 0.5, 1.0), size=array.shape[1:]) * min(
        largest / factor, largest**0.5 / own_factor
    )
    return np.where(hidden[..., None], contents.astype(array.dtype), array)


def permute(example, rng):
    """The items in another order, and unless a causal mask says which is which, the keys."""
    B, S, _ = example.inputs["value"].shape
    items = rng.permutation(B)
    in_order = example.causal or example.manner.get("same_tensor")  # of which the queries would be others too
    keys = np.arange(S) if in_order else rng.permutation(S)
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
        manner={name: way for name, way in example.manner.items() if name != "same_tensor"},
    )


def some_hidden(rng, *shape):
    """A mask of which the first position is shown, so that every query sees something under a causal mask too."""
    return (rng.random(shape) < 0.8) | (np.arange(shape[-1]) == 0)


def through_values(example, weights):
    """The gradient of the values is one of an input."""
    return {"d_value": weights.mT @ track(example.d_output, weights.arithmetic)}


ATTENTION = Kind(
    "attention",
    options=frozenset(
        {"dropout", "seed", "learned_scale", "two_inputs", "masks_with_inputs", "same_tensor", "float32_inputs"}
    ),
    draw=draw,
    shared=frozenset({*strategies.OF_THE_LAYER, "d_v"}),
    shared_by_graph=frozenset({*strategies.OF_THE_CALL, *FORMS}),
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
