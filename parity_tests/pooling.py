"""The kind ``attention_pooling``: what a layer that makes one vector of a sequence must compute.

What has to do with positions that are pooled alone serves hierarchical attention too.
"""

import numpy as np

from parity_tests import strategies
from parity_tests.dot_product import other_contents
from parity_tests.example import Example, Kind
from reference import attention_pooling, attention_pooling_backward
from reference.rounding import track

LEVELS = {"": ("W_a", "context", "b_a")}  # what each level learns, in the order of the layer's weights
SMALL = {"lengths": "free", "depths": "free", "B": 2, "T": 5, "d": 3, "d_k": 2, "dtype": "float32", "units given": True}
OWN_CORNERS = {
    "depth 1": {"d": 1, "d_k": 1},
    "one position": {"T": 1, "mask given": True},
    "no positions": {"T": 0},
    "one item": {"B": 1, "T": 4, "d_k": 4, "d": 4},
    "units as the input": {"units given": False},
    "inputs of thousands": {"x": "huge"},
    "130 positions": {"T": 130, "x": "moderate"},
    "130 positions in float16": {"T": 130, "dtype": "float16", "x": "moderate"},
    "257 positions": {"T": 257},
    "17 items": {"B": 17, "mask given": True},
    "depths past 128": {"d": 130, "d_k": 131, "x": "moderate"},
    "scores of about 50": {"x": "steep", "W": "integers"},
    "a mask, traced": {"mask given": True, "traced": True},
    "a mask of many positions": {"T": 40, "mask given": True},
    "without a mask, traced": {"mask given": False, "traced": True},
    "biases": {"use_bias": True, "x": "moderate", "W": "moderate"},
    "no bias": {"use_bias": False, "x": "moderate", "W": "moderate"},
}


def draw(choice, rng, options):
    """Any example of the kind."""
    return draw_positions(choice, rng, options, ("B", "T"), LEVELS.values())


def draw_positions(choice, rng, options, axes, levels):
    """An example whose input has these axes and a depth; of each level there are a kernel, a context and a bias."""
    constructor, fields = strategies.way_of_calling(choice, options, scaled=False)
    fields["causal"] = False
    depths = strategies.depths(choice, ("d", "d_k"))
    positions = tuple(strategies.lengths(choice, axes, depths).values())
    units_given = choice("units given", (False, True))
    d, units = depths["d"], depths["d_k"] if units_given else depths["d"]
    dtype = fields["dtype"]
    of_x = choice("x", strategies.KINDS_OF_VALUES)
    of_weights = choice("W", ("integers", "moderate", "moderate", "drawn"))
    weights = {}
    for names in levels:
        for name, shape in zip(names, ((d, units), (units,), (units,) if constructor.get("use_bias") else None)):
            if shape is not None:
                weights[name] = strategies.arrays(choice, shape, dtype, rng, of_weights)
    x = strategies.arrays(choice, (*positions, d), dtype, rng, of_x, strategies.largest_exact(dtype, 2 * d + 2))
    mask = strategies.position_masks(choice, "mask", int(np.prod(positions[:-1])), positions[-1], rng)
    return Example(
        constructor={"units": units if units_given else None, **constructor},
        inputs={"x": x},
        weights=weights,
        masks={"mask": None if mask is None else mask.reshape(positions)},
        d_output=strategies.cotangents(choice, (positions[0], d), dtype, rng),
        d_weights=strategies.cotangents(choice, positions, dtype, rng)
        if choice("d_weights", (False, True, True))
        else None,
        judged=np.ones(positions[:1], dtype=bool),
        **fields,
    )


def plain(options=frozenset(), used=False):
    """A small example without mask, its constructor's options all used or all left at rest."""
    return plain_positions((1, 2), LEVELS.values(), options, used)


def plain_positions(positions, levels, options, used):
    """A small example of so many positions, as `draw_positions` draws them."""
    shapes = ((3, 3), (3,), (3,) if used and "use_bias" in options else None)
    return Example(
        constructor={"units": None, **strategies.plain_options(options, used)},
        dtype="float32",
        inputs={"x": np.ones((*positions, 3), "float32")},
        weights={
            name: np.ones(shape, "float32")
            for names in levels
            for name, shape in zip(names, shapes)
            if shape is not None
        },
        masks={"mask": None},
        causal=False,
        d_output=np.ones((1, 3), "float32"),
        d_weights=np.ones(positions, "float32"),
        judged=np.ones(1, dtype=bool),
    )


def expected(example, arithmetic):
    """The reference's output, weights and gradients, with their bounds."""
    return pooled(example, arithmetic, attention_pooling, attention_pooling_backward, lambda record: record)


def pooled(example, arithmetic, forward, backward, last):
    """What a pooling gives, with the scores of its last level."""
    arguments = {name: track(array, arithmetic) for name, array in {**example.inputs, **example.weights}.items()}
    record = forward(**arguments, mask=example.masks["mask"])
    d_output = track(example.d_output, arithmetic)
    gradients = backward(d_output, record, None if example.d_weights is None else track(example.d_weights, arithmetic))
    return {
        "scores": last(record).attention.scores[..., 0, :],
        "output": record.output,
        "weights": record.weights,
        **{f"d_{name}": getattr(gradients, f"d_{name}") for name in arguments},
    }


def visible(example):
    """Which positions each item is made of, all in one row."""
    x, mask = example.inputs["x"], example.masks["mask"]
    shown = np.ones(x.shape[:-1], dtype=bool) if mask is None else mask
    return shown.reshape(len(x), int(np.prod(x.shape[1:-1])))


def replace_hidden(example):
    """Other contents at hidden positions."""
    x, mask = example.inputs["x"], example.masks["mask"]
    if mask is None:
        return example
    reach = max(np.abs(array.astype(float)).sum(axis=0).max(initial=1.0) for array in example.weights.values())
    return example._replace(inputs={"x": other_contents(x, ~mask, reach + 1)})


def permute(example, rng):
    """The items and the positions in another order."""
    x = example.inputs["x"]
    items, positions = rng.permutation(len(x)), rng.permutation(x.shape[-2])
    other = example.taken(items)
    masks = {name: None if mask is None else mask[..., positions] for name, mask in other.masks.items()}

    def permuted(name, array):
        return array[items] if name == "output" else array[items][..., positions]

    return other._replace(inputs={"x": other.inputs["x"][..., positions, :]}, masks=masks), permuted


ATTENTION_POOLING = Kind(
    "attention_pooling",
    options=frozenset({"use_bias"}),
    draw=draw,
    shared=frozenset({*strategies.OF_THE_LAYER, "d", "units given"}),
    shared_by_graph=frozenset({*strategies.OF_THE_CALL, "mask given"}),
    corners=strategies.corners(SMALL, OWN_CORNERS),
    axes={"x": ("B", "T", "d"), "mask": ("B", "T"), "output": ("B", "d"), "weights": ("B", "T")},
    plain=plain,
    expected=expected,
    visible=visible,
    replace_hidden=replace_hidden,
    permute=permute,
    causal=False,
    hands_mask_on=False,
)
