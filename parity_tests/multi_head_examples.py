"""Examples of the kind ``multi_head_attention``: how they are drawn."""

from types import MappingProxyType

import numpy as np

from parity_tests import strategies
from parity_tests.dot_product import some_hidden
from parity_tests.example import Example
from parity_tests.folded import halves
from parity_tests.multi_head_masks import MASKS, manner
from parity_tests.multi_head_masks import masks as masks_of

DEPTHS = ("d_k", "d_v", "d_query", "d_key", "d_value", "d_output")
UNLESS_GIVEN = {"value_dim": ("d_v", "d_k"), "output_shape": ("d_output", "d_query")}  # the depth that is taken then


def draw(choice, rng, options):
    """Any example of the kind."""
    constructor, fields = strategies.way_of_calling(choice, options, scaled=False)
    constructor |= _made(choice, options)
    (B, T, S), depths, two, same = _sizes(choice, options)
    H, dtype = constructor["num_heads"], fields["dtype"]
    masks, how = _masks(choice, rng, (B, H, T, S), constructor, options, two, same)
    cotangent = strategies.cotangents
    return Example(
        constructor=constructor | _depths_given(depths, options, how),
        inputs=_inputs(choice, rng, B, T, S, depths, dtype, two, same),
        weights=weights(choice, rng, constructor, depths, dtype),
        masks=masks,
        d_output=cotangent(choice, (B, T, depths["d_output"]), dtype, rng),
        d_weights=cotangent(choice, (B, T, H, S), dtype, rng) if choice("d_weights", (False, True, True)) else None,
        judged=np.ones((B, T), dtype=bool),
        manner=how,
        **fields,
    )


def _sizes(choice, options):
    """Lengths and depths, whether the values are the keys too, and whether these are the queries too."""
    depths = strategies.depths(choice, DEPTHS)
    depths |= {name: depths[other] for option, (name, other) in UNLESS_GIVEN.items() if option not in options}
    lengths = strategies.lengths(choice, ("B", "T", "S"), depths)
    two = "two_inputs" in options and not choice("key given", (True, True, False))
    same = two and "same_tensor" in options and choice("same tensor", (False, True, True))
    if same:
        lengths["S"], depths["d_value"] = lengths["T"], depths["d_query"]
    if two:
        depths["d_key"] = depths["d_value"]
    return lengths.values(), depths, two, same


def _masks(choice, rng, sizes, constructor, options, two, same):
    """The masks, of which there is one for each input, and the manner of the call."""
    masks = masks_of(choice, *sizes, constructor, options, rng)
    how = manner(choice, masks, constructor, options)
    if "output_shape" in options and choice("output axes", (1, 1, 1, 2)) == 2:
        how["output_axes"] = 2
    if two:
        masks["key_mask"] = None
    if same:
        masks["value_mask"], how["same_tensor"] = masks["query_mask"], True
    return masks, how


