"""Conditions on rows by what they may attend, and by how that compares with what is hidden."""

import numpy as np

from parity_tests.conditions.options import one_key_head
from parity_tests.conditions.rows import nowhere, scores_of
from parity_tests.strategies import numpy_dtype

LOST = 750  # an exponential of less than minus that is 0 in every dtype


def nothing_visible(kind, example):
    """Rows that may attend nothing, in one of the heads at least."""
    nothing = ~kind.visible(example).any(axis=-1)
    return nothing.any(axis=tuple(range(example.judged.ndim, nothing.ndim)))


def nothing_visible_in_float16(kind, example):
    """Rows that may attend nothing, in float16."""
    return nothing_visible(kind, example) & (example.dtype == "float16")


def nothing_visible_float16(kind, example):
    """Rows that may attend nothing, in which all scores become -inf once the largest float16 is taken away."""
    if example.dtype != "float16":
        return nowhere(example)
    scores = scores_of(kind, example)
    return nothing_visible(kind, example) & (np.max(scores.value - scores.error, axis=-1, initial=-np.inf) <= -16)


def nothing_visible_without_weights(kind, example):
    """Rows that may attend nothing, where no weights are asked for, dropped, or taken along one axis of several."""
    unfused = example.d_weights is not None or _unfused(example)
    return nowhere(example) if unfused else nothing_visible(kind, example)


def hidden_outscores(kind, example):
    """Rows in which a hidden key may beat the visible ones in spite of what is taken away from its score.

    A hidden score that stays far below the largest visible one after the subtraction leaves no trace.
    """
    subtracted = float(numpy_dtype(example.dtype).type(65504.0 if example.dtype == "float16" else 1e9))
    visible = kind.visible(example)
    scores = scores_of(kind, example)
    least_visible = np.max(scores.value - scores.error, axis=-1, where=visible, initial=-np.inf)
    most_hidden = np.max(scores.value + scores.error, axis=-1, where=~visible, initial=-np.inf)
    return visible.any(axis=-1) & (most_hidden - subtracted > least_visible - LOST)


def below_what_hides(kind, example):
    """Rows with hidden keys in which a head's visible scores may lie below the number that hidden ones are set to."""
    hides = -3e4 if example.dtype == "float16" else -1e9
    scores, visible = scores_of(kind, example), kind.visible(example)
    visible = visible.reshape(*visible.shape[:-1], *(1,) * (scores.ndim - visible.ndim), visible.shape[-1])
    least = np.max(scores.value - scores.error, axis=-1, where=visible, initial=-np.inf) < hides + LOST
    least = least & visible.any(axis=-1) & ~visible.all(axis=-1)
    return least.any(axis=tuple(range(example.judged.ndim, least.ndim)))


def below_what_hides_with_dropout(kind, example):
    """The same rows of a layer that has dropout, or attends along one axis of several."""
    return below_what_hides(kind, example) if _unfused(example) else nowhere(example)


def _unfused(example):
    return example.constructor.get("dropout") or example.constructor.get("attention_axes")


def hidden_by_causal_and_scale_not_positive(kind, example):
    """Rows with hidden keys of a causal example without mask, whose scale is 0 or less.

    A single key head of several query heads is computed by another kernel.
    """
    scale = example.constructor["scale"]
    alone = example.causal and example.masks["mask"] is None
    affected = alone and scale is not None and scale <= 0 and not one_key_head(kind, example)
    return ~kind.visible(example).all(axis=-1) & affected
