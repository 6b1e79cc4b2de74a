"""The kind ``attention``: what a layer of query, key and value must compute."""

import ml_dtypes
import numpy as np
from hypothesis import strategies as st

from parity_tests import strategies
from parity_tests.example import Example, Kind
from reference import causal_mask, dot_product_attention, dot_product_attention_backward
from reference.rounding import track


@st.composite
def examples(draw):
    """Any example of the kind."""
    sizes = draw(strategies.sizes(("B", "T", "S", "d_k", "d_v")))
    B, T, S, d_k, d_v = (sizes[name] for name in ("B", "T", "S", "d_k", "d_v"))
    dtype = draw(st.sampled_from(strategies.DTYPES))
    rng = draw(strategies.generators())
    of_scores = draw(st.sampled_from(strategies.KINDS_OF_VALUES))
    of_values = draw(st.sampled_from(strategies.KINDS_OF_VALUES))
    wide = strategies.largest_exact(dtype, d_k)
    key_mask = draw(strategies.position_masks(B, S, rng))
    return Example(
        constructor={"scaled": draw(st.booleans())},
        dtype=dtype,
        inputs={
            "query": draw(strategies.arrays((B, T, d_k), dtype, rng, of_scores, wide)),
            "key": draw(strategies.arrays((B, S, d_k), dtype, rng, of_scores, wide)),
            "value": draw(strategies.arrays((B, S, d_v), dtype, rng, of_values, wide)),
        },
        weights={},
        masks={
            "query_mask": draw(strategies.position_masks(B, T, rng)),
            "key_mask": key_mask,
            "value_mask": draw(st.sampled_from((key_mask, None))),
        },
        causal=draw(st.booleans()),
        d_output=draw(strategies.cotangents((B, T, d_v), dtype, rng)),
        d_weights=draw(strategies.cotangents((B, T, S), dtype, rng)) if draw(st.booleans()) else None,
        judged=np.ones((B, T), dtype=bool),
    )


def plain():
    """A small example without mask or option."""
    return Example(
        constructor={"scaled": False},
        dtype="float32",
        inputs={name: np.ones((1, 2, 3), "float32") for name in ("query", "key", "value")},
        weights={},
        masks={"query_mask": None, "key_mask": None, "value_mask": None},
        causal=False,
        d_output=np.ones((1, 2, 3), "float32"),
        d_weights=np.ones((1, 2, 2), "float32"),
        judged=np.ones((1, 2), dtype=bool),
    )


def expected(example, arithmetic):
    """The reference's output, weights and gradients, with their bounds."""
    inputs = {name: track(array, arithmetic) for name, array in example.inputs.items()}
    record = dot_product_attention(
        **inputs, scale=scale(example.constructor, inputs["query"].shape[-1]), mask=visible(example)
    )
    output, d_output = shown_queries(example.masks["query_mask"], record.output, example.d_output)
    gradients = dot_product_attention_backward(d_output, record, example.d_weights)
    return {
        "output": output,
        "weights": record.weights,
        "d_query": gradients.d_query,
        "d_key": gradients.d_key,
        "d_value": gradients.d_value,
        "d_scale": gradients.d_scale,
    }


def scale(constructor, d_k):
    """The scale, as precise as it can be had: a layer may compute it in any way."""
    return np.longdouble(d_k) ** -0.5 if constructor["scaled"] else 1.0


def shown_queries(query_mask, output, d_output):
    """The output with hidden queries set to 0, and the gradient that remains of it."""
    if query_mask is None:
        return output, d_output
    shown = query_mask[..., None]
    return np.where(shown, output, 0.0), np.where(shown, d_output.astype(float), 0.0)


def visible(example):
    """Which keys each query may attend, (B, T, S)."""
    B, T, _ = example.inputs["query"].shape
    S = example.inputs["key"].shape[1]
    return combined_mask(B, T, S, example.masks["key_mask"], example.causal)


def combined_mask(B, T, S, key_mask, causal):
    """A key mask and the causal mask together, (B, T, S)."""
    mask = np.ones((B, T, S), dtype=bool) if key_mask is None else np.repeat(key_mask[:, None, :], T, axis=1)
    return mask & causal_mask(T, S) if causal else mask


def replace_hidden(example):
    """Judge the first half of the rows, and replace the keys and values that none of them may attend."""
    T = example.inputs["query"].shape[1]
    rows = np.arange(T) < max(1, (T + 1) // 2) if example.causal else np.ones(T, dtype=bool)
    hidden = ~(visible(example) & rows[:, None]).any(axis=1)  # (B, S)
    query, key, value = example.inputs.values()
    factor = max(1, query.shape[-1]) * np.abs(query.astype(float)).max(initial=1.0)
    inputs = {
        "query": query,
        "key": other_contents(key, hidden, factor),
        "value": other_contents(value, hidden, 1.0),
    }
    return example.without_rows(~np.broadcast_to(rows, example.judged.shape))._replace(inputs=inputs)


def other_contents(array, hidden, factor):
    """The array with very large numbers at hidden positions, though none that overflow times the factor."""
    largest = float(ml_dtypes.finfo(array.dtype).max)
    rng = np.random.default_rng(array.size)
    other = rng.choice((-1.0, -0.5, 0.5, 1.0), size=array.shape) * min(largest / 16 / factor, largest**0.5)
    return np.where(hidden[..., None], other.astype(array.dtype), array)


ATTENTION = Kind("attention", examples, plain, expected, visible, replace_hidden)
