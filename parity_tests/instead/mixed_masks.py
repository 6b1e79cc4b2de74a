"""The masks of several heads as Keras combines them: as if there were no axis but that of the queries and the keys.

Where there is another, of heads or of what is not attended, masks of positions, the causal mask and that of the window
come to lie along a wrong one.
"""

from functools import reduce

import numpy as np

from parity_tests.folded import halves
from parity_tests.multi_head_masks import PADDING


def combined(kind, example):
    """The example with what Keras makes of its masks in their place; None where they do not fit, which raises."""
    along, mask = example.manner.get("along"), example.masks["attention_mask"]
    B, T = example.judged.shape
    S, H = example.inputs["value"].shape[1], example.constructor["num_heads"]
    batch = (B,) if along is None else halves(B)
    try:
        of_positions = _of_positions(example, along)
        if mask is not None:
            of_positions.append(_as_handed(mask, example.manner.get("mask_axes", 3), along))
        made = reduce(np.logical_and, of_positions)
        while made.ndim < len(batch) + 3:
            made = np.expand_dims(made, -3)
        shown = np.broadcast_to(made, (*batch, H, T, S)).reshape(B, H, T, S)
    except ValueError:
        return None
    constructor = {name: value for name, value in example.constructor.items() if name != "sliding_window"}
    return example._replace(
        masks={**dict.fromkeys(PADDING), "attention_mask": shown},
        causal=False,
        constructor=constructor,
        manner={**example.manner, "mask_axes": 4},
    )


def _of_positions(example, along):
    """Masks of queries, keys and values with one more axis, the causal one and that of the window, along axis 1."""
    laid = [_laid_out(example.masks[name], along) for name in PADDING]
    found = [
        mask[..., None] if number == 0 else mask[..., None, :] for number, mask in enumerate(laid) if mask is not None
    ]
    T, S = (halves(len(example.judged))[1] if along == 2 else array.shape[1]
            for array in (example.inputs["query"], example.inputs["value"]))  # fmt: skip
    distance = np.arange(T)[:, None] - np.arange(S)
    if example.causal:
        found.append((distance >= 0)[None])
    window = example.constructor.get("sliding_window")
    if window is not None:
        found.append((np.abs(distance) < window)[None])
    return found


def _as_handed(mask, axes, along):
    """An attention mask of (B, H, T, S) with the axes that the layer is handed."""
    mask = _laid_out(mask, along and 2)
    if axes == 4:
        return mask
    mask = np.squeeze(mask, -3)
    return mask[(0,) * (mask.ndim - 2)] if axes == 2 else mask


def _laid_out(mask, along):
    """What `folded.laid_out` does, of an array."""
    if mask is None or along is None:
        return mask
    folded = mask.reshape(*halves(mask.shape[0]), *mask.shape[1:])
    return np.swapaxes(folded, 1, 2) if along == 1 else folded
