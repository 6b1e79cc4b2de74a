"""What additive attention cannot use is an error that says what was expected and what was received."""

import numpy as np
import pytest

from parity_tests.test_inputs import COTANGENTS, GOOD, NUMBERS, OPTIONS, SHAPES, message_of
from reference import (
    additive_attention,
    additive_attention_backward,
    additive_scores,
    additive_scores_backward,
)

SCORED = {"query": GOOD["query"], "key": GOOD["key"]}
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

OF_EVERY_ATTENTION = [
    (bad, message) for bad, message in SHAPES + NUMBERS + OPTIONS if not {"scale", "softcap"}.intersection(bad)
]


@pytest.mark.parametrize(("bad", "message"), OF_EVERY_ATTENTION + ADDITIVE)
def test_what_additive_attention_cannot_use_is_refused(bad, message):
    assert message_of(additive_attention, **{**GOOD, **bad}) == message


@pytest.mark.parametrize(("bad", "message"), SHAPES[:2] + SHAPES[3:5] + NUMBERS[:2] + ADDITIVE)
def test_what_additive_scores_cannot_use_is_refused_alike(bad, message):
    assert message_of(additive_scores, **{**SCORED, **bad}) == message


@pytest.mark.parametrize(("cotangents", "message"), COTANGENTS)
def test_a_cotangent_that_does_not_fit_is_refused(cotangents, message):
    d_output, *rest = cotangents
    assert message_of(additive_attention_backward, d_output, additive_attention(**GOOD), *rest) == message


def test_a_cotangent_that_does_not_fit_the_scores_is_refused():
    expected = "d_scores: expected shape (2, 3, 5) to match scores, received (3, 5)"
    assert message_of(additive_scores_backward, np.ones((3, 5)), additive_scores(**SCORED)) == expected


def test_what_is_given_is_not_changed():
    given = {name: array.copy() for name, array in GOOD.items()}
    additive_attention_backward(np.ones((2, 3, 6)), additive_attention(**given))
    assert all(np.array_equal(given[name], GOOD[name]) for name in GOOD)
