"""The kind ``multi_head_attention``: what a layer of several heads, grouped or not, must compute."""

import numpy as np

from parity_tests import strategies
from parity_tests.dot_product import combined_mask, other_contents
from parity_tests.example import Kind
from parity_tests.multi_head_corners import OWN_CORNERS, SMALL
from parity_tests.multi_head_examples import DEPTHS, draw, identity, plain, twice
from parity_tests.multi_head_masks import FORMS
from parity_tests.query_blocks import in_blocks, is_long
from reference import Projections, multi_head_attention, multi_head_attention_backward, window_mask
from reference.heads import merge
from reference.projections import project, project_backward
from reference.rounding import track
from reference.sigmoid import sigmoid, sigmoid_backward


def expected(example, arithmetic, through=lambda forward: forward):
    """The reference's output, weights and gradients, with their bounds; its forward may be taken through another."""
    query, *key, value = (track(array, arithmetic) for array in example.inputs.values())
    projections = Projections(**{name: track(array, arithmetic) for name, array in example.weights.items()})
    mask = np.moveaxis(visible(example), 2, 1)
    options = {"mask": mask, "scale": example.constructor.get("scale")}  # by default that of the depth
    forward, backward = through(multi_head_attention), multi_head_attention_backward
    if is_long(example):
        forward, backward = in_blocks(forward, backward)
    record = forward(query, key[0] if key else value, value, projections, **options)
    d_weights = None if example.d_weights is None else np.moveaxis(track(example.d_weights, arithmetic), 1, 2)
    gradients = backward(track(example.d_output, arithmetic), record, d_weights)
    of_inputs = {f"d_{name}": getattr(gradients, f"d_{name}") for name in example.inputs}
    if not key:
        of_inputs["d_value"] = gradients.d_key + gradients.d_value
    if example.manner.get("same_tensor"):
        of_inputs["d_query"] = of_inputs["d_query"] + of_inputs["d_value"]
        of_inputs["d_value"] = 0.0 * of_inputs["d_value"]  # an array that the layer is not given
    return {
        "scores": by_query(record.attention.scores, example),
        "output": record.output,
        "weights": None if record.weights is None else np.moveaxis(record.weights, 1, 2),
        **of_inputs,
        **{f"d_{name}": getattr(gradients.d_projections, name) for name in example.weights},
    }


def by_query(array, example):
    """From (B, H_kv, G, T, S) to (B, T, H, S)."""
    B, T, _ = example.inputs["query"].shape  # the array's own would have its numbers computed
    S = example.inputs["value"].shape[1]
    return np.moveaxis(array.reshape(B, example.constructor["num_heads"], T, S), 1, 2)


def visible(example):
    """Which keys each query may attend, (B, T, H, S), or with 1 for H: a hidden query attends none."""
    B, T, _ = example.inputs["query"].shape
    S = example.inputs["value"].shape[1]
    query_mask, key_mask, value_mask, attention_mask = example.masks.values()
    shown = combined_mask(B, T, S, key_mask, example.causal)
    if value_mask is not None:
        shown = shown & value_mask[:, None, :]
    if query_mask is not None:
        shown = shown & query_mask[:, :, None]
    window = example.constructor.get("sliding_window")
    if window is not None:
        shown = shown & window_mask(T, S, window - 1, window - 1)
    shown = shown[:, :, None]
    return shown if attention_mask is None else shown & np.moveaxis(attention_mask, 1, 2)


