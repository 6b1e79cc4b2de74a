"""The kind ``multi_head_attention``: what a layer of several heads, grouped or not, must compute."""

import numpy as np

from parity_tests import strategies
from parity_tests.dot_product import combined_mask, other_contents
from parity_tests.example import Example, Kind
from reference import Projections, multi_head_attention, multi_head_attention_backward, window_mask
from reference.rounding import track

MASKS = ("query_mask", "key_mask", "value_mask", "attention_mask")
WHICH_MASKS = tuple(f"{name} given" for name in MASKS)
NO_MASKS, ALL_MASKS = (dict.fromkeys(WHICH_MASKS, given) for given in (False, True))
DEPTHS = ("d_k", "d_v", "d_query", "d_key", "d_value", "d_output")
SMALL = {
    "lengths": "free", "depths": "free", "dtype": "float32",
    "B": 2, "T": 5, "S": 7, "d_k": 3, "d_v": 2, "d_query": 4, "d_key": 5, "d_value": 6, "d_output": 3,
}  # fmt: skip
OWN_CORNERS = {
    "one head": {"H": 1},
    "three heads, biases and a gate": {"H": 3, "use_bias": True, "use_gate": True},
    "four heads of two keys": {"H": 4, "groups": 2},
    "four heads of one key": {"H": 4, "groups": 4},
    "depth 1": {"d_k": 1, "d_v": 1},
    "as many heads of depth 1 as positions": {"H": 3, "d_k": 1, "d_v": 1, "T": 3, "S": 3, "use_bias": True},
    "one key": {"S": 1},
    "one query": {"T": 1},
    "no keys": {"S": 0},
    "one item": {"B": 1, "T": 4, "S": 4},
    "depth 64": {"d_k": 64, "d_v": 40},
    "130 queries and keys": {"B": 1, "T": 130, "S": 130, "values": "moderate", "causal": False},
    "130 queries and keys, causal": {**NO_MASKS, "B": 1, "T": 130, "S": 130, "causal": True},
    "17 items": {"B": 17, **ALL_MASKS},
    "masks of many positions": {**ALL_MASKS, "T": 40, "S": 40},
    "scores of about 50": {**NO_MASKS, "values": "steep", "W": "integers", "causal": False},
    "scores of thousands": {**NO_MASKS, "values": "wide", "W": "integers", "causal": False},
    "causal with all masks": {**ALL_MASKS, "causal": True},
    "causal with all masks, traced": {**ALL_MASKS, "causal": True, "traced": True},
    "causal without a mask": {**NO_MASKS, "causal": True, "d_weights": False, "sliding_window": None},
    "causal without a mask, traced": {**NO_MASKS, "causal": True, "traced": True, "sliding_window": None},
    "a window": {**NO_MASKS, "sliding_window": 2, "T": 8, "S": 8},
    "a causal window": {**NO_MASKS, "sliding_window": 2, "T": 8, "S": 8, "causal": True},
}
UNLESS_GIVEN = {"value_dim": ("d_v", "d_k"), "output_shape": ("d_output", "d_query")}  # the depth that is taken then


