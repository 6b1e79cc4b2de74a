"""The kind ``attention_of_heads``: what a function of queries, keys and values that have heads already must compute.

Query and output are (B, T, H, d_k), keys and values (B, S, K, d_k), where H is a multiple of K.
"""

import numpy as np

from parity_tests import strategies
from parity_tests.dot_product import other_contents
from parity_tests.example import Example, Kind
from reference import causal_mask, dot_product_attention, dot_product_attention_backward
from reference.heads import grouped, merge, split
from reference.rounding import track

NO_MASK = {"mask given": False, "bias given": False}
SMALL = {"lengths": "free", "dtype": "float32", "B": 2, "T": 5, "S": 7, "d_k": 3, "depths": "free"}
OWN_CORNERS = {
    "float64": {"dtype": "float64", "H": 4, "groups": 2},
    "one head": {"H": 1},
    "three heads of one key": {"H": 3, "groups": 3},
    "a scale of its own": {"H": 2, "scale": 0.3},
    "a scale of 0": {"H": 2, "scale": 0.0},
    "a negative scale": {"H": 2, "scale": -0.75},
    "depth 1": {"d_k": 1},
    "one key": {"S": 1},
    "one query": {"T": 1},
    "no keys": {"S": 0},
    "depth 64": {"d_k": 64},
    "130 queries and keys, causal": {**NO_MASK, "B": 1, "T": 130, "S": 130, "causal": True},
    "130 queries and keys": {"B": 1, "T": 130, "S": 130, "scores": "moderate", "causal": False},
    "a mask and a bias, traced": {"mask given": True, "bias given": True, "traced": True},
    "a mask of keys alone": {"mask given": True, "mask axes": (False, False, False, True)},
    "a mask of two axes": {"mask given": True, "mask axes": (False, False, True, True), "fewer mask axes": True},
    "a bias of heads alone": {"bias given": True, "bias axes": (False, True, False, False), "H": 3},
    "scores of about 50": {**NO_MASK, "scores": "steep", "values": "ordinary", "causal": False},
    "scores of thousands": {**NO_MASK, "scores": "wide", "values": "ordinary", "causal": False},
}
OF_MASK_AND_BIAS = ("mask given", "mask axes", "fewer mask axes", "bias given", "bias axes", "fewer bias axes")
WHOLE = (True,) * 4  # a mask or bias with all axes
AXES = (
    (False, True, True, True),
    (True, False, True, True),
    (False, False, True, True),
    (True, False, False, True),
    (False, False, False, True),
    (False, True, False, False),
)


def draw(choice, rng, options):
    """Any example of the kind."""
    _, fields = strategies.way_of_calling(choice, options, scaled=False)
    depths = strategies.depths(choice, ("d_k",))
    (B, T, S), d_k, dtype = strategies.lengths(choice, ("B", "T", "S"), depths).values(), depths["d_k"], fields["dtype"]
    H, K = _heads(choice)
    inputs = _inputs(choice, rng, dtype, (B, T, H, d_k), (B, S, K, d_k))
    inputs |= _bias(choice, rng, dtype, B, H, T, S)
    mask = rng.random(_shape(choice, "mask", B, H, T, S)) < 0.7 if choice("mask given", (False, True)) else None
    given = {"mask": mask, "bias": inputs.get("bias")}
    return Example(
        constructor={"scale": choice("scale", (None, None, 1.0, 0.5, 0.3, 0.0, -0.75))},
        inputs=inputs,
        weights={},
        masks={"mask": mask},
        d_output=strategies.cotangents(choice, (B, T, H, d_k), dtype, rng),
        d_weights=None,
        judged=np.ones((B, T, H), dtype=bool),
        manner=dict(_lacking(choice, given)),
        **fields,
    )


def _heads(choice):
    """How many heads queries have, and how many keys and values have."""
    H = choice("H", (2, 1, 3, 4))
    groups = choice("groups", tuple(n for n in (1, 2, 3, 4) if H % n == 0))
    return H, H // groups if H % groups == 0 else H


def _inputs(choice, rng, dtype, of_queries, of_keys):
    """Query, key and value, of these shapes."""
    of_scores, of_values = (choice(name, strategies.KINDS_OF_VALUES) for name in ("scores", "values"))
    wide = strategies.largest_exact(dtype, of_queries[-1])
    kinds = {"query": (of_queries, of_scores), "key": (of_keys, of_scores), "value": (of_keys, of_values)}
    return {name: strategies.arrays(choice, shape, dtype, rng, kind, wide) for name, (shape, kind) in kinds.items()}


def _bias(choice, rng, dtype, *sizes):
    """The bias by its name, if there is one."""
    if not choice("bias given", (False, True)):
        return {}
    kind = choice("bias", ("integers", "ordinary"))
    return {"bias": strategies.arrays(choice, _shape(choice, "bias", *sizes), dtype, rng, kind)}


def _lacking(choice, given):
    """How many of its first axes a mask or bias lacks where a layer is handed it, of those that it has 1 of for all."""
    for name, array in given.items():
        axes = () if array is None else choice.made[f"{name} axes"]
        lacks = (*axes, True).index(True)
        if lacks and choice(f"fewer {name} axes", (False, True)):
            yield f"{name}_lacks", lacks


