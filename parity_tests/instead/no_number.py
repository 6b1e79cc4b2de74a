"""Where layers attend nothing or compute no number at all, of which the reference has one."""

import numpy as np

from parity_tests.conditions.visible import hidden_by_causal_and_scale_not_positive
from parity_tests.example import of_rows
from parity_tests.instead.nothing_visible import shown_by


def where_causal_alone_hides(kind, name, example, array, truth):
    """What is received, with the truth for NaN in the rows that it is known of.

    A gradient may be NaN anywhere in the items that have such rows, as only some kernels let it spread.
    """
    rows = hidden_by_causal_and_scale_not_positive(kind, example)
    if name.startswith("d_"):
        rows = rows.any(axis=tuple(range(1, rows.ndim)))
    return np.where(of_rows(rows, array) & np.isnan(array), truth, array)


def attending_nothing(kind, expected, example, arithmetic, **how):
    """The truth of a layer whose exponentials are 0 where they are no number: those rows attend nothing.

    Some kernels make of NaN a 0 where they take the exponentials of as many scores at once as the processor can.
    """
    rows = hidden_by_causal_and_scale_not_positive(kind, example)
    mask = np.moveaxis(kind.visible(example) & ~rows[..., None], 2, 1)
    return expected(shown_by(example, mask), arithmetic, **how)
