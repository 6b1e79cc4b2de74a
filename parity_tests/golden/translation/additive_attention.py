"""Golden cases of additive attention as examples of the kind ``additive_attention``."""

import numpy as np

from parity_tests import strategies
from parity_tests.golden.translation.attention import INPUTS, called, in_case, not_an_option, rows
from parity_tests.golden.translation.batch import as_dtype, shares

__all__ = ["CONCEPT", "example", "in_case", "inexpressible", "rows"]
CONCEPT = "additive"


def inexpressible(case, options):
    """Why a layer cannot be asked what a case asks; empty if it can."""
    scale, v_a = case.inputs["scale"], case.inputs["v_a"]
    if "learned_scale" in options:
        if np.ndim(v_a):
            return "a vector v_a"
    elif scale != 1.0:
        return "another scale"
    elif not np.ndim(v_a) and v_a != 1.0:
        return "one number for v_a"
    return not_an_option(case) or ("broadcasting" if shares(case, *INPUTS) else "")


def example(case, options, dtype):
    """The case as an `Example`, of a layer that learns v_a, or has 1; and learns one number for the scale, or has 1."""
    weights = {name: as_dtype(case.inputs[name], dtype) for name in ("scale", "v_a")}
    if "learned_scale" in options:
        scaled = bool(case.inputs["scale"] != 1.0)
        learned = ("scale", "v_a") if scaled else ("v_a",)
    else:
        scaled = np.ndim(case.inputs["v_a"]) > 0
        learned = ("v_a",) if scaled else ()
    constructor = {"scaled": scaled, **strategies.plain_options(options, used=False)}
    return called(case, dtype, constructor, {name: weights[name] for name in learned})
