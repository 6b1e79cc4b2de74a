"""Examples of the kind ``attention``: how they are drawn, and which are looked at always."""

import numpy as np

from parity_tests import strategies
from parity_tests.example import Example

WHICH_MASKS = ("query_mask given", "key_mask given", "value_mask given")
NO_MASKS, ALL_MASKS = (dict.fromkeys(WHICH_MASKS, given) for given in (False, True))
SMALL = {"lengths": "free", "depths": "free", "B": 2, "T": 5, "S": 7, "d_k": 3, "d_v": 2, "dtype": "float32"}
IN_ONE = {"key given": False, "same tensor": True}
OWN_CORNERS = {
    "mixed precision": {**strategies.CORNERS["mixed precision"], "float32 inputs": True},
    "depth 1": {"d_k": 1, "d_v": 1, "scaled": True},
    "one key": {"S": 1},
    "one query": {"T": 1, "scaled": True},
    "no keys": {"S": 0},
    "one item": {"B": 1, "T": 4, "S": 4, **IN_ONE},
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
    "masks of many positions": {**ALL_MASKS, "T": 40, "S": 40, "masks with inputs": True},
    "scores that overflow float32": {**NO_MASKS, "scores": "large", "causal": False},
    "scores of about 50": {**NO_MASKS, "scores": "steep", "values": "ordinary", "causal": False},
    "scores of thousands": {**NO_MASKS, "scores": "wide", "values": "ordinary", "causal": False},
    "scores of thousands, masked": {"scores": "wide", "values": "ordinary", "key_mask given": True},
    "causal with all masks": {**ALL_MASKS, "causal": True},
    "causal without a mask, traced": {**NO_MASKS, "causal": True, "traced": True},
    "causal with all masks, traced": {**ALL_MASKS, "causal": True, "traced": True},
    "weights dropped with masks": {**ALL_MASKS, **strategies.DROPPED},
}
FORMS = (*WHICH_MASKS, "key given", "same tensor", "masks with inputs", "float32 inputs")


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
    two = "two_inputs" in options and not choice("key given", (True, True, False))
    same = two and "same_tensor" in options and choice("same tensor", (False, True))
    if same:
        lengths["S"] = lengths["T"]
    B, T, S, d_k, d_v = (*lengths.values(), *depths.values())
    of_scores = choice("scores", strategies.KINDS_OF_VALUES)
    of_values = choice("values", strategies.KINDS_OF_VALUES)
    manner = _manner(choice, options, fields["mixed"])
    wide = strategies.largest_exact(dtype, d_k)
    key_mask = strategies.position_masks(choice, "key_mask", B, S, rng)
    query, key = (strategies.arrays(choice, (B, size, d_k), dtype, rng, of_scores, wide) for size in (T, S))
    inputs = {"query": query, "key": key, "value": strategies.arrays(choice, (B, S, d_v), dtype, rng, of_values, wide)}
    if two:
        inputs, d_v = {"query": query, "value": query if same else key}, d_k
    query_mask = strategies.position_masks(choice, "query_mask", B, T, rng)
    key_mask = query_mask if same else key_mask
    return Example(
        inputs=inputs,
        dtype=dtype,
        masks={
            "query_mask": query_mask,
            "key_mask": key_mask,
            "value_mask": key_mask if choice("value_mask given", (False, True)) else None,
        },
        d_output=strategies.cotangents(choice, (B, T, d_v), dtype, rng),
        d_weights=strategies.cotangents(choice, (B, T, S), dtype, rng)
        if choice("d_weights", (False, True, True))
        else None,
        judged=np.ones((B, T), dtype=bool),
        manner={"same_tensor": True, **manner} if same else manner,
        **fields,
    )


def _manner(choice, options, mixed):
    """In what form a layer is handed its masks and inputs."""
    found = {}
    if "masks_with_inputs" in options and choice("masks with inputs", (False, False, True)):
        found["masks_with_inputs"] = True
    if "float32_inputs" in options and mixed and choice("float32 inputs", (False, True)):
        found["float32_inputs"] = True
    return found


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