def replace_hidden(example):
    """Judge the first half of the rows, and replace the keys and values that none of them may attend."""
    B, T, _ = example.inputs["query"].shape
    rows = np.arange(T) < max(1, (T + 1) // 2)
    hidden = ~(visible(example) & rows[:, None, None]).any(axis=(1, 2))  # (B, S)
    reach = max(np.abs(W.astype(float)).sum(axis=0).max(initial=1.0) for W in example.weights.values())
    largest = np.abs(example.inputs["query"].astype(float)).max(initial=1.0) + 1
    key_dim = example.constructor["key_dim"]
    factor, own_factor = 2 * (reach + 1) ** 2 * largest * key_dim, 1.0
    names = [name for name in example.inputs if name != "query"]
    if example.manner.get("same_tensor"):
        names, hidden, own_factor = list(example.inputs), hidden & ~rows, (reach + 1) * key_dim**0.5
    others = {name: other_contents(example.inputs[name], hidden, factor, own_factor) for name in names}
    rows = np.broadcast_to(rows, (B, T))
    return example.without_rows(~rows)._replace(inputs={**example.inputs, **others})


def permute(example, rng):
    """The items in another order, and unless it matters which is which, the keys."""
    B, S, _ = example.inputs["value"].shape
    items = rng.permutation(B)
    in_order = example.causal or example.constructor.get("sliding_window") is not None
    in_order = in_order or example.manner.get("same_tensor")  # of which the queries would be others too
    keys = np.arange(S) if in_order else rng.permutation(S)
    other = example.taken(items)
    inputs = {name: array if name == "query" else array[:, keys] for name, array in other.inputs.items()}
    masks = {
        name: mask if mask is None or name == "query_mask" else mask[..., keys] for name, mask in other.masks.items()
    }

    def permuted(name, array):
        return array[items] if name == "output" else array[items][..., keys]

    return other._replace(inputs=inputs, masks=masks), permuted


def through_values(example, kept):
    """The gradients of the weights that were kept, and through these of the values, the gate, and the projections."""
    B, T, H, S = kept.shape
    arrays = {"d_output": example.d_output, **example.inputs, **example.weights, "twice": twice(S)}
    known = {name: track(array, kept.arithmetic) for name, array in arrays.items()}
    query, value, W_v, W_o, W_g, b_v, b_o, b_g = map(
        known.get, ("query", "value", "W_v", "W_o", "W_g", "b_v", "b_o", "b_g")
    )
    found = (kept @ known["twice"]).reshape(B, T, H * 2 * S)
    gate = None if W_g is None else sigmoid(project(query, W_g, b_g))
    d_gated, d_W_o, d_b_o = project_backward(known["d_output"], found if gate is None else found * gate, W_o, b_o, 2)
    gradients = {"d_W_o": d_W_o, "d_b_o": d_b_o}
    if gate is not None:
        of_gate = project_backward(sigmoid_backward(d_gated * found, gate), query, W_g, b_g)
        gradients |= zip(("d_query", "d_W_g", "d_b_g"), of_gate)
    d_found = d_gated if gate is None else d_gated * gate
    by_head = np.moveaxis(d_found.reshape(B, T, H, 2 * S), 1, 2)  # (B, H, T, 2 * S)
    gradients["d_weights"] = np.moveaxis(by_head @ known["twice"].mT, 1, 2)
    H_kv = W_v.shape[1]
    d_heads = (np.moveaxis(kept, 1, 2).mT @ by_head).reshape(B, H_kv, H // H_kv, S, 2 * S)
    d_projected = merge(np.sum(d_heads, axis=2, keepdims=True))  # (B, S, H_kv * 2 * S)
    gradients |= zip(("d_value", "d_W_v", "d_b_v"), project_backward(d_projected, value, W_v, b_v))
    return {name: gradient for name, gradient in gradients.items() if gradient is not None}


OF_THE_CONSTRUCTOR = (
    "H",
    "groups",
    "use_gate",
    "sliding_window",
    "window of axis 1",
    "attention_axes",
    "flash_attention",
    "key given",
    "same tensor",
    "output axes",
)
MULTI_HEAD_ATTENTION = Kind(
    "multi_head_attention",
    options=frozenset(
        {
            "value_dim",
            "output_shape",
            "use_bias",
            "use_gate",
            "sliding_window",
            "groups",
            "two_inputs",
            "attention_axes",
            "dropout",
            "seed",
            "flash_attention",
            "mask_axes",
            "masks_with_inputs",
            "same_tensor",
            "query_mask_argument",
        }
    ),
    draw=draw,
    shared=frozenset({*strategies.OF_THE_LAYER, *DEPTHS, *OF_THE_CONSTRUCTOR}),
    shared_by_graph=frozenset({*strategies.OF_THE_CALL, *FORMS}),
    corners=strategies.corners(SMALL, OWN_CORNERS),
    axes={
        "query": ("B", "T", "d_query"),
        "key": ("B", "S", "d_key"),
        "value": ("B", "S", "d_value"),
        "query_mask": ("B", "T"),
        "key_mask": ("B", "S"),
        "value_mask": ("B", "S"),
        "attention_mask": ("B", "H", "T", "S"),
        "output": ("B", "T", "d_output"),
        "weights": ("B", "T", "H", "S"),
    },
    plain=plain,
    expected=expected,
    visible=visible,
    replace_hidden=replace_hidden,
    permute=permute,
    identity=identity,
    through_values=through_values,
)
