"""Hierarchical attention: words to sentences, sentences to a document."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests import exact_pooling
from parity_tests.calls import generators, tracked
from parity_tests.comparison import within_bound
from parity_tests.test_inputs import message_of
from reference import attention_pooling, hierarchical_attention, hierarchical_attention_backward

NAMES = ("x", "W_word", "context_word", "W_sentence", "context_sentence", "b_word", "b_sentence")
GOOD = {
    "x": np.ones((2, 3, 5, 4)),
    "W_word": np.ones((4, 2)),
    "context_word": np.ones(2),
    "W_sentence": np.ones((4, 6)),
    "context_sentence": np.ones(6),
}
UNITS = "to match x (..., 4)"
BAD = [
    ({"x": np.ones((5, 4))}, "x: expected shape (..., N, T, d), received (5, 4)"),
    ({"W_word": np.ones((3, 2))}, f"W_word: expected shape (4, units) {UNITS}, received (3, 2)"),
    ({"W_sentence": np.ones(4)}, f"W_sentence: expected shape (4, units) {UNITS}, received (4,)"),
    ({"context_word": np.ones(6)}, "context_word: expected shape (2,) to match W_word (4, 2), received (6,)"),
    (
        {"context_sentence": np.ones(2)},
        "context_sentence: expected shape (6,) to match W_sentence (4, 6), received (2,)",
    ),
    ({"b_sentence": np.ones(2)}, "b_sentence: expected shape (6,) to match W_sentence (4, 6), received (2,)"),
    ({"b_word": [np.inf, 0.0]}, "b_word: expected finite numbers, received inf at index (0,)"),
    ({"mask": np.ones((3, 4), bool)}, "mask: expected a shape that broadcasts to (2, 3, 5), received (3, 4)"),
]


@st.composite
def calls(draw):
    """Keyword arguments of hierarchical attention, with every option or none."""
    N, T, d, *units = draw(st.tuples(*(st.integers(1, 3),) * 5) | st.permutations((1, 2, 3, 4, 5)))
    leading = draw(st.sampled_from(((), (2,), (2, 1))))
    rng = draw(generators())
    call = {"x": rng.normal(size=(*leading, N, T, d))}
    for level, size in zip(("word", "sentence"), units):
        call |= {f"W_{level}": rng.normal(size=(d, size)), f"context_{level}": rng.normal(size=size)}
        call[f"b_{level}"] = rng.normal(size=size) if draw(st.booleans()) else None
    of_mask = draw(st.sampled_from((None, (T,), (N, 1), (*leading, N, T), (2, *leading, N, T))))
    call["mask"] = None if of_mask is None else rng.random(of_mask) < 0.6
    return call


def backward(call, d_output, d_weights=None):
    gradients = hierarchical_attention_backward(d_output, hierarchical_attention(**call), d_weights)
    return {name: getattr(gradients, f"d_{name}") for name in NAMES if call[name] is not None}


def cotangents(rng, call):
    record = hierarchical_attention(**call)
    return rng.normal(size=record.output.shape), rng.normal(size=record.weights.shape)


@settings(max_examples=30)
@given(calls())
def test_output_and_weights_are_those_to_50_digits_within_the_bound(call):
    weights, output = exact_pooling.hierarchical(**call)
    bound = hierarchical_attention(**tracked(call))
    assert within_bound(weights, bound.weights).agrees
    assert within_bound(output, bound.output).agrees


@settings(max_examples=30)
@given(calls(), st.booleans(), generators())
def test_every_gradient_is_that_to_50_digits_within_the_bound(call, of_weights_too, rng):
    d_output, d_weights = cotangents(rng, call)
    bounds = backward(tracked(call), d_output, d_weights if of_weights_too else None)
    for name, bound in bounds.items():
        index = tuple(rng.integers(0, call[name].shape))
        slope = exact_pooling.slope(name, call, index, d_output, d_weights * of_weights_too)
        assert within_bound(slope, bound[index]).agrees


@given(calls(), generators())
def test_what_float64_gives_lies_within_its_bound(call, rng):
    d_output, d_weights = cotangents(rng, call)
    bounds = backward(tracked(call), d_output, d_weights)
    for name, gradient in backward(call, d_output, d_weights).items():
        assert gradient.shape == call[name].shape
        assert within_bound(gradient, bounds[name]).agrees


@given(calls())
def test_weights_are_the_share_that_each_word_has_in_the_document(call):
    record = hierarchical_attention(**tracked(call))
    of_words = np.sum(record.weights[..., None] * record.words.x, axis=(-3, -2))
    assert within_bound(hierarchical_attention(**call).output, of_words).agrees


@given(calls())
def test_a_document_of_one_sentence_is_that_sentence(call):
    call["x"] = call["x"][..., :1, :, :]
    if call["mask"] is not None and call["mask"].ndim > 1:
        call["mask"] = call["mask"][..., :1, :]
    record = hierarchical_attention(**call)
    of_word = {"W_a": call["W_word"], "context": call["context_word"], "b_a": call["b_word"], "mask": call["mask"]}
    sentences = attention_pooling(call["x"], **of_word)
    assert np.array_equal(record.output, sentences.output[..., 0, :])
    assert np.array_equal(record.weights, sentences.weights)


@given(calls(), generators())
def test_a_sentence_without_words_is_no_part_of_the_document(call, rng):
    *leading, N, T, d = call["x"].shape
    full = np.ones((*leading, N, T), dtype=bool) if call["mask"] is None else call["mask"]
    mask = np.broadcast_to(full, np.broadcast_shapes(full.shape, (*leading, N, T)))
    longer = {
        **call,
        "x": np.insert(call["x"], N, rng.normal(size=(T, d)), axis=-3),
        "mask": np.insert(mask, N, False, -2),
    }
    output = hierarchical_attention(**tracked(call | {"mask": mask})).output
    assert within_bound(hierarchical_attention(**longer).output, output).agrees


@given(calls(), generators())
def test_hidden_words_have_no_influence_and_no_gradient(call, rng):
    hidden = rng.random(call["x"].shape[:-1]) < 0.4
    call["mask"] = ~hidden
    d_output, d_weights = cotangents(rng, call)
    output, gradients = hierarchical_attention(**call).output, backward(call, d_output, d_weights)
    assert not gradients["x"][hidden].any()
    call["x"] = np.where(hidden[..., None], 1e6, call["x"])
    assert np.array_equal(hierarchical_attention(**call).output, output)
    for name, gradient in backward(call, d_output, d_weights).items():
        assert np.array_equal(gradient, gradients[name])


@pytest.mark.parametrize("leading", [(), (2,)])
def test_where_there_are_no_words_everything_is_zero(leading):
    call = {**dict.fromkeys(NAMES), **GOOD, "x": np.ones((*leading, 3, 5, 4)), "mask": np.zeros((3, 5), dtype=bool)}
    record = hierarchical_attention(**call)
    assert not record.output.any()
    assert not record.weights.any()
    gradients = backward(call, np.ones(record.output.shape), np.ones(record.weights.shape))
    assert not any(gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_what_it_cannot_use_is_refused(bad, message):
    assert message_of(hierarchical_attention, **{**GOOD, **bad}) == message


@pytest.mark.parametrize(
    ("d_output", "d_weights", "message"),
    [
        (np.ones(4), None, "d_output: expected shape (2, 4) to match output, received (4,)"),
        (np.ones((2, 4)), np.ones((2, 3)), "d_weights: expected shape (2, 3, 5) to match weights, received (2, 3)"),
    ],
)
def test_a_cotangent_that_does_not_fit_is_refused(d_output, d_weights, message):
    assert message_of(hierarchical_attention_backward, d_output, hierarchical_attention(**GOOD), d_weights) == message
