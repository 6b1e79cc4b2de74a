"""Where layers attend nothing or compute no number at all, of which the reference has one."""

import numpy as np

from parity_tests.conditions.visible import hidden_by_causal_and_scale_not_positive
from parity_tests.example import of_rows
from parity_tests.instead.nothing_visible import shown_by

LEAST_AT_ONCE = 8  # scores of which any processor takes the exponentials at once
HALF = ("float16", "bfloat16")


def where_causal_alone_hides(kind, name, example, array, truth):
    """What is received, with the truth for NaN: of results in all rows that it is known of, where a number is wrong.

    But for those rows of half precision that may attend nothing. A gradient may be NaN anywhere in the items that have
    such rows, as only some kernels let it spread; where it is a number, it is the truth.
    """
    rows = hidden_by_causal_and_scale_not_positive(kind, example)
    if name.startswith("d_"):
        rows = rows.any(axis=tuple(range(1, rows.ndim)))
    of_what = of_rows(rows, array)
    received = np.where(of_what & np.isnan(array), truth, array)
    if name.startswith("d_") or (_may_attend_nothing(example) and example.dtype in HALF):
        return received
    return np.where(of_what & ~np.isnan(array), np.nan, received)


def attending_nothing(kind, expected, example, arithmetic, **how):
    """The truth of a layer whose exponentials are 0 where they are no number: those rows attend nothing.

    Some kernels make of NaN a 0 where they take the exponentials of as many scores at once as the processor can: in
    half precision altogether, in others on the way back alone (float64 too, which Keras computes in float32 there).
    """
    if not _may_attend_nothing(example):
        return expected(example, arithmetic, **how)
    rows = hidden_by_causal_and_scale_not_positive(kind, example)
    mask = np.moveaxis(kind.visible(example) & ~rows[..., None], 2, 1)
    return expected(shown_by(example, mask), arithmetic, **how)


def _may_attend_nothing(example):
    return example.constructor["scale"] < 0 and example.inputs["key"].shape[1] >= LEAST_AT_ONCE
