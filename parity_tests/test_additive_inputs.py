"""What additive attention cannot use is an error that says what was expected and what was received."""

import numpy as np
import pytest

from parity_tests.test_inputs import COTANGENTS, GOOD, NUMBERS, OPTIONS, SHAPES, message_of
from reference import (
    additive_attention,
    additive_attention_backward,
    additive_scores,
    additive_scores_backward,
    bahdanau_attention,
    bahdanau_attention_backward,
)

SCORED = {"query": GOOD["query"], "key": GOOD["key"]}
HIDDEN = {**GOOD, "W_a": np.ones((4, 2)), "U_a": np.ones((4, 2)), "v_a": np.ones(2)}
OF_V_A = "a scalar or shape (4,) to match query (..., T, 4)"
ADDITIVE = [
    ({"scale": np.ones(2)}, "scale: expected a scalar, received shape (2,)"),
    ({"scale": np.ones((1, 1))}, "scale: expected a scalar, received shape (1, 1)"),
    ({"v_a": np.ones(3)}, f"v_a: expected {OF_V_A}, received shape (3,)"),
    ({"v_a": np.ones((1, 4))}, f"v_a: expected {OF_V_A}, received shape (1, 4)"),
    ({"v_a": [1.0, 1.0, np.nan, 1.0]}, "v_a: expected finite numbers, received nan at index (2,)"),
    ({"v_a": np.inf}, "v_a: expected finite numbers, received inf"),
    ({"v_a": "one"}, "v_a: expected an array of numbers, received dtype <U3"),
]

BAHDANAU = [
    ({"query": np.ones(4)}, "query: expected shape (..., T, d_q), received (4,)"),
    ({"key": np.ones(4)}, "key: expected shape (..., S, d_h), received (4,)"),
    ({"value": np.ones((4, 6))}, "value: expected shape (..., 5, d_v) to match key (..., 5, 2), received (4, 6)"),
    ({"key": np.ones((3, 5, 4))}, "key: expected leading axes that broadcast with (2,) of query, received (3,)"),
    ({"W_a": np.ones((3, 2))}, "W_a: expected shape (4, units) to match query (..., 4), received (3, 2)"),
    ({"U_a": np.ones(4)}, "U_a: expected shape (4, units) to match key (..., 4), received (4,)"),
    ({"U_a": np.ones((4, 3))}, "U_a: expected shape (4, 2) to match W_a (4, 2), received (4, 3)"),
    ({"v_a": 1.0}, "v_a: expected shape (2,) to match W_a (4, 2), received ()"),
    ({"v_a": np.ones(3)}, "v_a: expected shape (2,) to match W_a (4, 2), received (3,)"),
    ({"b_a": np.ones((1, 2))}, "b_a: expected shape (2,) to match W_a (4, 2), received (1, 2)"),
    ({"b_a": [0.0, np.inf]}, "b_a: expected finite numbers, received inf at index (1,)"),
    ({"mask": np.ones((3, 5))}, "mask: expected a boolean mask (True = may attend), received dtype float64"),
]

OF_EVERY_ATTENTION = [
    (bad, message) for bad, message in SHAPES + NUMBERS + OPTIONS if not {"scale", "softcap"}.intersection(bad)
]


@pytest.mark.parametrize(("bad", "message"), OF_EVERY_ATTENTION + ADDITIVE)
def test_what_additive_attention_cannot_use_is_refused(bad, message):
    assert message_of(additive_attention, **{**GOOD, **bad}) == message


@pytest.mark.parametrize(("bad", "message"), SHAPES[:2] + SHAPES[3:5] + NUMBERS[:2] + ADDITIVE)
def test_what_additive_scores_cannot_use_is_refused_alike(bad, message):
    assert message_of(additive_scores, **{**SCORED, **bad}) == message


@pytest.mark.parametrize(("bad", "message"), BAHDANAU)
def test_what_bahdanau_attention_cannot_use_is_refused(bad, message):
    assert message_of(bahdanau_attention, **{**HIDDEN, **bad}) == message


@pytest.mark.parametrize(("cotangents", "message"), COTANGENTS)
def test_a_cotangent_that_does_not_fit_is_refused(cotangents, message):
    d_output, *rest = cotangents
    assert message_of(additive_attention_backward, d_output, additive_attention(**GOOD), *rest) == message
    assert message_of(bahdanau_attention_backward, d_output, bahdanau_attention(**HIDDEN), *rest) == message


def test_a_cotangent_that_does_not_fit_the_scores_is_refused():
    expected = "d_scores: expected shape (2, 3, 5) to match scores, received (3, 5)"
    assert message_of(additive_scores_backward, np.ones((3, 5)), additive_scores(**SCORED)) == expected


def test_what_is_given_is_not_changed():
    given = {name: array.copy() for name, array in HIDDEN.items()}
    bahdanau_attention_backward(np.ones((2, 3, 6)), bahdanau_attention(**given))
    inputs = {name: given[name] for name in GOOD}
    additive_attention_backward(np.ones((2, 3, 6)), additive_attention(**inputs, v_a=np.ones(4)))
    assert all(np.array_equal(given[name], HIDDEN[name]) for name in HIDDEN)
