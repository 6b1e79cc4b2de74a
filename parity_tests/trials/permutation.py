"""Whether the order of items and keys changes anything but the order."""

import numpy as np

from parity_tests.backend import dtype_name
from parity_tests.comparison import worst
from parity_tests.trials.received import within
from reference.rounding import ARITHMETIC


def permutation(layers, example):
    """The order of the items, and without a causal mask that of the keys, changes nothing but the order."""
    kind = layers.subject.kind
    other, permuted = kind.permute(example, np.random.default_rng(example.d_output.size))
    results = layers.of(example).results(other)
    dtype = dtype_name(results["output"])
    if dtype not in ARITHMETIC:
        return {}
    expected = layers.expected(example, dtype)
    outcomes = {
        f"of the {name}": within(layers, other, name, result, permuted(name, expected[name]))
        for name, result in results.items()
    }
    return {"permutation": worst(outcomes)}
