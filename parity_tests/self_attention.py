"""The kind ``self_attention``: what a layer of one sequence must compute."""

import numpy as np

from parity_tests import strategies
from parity_tests.dot_product import combined_mask, other_contents, scale, shown_queries, some_hidden
from parity_tests.example import Example, Kind
from parity_tests.query_blocks import in_blocks, is_long
from reference import (
    dot_product_attention,
    dot_product_attention_backward,
    linear,
    linear_backward,
    self_attention,
    self_attention_backward,
)
from reference.rounding import track

WEIGHTS = ("W_q", "W_k", "W_v")
BIASES = ("b_q", "b_k", "b_v")
SMALL = {"lengths": "free", "depths": "free", "B": 2, "T": 5, "d": 3, "d_k": 2, "dtype": "float32", "units given": True}
OWN_CORNERS = {
    "depth 1": {"d": 1, "d_k": 1, "scaled": True},
    "one position": {"B": 8, "T": 1, "mask given": True},
    "one item": {"B": 1, "T": 4, "d_k": 4, "d": 4},
    "units as the input": {"units given": False, "scaled": True},
    "inputs of thousands": {"x": "huge", "W": "tiny"},
    "scores that overflow float16": {"dtype": "float16", "x": "large", "W": "integers", "causal": False},
    "positions beyond 127, causal": {"B": 1, "T": 130, "d": 2, "mask given": False, "causal": True},
    "130 positions": {"B": 1, "T": 130, "x": "moderate", "causal": False},
    "130 positions in float16": {"B": 1, "T": 130, "d": 2, "dtype": "float16", "x": "moderate"},
    "depth 64": {"d": 40, "d_k": 64, "scaled": True},
    "depths past 128": {"d": 130, "d_k": 131},
    "257 positions": {"B": 1, "T": 257, "d": 2},
    "17 items": {"B": 17, "mask given": True},
    "mask of many positions": {"T": 40, "mask given": True},
    "scores that overflow float32": {"x": "large", "W": "ordinary", "causal": False},
    "scores of about 50": {"x": "steep", "W": "integers", "causal": False},
    "scores of thousands": {"x": "wide", "W": "integers", "causal": False},
    "causal with a mask": {"mask given": True, "causal": True},
    "causal without a mask, traced": {"mask given": False, "causal": True, "traced": True},
    "causal with a mask, traced": {"mask given": True, "causal": True, "traced": True},
    "biases": {"use_bias": True, "W": "moderate", "x": "moderate", "scaled": True},
    "weights dropped with a mask": {**strategies.DROPPED, "mask given": True},
}