def _shape(choice, name, *sizes):
    """The shape of a mask or bias, which may have a size of 1 along any axis."""
    axes = choice(f"{name} axes", (WHOLE, WHOLE, *AXES))
    return tuple(size if has else 1 for has, size in zip(axes, sizes))


def plain(options=frozenset(), used=False):
    """A small example without mask."""
    return Example(
        constructor={"scale": None},
        dtype="float32",
        inputs={name: np.ones((1, 2, 2, 3), "float32") for name in ("query", "key", "value")},
        weights={},
        masks={"mask": None},
        causal=False,
        d_output=np.ones((1, 2, 2, 3), "float32"),
        d_weights=None,
        judged=np.ones((1, 2, 2), dtype=bool),
    )


def expected(example, arithmetic, through=lambda forward: forward):
    """The reference's output and gradients, with their bounds; its forward may be taken through another."""
    inputs = {name: track(array, arithmetic) for name, array in example.inputs.items()}
    (B, T, H, d_k), (_, S, K, _) = inputs["query"].shape, inputs["key"].shape
    query = split(inputs["query"].reshape(B, T, H * d_k), K, H // K)
    key, value = (split(inputs[name].reshape(B, S, K * d_k), K, 1) for name in ("key", "value"))
    bias = inputs.get("bias")
    mask = np.moveaxis(visible(example), 1, 2).reshape(B, K, H // K, T, S)
    options = {"scale": scale(example), "bias": grouped(bias, K, H // K), "mask": mask}
    record = through(dot_product_attention)(query, key, value, **options)
    d_output = split(track(example.d_output, arithmetic).reshape(B, T, H * d_k), K, H // K)
    gradients = dot_product_attention_backward(d_output, record)
    found = {
        "scores": np.moveaxis(record.scores.reshape(B, H, T, S), 1, 2),
        "output": merge(record.output).reshape(B, T, H, d_k),
        "d_query": merge(gradients.d_query).reshape(B, T, H, d_k),
        "d_key": merge(gradients.d_key).reshape(B, S, K, d_k),
        "d_value": merge(gradients.d_value).reshape(B, S, K, d_k),
    }
    return found if bias is None else {**found, "d_bias": gradients.d_bias.reshape(*bias.shape)}


def scale(example):
    """The scale, as precise as it can be had: a layer may compute it in any way."""
    given = example.constructor["scale"]
    return np.longdouble(example.inputs["query"].shape[-1]) ** -0.5 if given is None else np.longdouble(given)


def visible(example):
    """Which keys each query of each head may attend, (B, T, H, S)."""
    B, T, H, _ = example.inputs["query"].shape
    S = example.inputs["key"].shape[1]
    shown = np.ones((B, H, T, S), dtype=bool)
    if example.masks["mask"] is not None:
        shown = shown & example.masks["mask"]
    return np.moveaxis(shown & causal_mask(T, S) if example.causal else shown, 1, 2)


def replace_hidden(example):
    """Judge the first half of the rows, and replace the keys and values that none of them may attend."""
    query, key = example.inputs["query"], example.inputs["key"]
    (B, T, H, d_k), (_, S, K, _) = query.shape, key.shape
    rows = (np.arange(T) < max(1, (T + 1) // 2))[None, :, None]
    hidden = ~(visible(example) & rows[..., None]).reshape(B, T, K, H // K, S).any(axis=(1, 3))  # (B, K, S)
    factor = d_k * np.abs(query.astype(float)).max(initial=1.0) * max(1.0, abs(float(scale(example))))
    reach = {"key": factor, "value": 1.0}
    inputs = {
        name: other_contents(array, np.moveaxis(hidden, 1, 2), reach[name]) if name in reach else array
        for name, array in example.inputs.items()
    }
    return example.without_rows(~np.broadcast_to(rows, example.judged.shape))._replace(inputs=inputs)


def permute(example, rng):
    """The items in another order, and unless a causal mask says which is which, the keys."""
    B, S, _, _ = example.inputs["key"].shape
    items = rng.permutation(B)
    keys = np.arange(S) if example.causal else rng.permutation(S)
    other = example.taken(items)

    def by_keys(array):
        return array if array is None or array.shape[-1] != S else array[..., keys]

    inputs = {name: array[:, keys] if name in ("key", "value") else array for name, array in other.inputs.items()}
    if "bias" in inputs:
        inputs["bias"] = by_keys(inputs["bias"])
    masks = {"mask": by_keys(other.masks["mask"])}
    return other._replace(inputs=inputs, masks=masks), lambda name, array: array[items]


ATTENTION_OF_HEADS = Kind(
    "attention_of_heads",
    options=frozenset(),
    draw=draw,
    shared=frozenset({*strategies.OF_THE_LAYER, "H", "groups", "scale"}),
    shared_by_graph=frozenset({*strategies.OF_THE_CALL, *OF_MASK_AND_BIAS}),
    corners=strategies.corners(SMALL, OWN_CORNERS),
    axes={
        "query": ("B", "T", "H", "d_k"),
        "key": ("B", "S", "K", "d_k"),
        "value": ("B", "S", "K", "d_k"),
        "bias": ("B", "H", "T", "S"),
        "mask": ("B", "H", "T", "S"),
        "output": ("B", "T", "H", "d_k"),
    },
    plain=plain,
    expected=expected,
    visible=visible,
    replace_hidden=replace_hidden,
    permute=permute,
    results=("output",),
)
