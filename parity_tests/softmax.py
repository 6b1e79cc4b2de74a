"""The kind ``softmax``: what a layer that turns scores into weights must compute, some of them hidden by a mask."""

from typing import NamedTuple

import numpy as np

from parity_tests import strategies
from parity_tests.dot_product import other_contents
from parity_tests.example import Example, Kind
from reference import softmax, softmax_backward
from reference.rounding import track


class Layout(NamedTuple):
    """Where a layer has what is (B, T, S) here: S is folded so often, then two axes are swapped.

    So many axes then stand before the first that S has become.
    """

    folds: int = 0
    swapped: tuple[int, int] = (0, 0)
    before: int = 2


LAYOUTS = {
    -1: Layout(),
    1: Layout(swapped=(1, 2), before=1),
    -2: Layout(swapped=(1, 2), before=1),
    0: Layout(swapped=(0, 2), before=0),
    (1,): Layout(swapped=(1, 2), before=1),
    (2, 3): Layout(folds=1),
    (-2, -1): Layout(folds=1),
    (1, 3): Layout(folds=1, swapped=(1, 2), before=1),
    (-1, 1): Layout(folds=1, swapped=(1, 2), before=1),
    (2, 3, 4): Layout(folds=2),
}  # by the axis or axes that the layer is told
SMALL = {"lengths": "free", "dtype": "float32", "B": 2, "T": 5, "S": 7}
OWN_CORNERS = {
    "one score": {"S": 1},
    "no scores": {"S": 0},
    "scores of about 50": {"scores": "steep"},
    "scores of thousands": {"scores": "wide", "dtype": "float32"},
    "scores of thousands, masked": {"scores": "wide", "mask given": True},
    "257 scores": {"S": 257},
    "along the middle axis": {"axis": 1, "mask given": True},
    "along two axes": {"axis": (2, 3), "mask given": True},
    "along two axes that are apart": {"axis": (1, 3), "mask given": True},
    "scores of about 50 along two axes": {"axis": (2, 3), "scores": "steep"},
    "small scores along two axes": {"axis": (2, 3), "scores": "tiny"},
    "along the first axis": {"axis": 0, "mask given": True},
    "along two axes, counted from the last": {"axis": (-2, -1), "mask given": True},
    "along three axes": {"axis": (2, 3, 4), "mask given": True},
    "scores of two axes": {"axis": -1, "rank": 2, "mask given": True},
    "a mask, traced": {"mask given": True, "traced": True},
    "a mask of keys alone": {
        "axis": -1,
        "mask given": True,
        "mask axes": (False, False, True),
        "fewer mask axes": True,
    },
}


def draw(choice, rng, options):
    """Any example of the kind."""
    _, fields = strategies.way_of_calling(choice, options, scaled=False)
    fields["causal"] = False
    axis = choice("axis", (-1, -1, -1, *LAYOUTS))
    axis = axis if isinstance(axis, int) else tuple(axis)  # which is a list where it was kept
    rank = choice("rank", (3, 3, 3, 2, 1)) if axis == -1 else 3
    B, T, S = strategies.lengths(choice, ("B", "T", "S"), {"S": choice("equal", strategies.ANY)}).values()
    B, T = B if rank > 1 else 1, T if rank > 2 else 1
    if S > 1:
        S *= 2 ** LAYOUTS[axis].folds  # so that an adapter can lay it along all axes
    dtype = fields["dtype"]
    kind = choice("scores", strategies.KINDS_OF_VALUES)
    mask, manner = _mask(choice, rng, (B, T, S), min(LAYOUTS[axis].before, rank - 1))
    return Example(
        constructor={"axis": axis},
        inputs={"scores": strategies.arrays(choice, (B, T, S), dtype, rng, kind, strategies.largest_exact(dtype, 1))},
        weights={},
        masks={"mask": mask},
        d_output=strategies.cotangents(choice, (B, T, S), dtype, rng),
        d_weights=None,
        judged=np.ones((B, T), dtype=bool),
        manner=manner if rank == 3 else {**manner, "rank": rank},
        **fields,
    )


def _mask(choice, rng, sizes, before):
    """A mask, if there is one, and how it is handed over: it may lack some of its first axes, or be of numbers."""
    if not choice("mask given", (False, True, True)):
        return None, {}
    axes = choice("mask axes", ((True,) * 3, (True, False, True), (False, False, True), (False, True, True)))
    lacks = (*axes[:before], True).index(True)  # before the first axis that it has
    manner = {"mask_lacks": lacks} if lacks and choice("fewer mask axes", (False, True)) else {}
    if choice("a mask of numbers", (False, False, False, True)):
        manner["mask_of_numbers"] = True
    return rng.random(tuple(size if has else 1 for has, size in zip(axes, sizes))) < 0.7, manner


def plain(options=frozenset(), used=False):
    """A small example without mask."""
    return Example(
        constructor={"axis": -1},
        dtype="float32",
        inputs={"scores": np.ones((1, 2, 3), "float32")},
        weights={},
        masks={"mask": None},
        causal=False,
        d_output=np.ones((1, 2, 3), "float32"),
        d_weights=None,
        judged=np.ones((1, 2), dtype=bool),
    )


def expected(example, arithmetic):
    """The reference's weights and their gradient, with their bounds."""
    scores = track(example.inputs["scores"], arithmetic)
    weights = softmax(np.where(visible(example), scores, -np.inf))
    d_scores = softmax_backward(track(example.d_output, arithmetic), weights)
    return {"scores": scores, "output": weights, "d_scores": d_scores}


def visible(example):
    """Which scores are shown, (B, T, S)."""
    shape, mask = example.inputs["scores"].shape, example.masks["mask"]
    return np.ones(shape, dtype=bool) if mask is None else np.broadcast_to(mask, shape)


def replace_hidden(example):
    """Other scores where they are hidden."""
    scores = example.inputs["scores"]
    other = other_contents(scores[..., None], ~visible(example), 1.0)[..., 0]
    return example._replace(inputs={"scores": other})


def permute(example, rng):
    """The items and the scores in another order."""
    B, _, S = example.inputs["scores"].shape
    items, keys = rng.permutation(B), rng.permutation(S)
    other = example.taken(items)
    masks = {name: None if mask is None else mask[..., keys] for name, mask in other.masks.items()}
    inputs = {"scores": other.inputs["scores"][..., keys]}
    return other._replace(inputs=inputs, masks=masks), lambda name, array: array[items][..., keys]


SOFTMAX = Kind(
    "softmax",
    options=frozenset(),
    draw=draw,
    shared=frozenset({*strategies.OF_THE_LAYER, "axis", "rank"}),
    shared_by_graph=frozenset(
        {*strategies.OF_THE_CALL, "mask given", "mask axes", "fewer mask axes", "a mask of numbers"}
    ),
    corners=strategies.corners(SMALL, OWN_CORNERS),
    axes={"scores": ("B", "T", "S"), "mask": ("B", "T", "S"), "output": ("B", "T", "S")},
    plain=plain,
    expected=expected,
    visible=visible,
    replace_hidden=replace_hidden,
    permute=permute,
    results=("output",),
)