def _inputs(choice, rng, B, T, S, depths, dtype, two, same):
    """Query, key and value; two of them if the values are the keys too; if they are the queries too, these twice."""
    largest = max(depths["d_query"], depths["d_key"])
    wide = max(1, strategies.largest_exact(dtype, depths["d_k"]) // (2 * largest + 2))  # as weights reach 2
    kind = choice("values", strategies.KINDS_OF_VALUES)
    shapes = {"query": (B, T, depths["d_query"]), "key": (B, S, depths["d_key"]), "value": (B, S, depths["d_value"])}
    inputs = {name: strategies.arrays(choice, shape, dtype, rng, kind, wide) for name, shape in shapes.items()}
    if two:
        del inputs["key"]
    return {**inputs, "value": inputs["query"]} if same else inputs


def _made(choice, options):
    """How many heads there are, and what else the constructor takes that is no depth."""
    made = {"num_heads": choice("H", (2, 1, 3, 4))}
    if "groups" in options:
        divisors = tuple(n for n in (1, 2, 3, 4) if made["num_heads"] % n == 0)
        groups = choice("groups", divisors)
        made["groups"] = groups if made["num_heads"] % groups == 0 else 1
    among = {
        "use_gate": (False, True),
        "sliding_window": (None, None, 1, 2, 3),
        "attention_axes": (None, None, None, None, 1, 2),
        "flash_attention": (None, None, False),
    }
    made |= {name: choice(name, values) for name, values in among.items() if name in options}
    if made.get("attention_axes") == 2 and not choice("window of axis 1", (False, False, False, True)):
        made["sliding_window"] = None  # which is along axis 1, as it says
    return made


def _depths_given(depths, options, manner=MappingProxyType({})):
    """Arguments of the constructor that are depths: that of an output of two axes is told as their sizes."""
    given = {one: depths[name] for one, (name, _) in UNLESS_GIVEN.items() if one in options}
    if "output_axes" in manner:
        given["output_shape"] = halves(depths["d_output"])
    return {"key_dim": depths["d_k"], **given}


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


def plain(options=frozenset(), used=False):
    """A small example without mask, its constructor's options all used or all left at rest."""
    constructor = {"num_heads": 2, **strategies.plain_options(options, used)}
    at_rest = {"use_gate": used, "sliding_window": 2 if used else None, "attention_axes": None, "flash_attention": None}
    constructor |= {name: value for name, value in at_rest.items() if name in options}
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


def twice(S):
    """Two identity matrices side by side, (S, 2 * S)."""
    return np.concatenate([np.eye(S), np.eye(S)], axis=1)


def identity(example):
    """Heads of moderate scores that each find the identity matrix twice, which a gate alone may weaken."""
    rng = np.random.default_rng(example.d_output.size)
    B, T, S = 16, 8, 8  # so that the depth of a head, twice S, has a root that no float32 rounds
    H, dtype = example.constructor["num_heads"], strategies.numpy_dtype(example.dtype)
    inputs = {"query": rng.normal(size=(B, T, H * 2 * S)), "key": rng.normal(size=(B, S, S)) / S**0.5}
    inputs["value"] = np.broadcast_to(np.eye(S), (B, S, S))
    depths = {"d_k": 2 * S, "d_v": 2 * S, "d_query": H * 2 * S, "d_key": S, "d_value": S, "d_output": H * 2 * S}
    options = example.constructor.keys() & UNLESS_GIVEN.keys()
    return example._replace(
        constructor=example.constructor | _depths_given(depths, options, example.manner),
        inputs={name: inputs[name].astype(dtype) for name in example.inputs},
        weights={name: array.astype(dtype) for name, array in _of_identity(rng, example, depths).items()},
        masks=dict(_hiding_some(rng, example, B, T, S)),
        d_output=rng.integers(-2, 3, (B, T, H * 2 * S)).astype(dtype),
        d_weights=None if example.d_weights is None else rng.integers(-2, 3, (B, T, H, S)).astype(dtype),
        judged=np.ones((B, T), dtype=bool),
        training=True,
        manner={name: way for name, way in example.manner.items() if name != "same_tensor"},
    )


def _of_identity(rng, example, depths):
    """Weights with which each head's values are those given, twice, and its output a part of its own; biases are 0."""
    H, depth, d_query, S = example.constructor["num_heads"], depths["d_k"], depths["d_query"], depths["d_value"]
    groups = example.constructor.get("groups", 1)
    learned = {
        "W_q": rng.normal(size=(d_query, H, depth)) / d_query**0.5,
        "W_k": rng.normal(size=(S, H // groups, depth)),
        "W_v": np.repeat(twice(S)[:, None], H // groups, axis=1),
        "W_o": np.eye(d_query).reshape(H, depth, d_query),
        "W_g": rng.normal(size=(d_query, H, depth)) / d_query**0.5,
    }
    shaped = weights(_first, rng, example.constructor, depths, example.dtype)
    return {name: learned.get(name, np.zeros(array.shape)) for name, array in shaped.items()}


def _hiding_some(rng, example, B, T, S):
    """Masks of these sizes where the example has any."""
    shapes = {"query_mask": (B, T), "attention_mask": (*_items_and_heads(example, B), T, S)}
    for name, mask in example.masks.items():
        yield name, None if mask is None else some_hidden(rng, *shapes.get(name, (B, S)))


def _items_and_heads(example, B):
    """The first sizes of an attention mask as that of the example for so many items: 1 for what it has not."""
    mask = example.masks["attention_mask"]
    return (1 if example.manner.get("mask_axes") == 2 else B, 1 if mask is None else mask.shape[1])
