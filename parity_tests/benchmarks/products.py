"""The matrix products of attention alone, of all queries and keys: the unit by which all else is measured."""

import numpy as np

LARGEST = 2 * 8192**2  # scores, of all heads, that there are at the same time


def matrix_products(given, largest=LARGEST):
    """The products alone, which are the unit: two forward, six forward and backward.

    All at once, or where the scores would be too many, of as many queries at a time as there is room for.
    """
    query, key, value, d_output = given
    heads, T, _ = query.shape
    rows = min(T, max(1, largest // (heads * T)))
    blocks = [np.s_[:, first : first + rows] for first in range(0, T, rows)]

    def forward():
        return _joined([(query[block] @ key.mT) @ value for block in blocks])

    def both():
        outputs, d_queries, d_value, d_key = [], [], 0.0, 0.0
        for block in blocks:
            scores = query[block] @ key.mT
            outputs.append(scores @ value)
            d_value += scores.mT @ d_output[block]
            scores = d_output[block] @ value.mT
            d_queries.append(scores @ key)
            d_key += scores.mT @ query[block]
        return _joined(outputs), d_value, _joined(d_queries), d_key

    return forward, both


def _joined(parts):
    """Rows of queries, one below the other."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-2)
