"""Golden cases of a softmax as examples of the kind ``softmax``, whose output are the weights."""

import numpy as np

from parity_tests import softmax
from parity_tests.example import Example
from parity_tests.golden.translation.attention import in_case, rows
from parity_tests.golden.translation.batch import flat

__all__ = ["CONCEPT", "NAMES", "example", "in_case", "inexpressible", "rows"]
CONCEPT = "softmax"
NAMES = {"output_alone": "weights"}  # what the case calls a result


def inexpressible(case, options):
    """Why a layer cannot be asked what a case asks; empty if it can."""
    return "a score of minus infinity" if np.isneginf(case.inputs["scores"]).any() else ""


def example(case, options, dtype):
    """The case as an `Example`."""
    scores = flat(case, case.inputs["scores"], 2, dtype)
    mask = case.masks.get("mask")
    return Example(
        constructor=softmax.plain(options).constructor,
        dtype=dtype,
        inputs={"scores": scores},
        weights={},
        masks={"mask": None if mask is None else np.broadcast_to(flat(case, mask, 2, dtype), scores.shape)},
        causal=False,
        d_output=flat(case, case.cotangents["d_weights"], 2, dtype),
        d_weights=None,
        judged=np.ones(scores.shape[:2], dtype=bool),
    )
