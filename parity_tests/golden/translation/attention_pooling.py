"""Golden cases of pooling as examples of the kind ``attention_pooling``."""

import numpy as np

from parity_tests import strategies
from parity_tests.example import Example
from parity_tests.golden.translation.batch import as_dtype, flat, in_shape, leading
from parity_tests.pooling import LEVELS

CONCEPT = "pooling"


def inexpressible(case, options):
    """Why a layer cannot be asked what a case asks; empty if it can."""
    return "a bias" if "b_a" in case.inputs and "use_bias" not in options else ""


def example(case, options, dtype):
    """The case as an `Example`."""
    (names,) = LEVELS.values()
    d, units = case.inputs["W_a"].shape
    constructor = {**strategies.plain_options(options, used=False), "units": None if units == d else units}
    if "b_a" in case.inputs:
        constructor["use_bias"] = True
    d_output = flat(case, case.cotangents["d_output"], 1, dtype)
    return Example(
        constructor=constructor,
        dtype=dtype,
        inputs={"x": flat(case, case.inputs["x"], 2, dtype)},
        weights={name: as_dtype(case.inputs[name], dtype) for name in names if name in case.inputs},
        masks={"mask": flat(case, case.masks.get("mask"), 1, dtype)},
        causal=False,
        d_output=d_output,
        d_weights=flat(case, case.cotangents.get("d_weights"), 1, dtype),
        judged=np.ones(len(d_output), dtype=bool),
    )


def in_case(case, name, array):
    """A result of the example as the case has it."""
    return in_shape(case, name, array)


def rows(case, name, judged):
    """Rows of the example as the case has them."""
    return judged.reshape(leading(case))
