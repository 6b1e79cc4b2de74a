"""The kind ``self_attention``: what a layer of one sequence must compute."""

import numpy as np
from hypothesis import strategies as st

from parity_tests import strategies
from parity_tests.dot_product import combined_mask, other_contents, scale, shown_queries
from parity_tests.example import Example, Kind
from reference import self_attention, self_attention_backward
from reference.rounding import track

WEIGHTS = ("W_q", "W_k", "W_v")


@st.composite
def examples(draw):
    """Any example of the kind."""
    sizes = draw(strategies.sizes(("B", "T", "d", "d_k")))
    B, T, d, units = sizes["B"], sizes["T"], sizes["d"], sizes["d_k"]
    units_given = draw(st.booleans())
    units = units if units_given else d
    dtype = draw(st.sampled_from(strategies.DTYPES))
    rng = draw(strategies.generators())
    of_x = draw(st.sampled_from(strategies.KINDS_OF_VALUES))
    of_weights = draw(st.sampled_from(("integers", "moderate", "moderate", "drawn")))
    wide = max(1, strategies.largest_exact(dtype, units) // (2 * d))  # as weights reach 2
    return Example(
        constructor={"units": units if units_given else None, "scaled": draw(st.booleans())},
        dtype=dtype,
        inputs={"x": draw(strategies.arrays((B, T, d), dtype, rng, of_x, wide))},
        weights={name: draw(strategies.arrays((d, units), dtype, rng, of_weights)) for name in WEIGHTS},
        masks={"mask": draw(strategies.position_masks(B, T, rng))},
        causal=draw(st.booleans()),
        d_output=draw(strategies.cotangents((B, T, units), dtype, rng)),
        d_weights=draw(strategies.cotangents((B, T, T), dtype, rng)) if draw(st.booleans()) else None,
        judged=np.ones((B, T), dtype=bool),
    )


def plain():
    """A small example without mask or option."""
    return Example(
        constructor={"units": None, "scaled": False},
        dtype="float32",
        inputs={"x": np.ones((1, 2, 3), "float32")},
        weights={name: np.ones((3, 3), "float32") for name in WEIGHTS},
        masks={"mask": None},
        causal=False,
        d_output=np.ones((1, 2, 3), "float32"),
        d_weights=np.ones((1, 2, 2), "float32"),
        judged=np.ones((1, 2), dtype=bool),
    )


def expected(example, arithmetic):
    """The reference's output, weights and gradients, with their bounds."""
    arguments = {name: track(array, arithmetic) for name, array in {**example.inputs, **example.weights}.items()}
    units = example.weights["W_q"].shape[1]
    record = self_attention(**arguments, scale=scale(example.constructor, units), mask=visible(example))
    output, d_output = shown_queries(example.masks["mask"], record.output, example.d_output)
    gradients = self_attention_backward(d_output, record, example.d_weights)
    return {
        "output": output,
        "weights": record.weights,
        **{f"d_{name}": getattr(gradients, f"d_{name}") for name in ("x", *WEIGHTS)},
    }


def visible(example):
    """Which keys each query may attend, (B, T, T)."""
    B, T, _ = example.inputs["x"].shape
    return combined_mask(B, T, T, example.masks["mask"], example.causal)


def replace_hidden(example):
    """Judge the rows of positions that are shown (if causal, in the first half), and replace what none of them sees."""
    B, T, _ = example.inputs["x"].shape
    rows = np.ones((B, T), dtype=bool) if example.masks["mask"] is None else example.masks["mask"]
    if example.causal:
        rows = rows & (np.arange(T) < max(1, (T + 1) // 2))
    hidden = ~(visible(example) & rows[..., None]).any(axis=1) & ~rows  # (B, T)
    reach = max(np.abs(W.astype(float)).sum(axis=0).max(initial=1.0) for W in example.weights.values())
    largest = np.abs(example.inputs["x"].astype(float)).max(initial=1.0)
    units = example.weights["W_q"].shape[1]
    factor = reach**2 * largest * units  # a score of a hidden position is at most this times its contents
    x = other_contents(example.inputs["x"], hidden, factor)
    return example.without_rows(~rows)._replace(inputs={"x": x})


SELF_ATTENTION = Kind("self_attention", examples, plain, expected, visible, replace_hidden)