def draw(choice, rng, options):
    """Any example of the kind."""
    constructor, fields = strategies.way_of_calling(choice, options)
    depths = strategies.depths(choice, ("d", "d_k"))
    B, T = strategies.lengths(choice, ("B", "T"), depths).values()
    units_given = choice("units given", (False, True))
    d, units = depths["d"], depths["d_k"] if units_given else depths["d"]
    dtype = fields["dtype"]
    of_x = choice("x", strategies.KINDS_OF_VALUES)
    of_weights = choice("W", ("integers", "moderate", "moderate", "drawn"))
    wide = max(1, strategies.largest_exact(dtype, units) // (2 * d + 2))  # as weights and biases reach 2
    weights = {name: strategies.arrays(choice, (d, units), dtype, rng, of_weights) for name in WEIGHTS}
    if constructor.get("use_bias"):
        weights |= {name: strategies.arrays(choice, (units,), dtype, rng, of_weights) for name in BIASES}
    return Example(
        constructor={"units": units if units_given else None, **constructor},
        inputs={"x": strategies.arrays(choice, (B, T, d), dtype, rng, of_x, wide)},
        weights=weights,
        masks={"mask": strategies.position_masks(choice, "mask", B, T, rng)},
        d_output=strategies.cotangents(choice, (B, T, units), dtype, rng),
        d_weights=strategies.cotangents(choice, (B, T, T), dtype, rng)
        if choice("d_weights", (False, True, True))
        else None,
        judged=np.ones((B, T), dtype=bool),
        **fields,
    )


def plain(options=frozenset(), used=False):
    """A small example without mask, its constructor's options all used or all left at rest."""
    biases = BIASES if used and "use_bias" in options else ()
    return Example(
        constructor={"units": None, "scaled": False, **strategies.plain_options(options, used)},
        dtype="float32",
        inputs={"x": np.ones((1, 2, 3), "float32")},
        weights={
            **{name: np.ones((3, 3), "float32") for name in WEIGHTS},
            **{name: np.ones(3, "float32") for name in biases},
        },
        masks={"mask": None},
        causal=False,
        d_output=np.ones((1, 2, 3), "float32"),
        d_weights=np.ones((1, 2, 2), "float32"),
        judged=np.ones((1, 2), dtype=bool),
    )


def expected(example, arithmetic):
    """The reference's output, weights and gradients, with their bounds."""
    if is_long(example):
        return _expected_in_blocks(example, arithmetic)
    arguments = {name: track(array, arithmetic) for name, array in {**example.inputs, **example.weights}.items()}
    units = example.weights["W_q"].shape[1]
    record = self_attention(**arguments, scale=scale(example.constructor, units), mask=visible(example))
    output, d_output = shown_queries(example.masks["mask"], record.output, example.d_output)
    d_weights = None if example.d_weights is None else track(example.d_weights, arithmetic)
    gradients = self_attention_backward(track(d_output, arithmetic), record, d_weights)
    return {
        "scores": record.attention.scores,
        "output": output,
        "weights": record.weights,
        **{f"d_{name}": getattr(gradients, f"d_{name}") for name in (*example.inputs, *example.weights)},
    }


def _expected_in_blocks(example, arithmetic):
    """The same of a long example: three projections, and between them and back attention in blocks of queries."""
    x, *weights = (track(array, arithmetic) for array in (example.inputs["x"], *example.weights.values()))
    weights = dict(zip(example.weights, weights))
    projected = (linear(x, weights[f"W_{letter}"], weights.get(f"b_{letter}")) for letter in "qkv")
    forward, backward = in_blocks(dot_product_attention, dot_product_attention_backward)
    units = example.weights["W_q"].shape[1]
    record = forward(*projected, mask=visible(example), scale=scale(example.constructor, units))
    output, d_output = shown_queries(example.masks["mask"], record.output, example.d_output)
    gradients = backward(track(d_output, arithmetic), record)
    found = {"scores": record.scores, "output": output, "weights": None, "d_x": 0.0}
    for letter, d_projected in zip("qkv", (gradients.d_query, gradients.d_key, gradients.d_value)):
        d_b, d_W, d_x = linear_backward(d_projected, x, weights[f"W_{letter}"])
        found |= {f"d_W_{letter}": d_W, f"d_b_{letter}": d_b, "d_x": found["d_x"] + d_x}
    return found


def visible(example):
    """Which keys each query may attend, (B, T, T)."""
    B, T, _ = example.inputs["x"].shape
    return combined_mask(B, T, T, example.masks["mask"], example.causal)


def replace_hidden(example):
    """Judge the rows of positions that are shown (if causal, in the first half), and replace what none of them sees."""
    B, T, _ = example.inputs["x"].shape
    rows = np.ones((B, T), dtype=bool) if example.masks["mask"] is None else example.masks["mask"]
    if example.causal:
        rows = rows & (np.arange(T) < max(1, (T + 1) // 2))
    hidden = ~(visible(example) & rows[..., None]).any(axis=1) & ~rows  # (B, T)
    reach = max(np.abs(W.astype(float)).sum(axis=0).max(initial=1.0) for W in example.weights.values())
    largest = np.abs(example.inputs["x"].astype(float)).max(initial=1.0) + 1
    units = example.weights["W_q"].shape[1]
    factor = 2 * (reach + 1) ** 2 * largest * units  # a score of a hidden position is at most this times its contents
    x = other_contents(example.inputs["x"], hidden, factor, own_factor=(reach + 1) * units**0.5)
    return example.without_rows(~rows)._replace(inputs={"x": x})


def permute(example, rng):
    """The items in another order, and unless a causal mask says which is which, the positions."""
    B, T, _ = example.inputs["x"].shape
    items = rng.permutation(B)
    positions = np.arange(T) if example.causal else rng.permutation(T)
    other = example.taken(items)
    inputs = {name: array[:, positions] for name, array in other.inputs.items()}
    masks = {name: mask if mask is None else mask[:, positions] for name, mask in other.masks.items()}

    def permuted(name, array):
        rows = array[items][:, positions]
        return rows if name == "output" else rows[:, :, positions]

    return other._replace(inputs=inputs, masks=masks, judged=other.judged[:, positions]), permuted


def identity(example):
    """Positions that are told apart by the first entries of x, of which alone the values are made, twice."""
    rng = np.random.default_rng(example.d_output.size)
    B, T = 4, 16
    units = 2 * T
    d = units if example.constructor["units"] is None else units + 4
    x = np.concatenate([np.broadcast_to(np.eye(T), (B, T, T)), rng.normal(size=(B, T, d - T)) / 2], axis=-1)
    W_v = np.concatenate([np.eye(T, units) + np.eye(T, units, T), np.zeros((d - T, units))])
    arrays = [x, *rng.normal(size=(2, d, units)) / 4, W_v, rng.integers(-2, 3, (B, T, units))]
    x, *weights, d_output = (array.astype(strategies.numpy_dtype(example.dtype)) for array in arrays)
    weights = dict(zip(WEIGHTS, weights))
    if example.constructor.get("use_bias"):
        weights |= dict.fromkeys(BIASES, np.zeros(units, d_output.dtype))
    return example._replace(
        constructor={**example.constructor, "units": None if d == units else units},
        inputs={"x": x},
        weights=weights,
        masks={"mask": None if example.masks["mask"] is None else some_hidden(rng, B, T)},
        d_output=d_output,
        d_weights=None if example.d_weights is None else rng.integers(-2, 3, (B, T, T)).astype(d_output.dtype),
        judged=np.ones((B, T), dtype=bool),
        training=True,
    )


def through_values(example, weights):
    """The gradient of the values is one of their projection."""
    arrays = (example.d_output, example.inputs["x"], example.weights["W_v"])
    d_output, x, W_v = (track(array, weights.arithmetic) for array in arrays)
    d_b_v, d_W_v, d_x = linear_backward(weights.mT @ d_output, x, W_v)
    return {"d_x": d_x, "d_W_v": d_W_v, "d_b_v": d_b_v}


SELF_ATTENTION = Kind(
    "self_attention",
    options=frozenset({"dropout", "use_bias", "seed"}),
    draw=draw,
    shared=frozenset({*strategies.OF_THE_LAYER, "d", "units given"}),
    shared_by_graph=frozenset({*strategies.OF_THE_CALL, "mask given"}),
    corners=strategies.corners(SMALL, OWN_CORNERS),
    axes={"x": ("B", "T", "d"), "mask": ("B", "T"), "output": ("B", "T", "d_k"), "weights": ("B", "T", "S")},
    plain=plain,
    expected=expected,
    visible=visible,
    replace_hidden=replace_hidden,
    permute=permute,
    identity=identity,
    through_values=through_values,
)
