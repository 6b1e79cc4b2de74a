"""Where layers compute no number at all, of which the reference has one."""

import numpy as np

from parity_tests.conditions.visible import hidden_by_causal_and_scale_not_positive
from parity_tests.example import of_rows


def where_causal_alone_hides(kind, name, example, array, truth):
    """What is received, with the truth for NaN: of results in all rows that it is known of, where a number is wrong.

    A gradient may be NaN anywhere in the items that have such rows, as only some kernels let it spread; where it is a
    number, it is that of the reference.
    """
    rows = hidden_by_causal_and_scale_not_positive(kind, example)
    if name.startswith("d_"):
        items = rows.any(axis=tuple(range(1, rows.ndim)))
        return np.where(of_rows(items, array) & np.isnan(array), truth, array)
    return np.where(of_rows(rows, array), np.where(np.isnan(array), truth, np.nan), array)
