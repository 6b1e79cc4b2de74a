"""What is received of a layer, held to the truth, or to what was received before."""

import numpy as np

from parity_tests.backend import to_numpy
from parity_tests.comparison import compare, within_bound


def within(layers, example, name, tensor, truth):
    """Whether a result or a gradient, to which all rows add, is within the bound of the truth."""
    received = None if tensor is None else layers.received(name, example, tensor, truth.value)
    return within_bound(received, truth, None if name.startswith("d_") else example.judged)


def unchanged(layers, example, before, after):
    """Whether results are those of another call, in the rows of an example that count."""
    return {
        f"of the {name}": equal(*(layers.received(name, example, one) for one in pair), example.judged)
        for name, *pair in zip(("output", "weights"), before, after)
    }


def equal(before, after, judged=None):
    """Whether a tensor is another, to the bit but for the sign of a zero; NaN is no number's equal, nor its own."""
    before = to_numpy(before) + 0.0
    return compare(to_numpy(after), before, np.zeros(before.shape), judged)