def draw(choice, rng, options):
    """Any example of the kind."""
    constructor, fields = strategies.way_of_calling(choice, options, scaled=False)
    constructor |= _made(choice, options)
    depths = strategies.depths(choice, DEPTHS)
    depths |= {name: depths[other] for option, (name, other) in UNLESS_GIVEN.items() if option not in options}
    lengths = strategies.lengths(choice, ("B", "T", "S"), depths)
    (B, T, S), dtype = lengths.values(), fields["dtype"]
    two = "two_inputs" in options and not choice("key given", (True, True, False))
    if two:
        depths["d_key"] = depths["d_value"]
    largest = max(depths["d_query"], depths["d_key"])
    wide = max(1, strategies.largest_exact(dtype, depths["d_k"]) // (2 * largest + 2))  # as weights reach 2
    of_inputs = choice("values", strategies.KINDS_OF_VALUES)
    shapes = {"query": (B, T, depths["d_query"]), "key": (B, S, depths["d_key"]), "value": (B, S, depths["d_value"])}
    inputs = {name: strategies.arrays(choice, shape, dtype, rng, of_inputs, wide) for name, shape in shapes.items()}
    masks = _masks(choice, B, T, S, rng)
    if two:
        del inputs["key"]
        masks["key_mask"] = None
    H, cotangent = constructor["num_heads"], strategies.cotangents
    return Example(
        constructor=constructor | _depths_given(depths, options),
        inputs=inputs,
        weights=weights(choice, rng, constructor, depths, dtype),
        masks=masks,
        d_output=cotangent(choice, (B, T, depths["d_output"]), dtype, rng),
        d_weights=cotangent(choice, (B, T, H, S), dtype, rng) if choice("d_weights", (False, True, True)) else None,
        judged=np.ones((B, T), dtype=bool),
        **fields,
    )


def _made(choice, options):
    """How many heads there are, and what else the constructor takes that is no depth."""
    made = {"num_heads": choice("H", (2, 1, 3, 4))}
    if "groups" in options:
        divisors = tuple(n for n in (1, 2, 3, 4) if made["num_heads"] % n == 0)
        groups = choice("groups", divisors)
        made["groups"] = groups if made["num_heads"] % groups == 0 else 1
    for name, among in (("use_gate", (False, True)), ("sliding_window", (None, None, 1, 2, 3))):
        if name in options:
            made[name] = choice(name, among)
    return made


def _depths_given(depths, options):
    return {
        "key_dim": depths["d_k"],
        **{one: depths[name] for one, (name, _) in UNLESS_GIVEN.items() if one in options},
    }


def weights(choice, rng, constructor, depths, dtype):
    """Kernels and biases by name, in the order in which Keras keeps them."""
    H = constructor["num_heads"]
    heads, depth = {"q": H, "k": H // constructor.get("groups", 1), "g": H}, depths["d_k"]
    heads["v"] = heads["k"]
    shapes = {}
    for letter, of, own in (("q", "d_query", depth), ("k", "d_key", depth), ("g", "d_query", depths["d_v"]),
                            ("v", "d_value", depths["d_v"])):  # fmt: skip
        if letter != "g" or constructor.get("use_gate"):
            shapes |= {f"W_{letter}": (depths[of], heads[letter], own), f"b_{letter}": (heads[letter], own)}
    shapes |= {"W_o": (H, depths["d_v"], depths["d_output"]), "b_o": (depths["d_output"],)}
    kind = choice("W", ("integers", "moderate", "moderate", "drawn"))
    return {
        name: strategies.arrays(choice, shape, dtype, rng, kind)
        for name, shape in shapes.items()
        if name.startswith("W") or constructor.get("use_bias")
    }


def _masks(choice, B, T, S, rng):
    masks = {
        name: strategies.position_masks(choice, name, B, size, rng)
        for name, size in (("query_mask", T), ("key_mask", S), ("value_mask", S))
    }
    given = choice("attention_mask given", (False, True))
    return {**masks, "attention_mask": rng.random((B, T, S)) < 0.7 if given else None}


def plain(options=frozenset(), used=False):
    """A small example without mask, its constructor's options all used or all left at rest."""
    constructor = {"num_heads": 2, **strategies.plain_options(options, used)}
    constructor |= {name: value for name, value in (("use_gate", used), ("sliding_window", 2 if used else None))
                    if name in options}  # fmt: skip
    if "groups" in options:
        constructor["groups"] = 2 if used else 1
    depths = dict.fromkeys(DEPTHS, 3)
    return Example(
        constructor=constructor | _depths_given(depths, options),
        dtype="float32",
        inputs={name: np.ones((1, 2, 3), "float32") for name in ("query", "key", "value")},
        weights={
            name: np.ones(array.shape, "float32")
            for name, array in weights(_first, np.random.default_rng(0), constructor, depths, "float32").items()
        },
        masks=dict.fromkeys(MASKS),
        causal=False,
        d_output=np.ones((1, 2, 3), "float32"),
        d_weights=np.ones((1, 2, 2, 2), "float32"),
        judged=np.ones((1, 2), dtype=bool),
    )


def _first(name, among):
    return among[0]


def expected(example, arithmetic):
    """The reference's output, weights and gradients, with their bounds."""
    query, *key, value = (track(array, arithmetic) for array in example.inputs.values())
    projections = Projections(**{name: track(array, arithmetic) for name, array in example.weights.items()})
    mask = visible(example)[:, None]
    record = multi_head_attention(query, key[0] if key else value, value, projections, mask=mask)
    d_weights = None if example.d_weights is None else np.moveaxis(track(example.d_weights, arithmetic), 1, 2)
    gradients = multi_head_attention_backward(track(example.d_output, arithmetic), record, d_weights)
    of_inputs = {f"d_{name}": getattr(gradients, f"d_{name}") for name in example.inputs}
    if not key:
        of_inputs["d_value"] = gradients.d_key + gradients.d_value
    return {
        "scores": by_query(record.attention.scores, example),
        "output": record.output,
        "weights": np.moveaxis(record.weights, 1, 2),
        **of_inputs,
        **{f"d_{name}": getattr(gradients.d_projections, name) for name in example.weights},
    }


def by_query(array, example):
    """From (B, H_kv, G, T, S) to (B, T, H, S)."""
    B, _, _, T, S = array.shape
    return np.moveaxis(array.reshape(B, example.constructor["num_heads"], T, S), 1, 2)


def visible(example):
    """Which keys each query may attend, (B, T, S): a hidden query attends none."""
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
    return shown if attention_mask is None else shown & attention_mask


def replace_hidden(example):
    """Judge the first half of the rows, and replace the keys and values that none of them may attend."""
    T = example.inputs["query"].shape[1]
    rows = np.arange(T) < max(1, (T + 1) // 2)
    hidden = ~(visible(example) & rows[:, None]).any(axis=1)  # (B, S)
    reach = max(np.abs(W.astype(float)).sum(axis=0).max(initial=1.0) for W in example.weights.values())
    largest = np.abs(example.inputs["query"].astype(float)).max(initial=1.0) + 1
    factor = 2 * (reach + 1) ** 2 * largest * example.constructor["key_dim"]
    inputs = {
        name: array if name == "query" else other_contents(array, hidden, factor)
        for name, array in example.inputs.items()
    }
    return example.without_rows(~np.broadcast_to(rows, example.judged.shape))._replace(inputs=inputs)


def permute(example, rng):
    """The items in another order, and unless it matters which is which, the keys."""
    B, S, _ = example.inputs["value"].shape
    items = rng.permutation(B)
    in_order = example.causal or example.constructor.get("sliding_window") is not None
    keys = np.arange(S) if in_order else rng.permutation(S)
    other = example.taken(items)
    inputs = {name: array if name == "query" else array[:, keys] for name, array in other.inputs.items()}
    masks = {
        name: mask if mask is None or name == "query_mask" else mask[..., keys] for name, mask in other.masks.items()
    }

    def permuted(name, array):
        return array[items] if name == "output" else array[items][..., keys]

    return other._replace(inputs=inputs, masks=masks), permuted


MULTI_HEAD_ATTENTION = Kind(
    "multi_head_attention",
    options=frozenset({"value_dim", "output_shape", "use_bias", "use_gate", "sliding_window", "groups", "two_inputs"}),
    draw=draw,
    shared=frozenset({*strategies.OF_THE_LAYER, *DEPTHS, "H", "groups", "use_gate", "sliding_window", "key given"}),
    shared_by_graph=frozenset({*strategies.OF_THE_CALL, *WHICH_MASKS}),
    corners=strategies.corners(SMALL, OWN_CORNERS),
    axes={
        "query": ("B", "T", "d_query"),
        "key": ("B", "S", "d_key"),
        "value": ("B", "S", "d_value"),
        "query_mask": ("B", "T"),
        "key_mask": ("B", "S"),
        "value_mask": ("B", "S"),
        "attention_mask": ("B", "T", "S"),
        "output": ("B", "T", "d_output"),
        "weights": ("B", "T", "H", "S"),
    },
    plain=plain,
    expected=expected,
    visible=visible,
    replace_hidden=replace_hidden,
    permute=permute,
    cost=4,
)
