"""The masks of several heads as Keras combines them: as if there were no axis but that of the queries and the keys.

Where there is another, of heads or of what is not attended, masks of positions, the causal mask and that of the window
come to lie along a wrong one.
"""

from functools import reduce

import numpy as np

from parity_tests.backend import to_numpy
from parity_tests.folded import halves, laid_out
from parity_tests.handed_masks import of_axes
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
            of_positions.append(to_numpy(of_axes(mask, example.manner.get("mask_axes", 3), along)))
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
    given = {name: example.masks[name] for name in PADDING if example.masks[name] is not None}
    found = [
        np.expand_dims(to_numpy(laid_out(mask, along)), -1 if name == "query_mask" else -2)
        for name, mask in given.items()
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
