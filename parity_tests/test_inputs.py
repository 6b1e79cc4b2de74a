"""Bad input is an error that says what was expected and what was received; good input is computed in float64."""

import ml_dtypes
import numpy as np
import pytest

from reference import (
    dot_product_attention,
    dot_product_attention_backward,
    linear,
    linear_backward,
    scaled_dot_product_attention,
    self_attention,
    self_attention_backward,
    softmax,
    softmax_backward,
)

GOOD = {"query": np.ones((2, 3, 4)), "key": np.ones((2, 5, 4)), "value": np.ones((2, 5, 6))}
PROJECTED = {"x": np.ones((3, 4)), "W_q": np.ones((4, 2)), "W_k": np.ones((4, 2)), "W_v": np.ones((4, 5))}


def holding(number, shape=(2, 3, 4), index=(1, 2, 0)):
    """Ones, but for one number."""
    array = np.ones(shape)
    array[index] = number
    return array


def message_of(function, *arguments, **options):
    with pytest.raises(ValueError, match=r": expected .*, received ") as raised:
        function(*arguments, **options)
    return str(raised.value)


SHAPES = [
    ({"query": np.ones(4)}, "query: expected shape (..., T, d_k), received (4,)"),
    ({"key": 1.0}, "key: expected shape (..., S, d_k), received ()"),
    ({"value": np.ones(5)}, "value: expected shape (..., S, d_v), received (5,)"),
    ({"query": np.ones((3, 0))}, "query: expected shape (..., T, d_k) with d_k of at least 1, received (3, 0)"),
    (
        {"key": np.ones((2, 5, 3))},
        "key: expected shape (..., S, 4) to match query (..., T, 4), received (2, 5, 3)",
    ),
    (
        {"value": np.ones((2, 4, 6))},
        "value: expected shape (..., 5, d_v) to match key (..., 5, 4), received (2, 4, 6)",
    ),
    ({"key": np.ones((3, 5, 4))}, "key: expected leading axes that broadcast with (2,) of query, received (3,)"),
    (
        {"value": np.ones((7, 3, 5, 6))},
        "value: expected leading axes that broadcast with (2,) of query and key, received (7, 3)",
    ),
]

NUMBERS = [
    ({"query": holding(np.nan)}, "query: expected finite numbers, received nan at index (1, 2, 0)"),
    ({"key": holding(np.inf, (2, 5, 4))}, "key: expected finite numbers, received inf at index (1, 2, 0)"),
    ({"value": holding(-np.inf, (2, 5, 6))}, "value: expected finite numbers, received -inf at index (1, 2, 0)"),
    ({"scale": np.nan}, "scale: expected finite numbers, received nan"),
    ({"scale": np.inf}, "scale: expected finite numbers, received inf"),
    (
        {"bias": holding(np.nan, (3, 5), (2, 1))},
        "bias: expected finite numbers or -inf, received nan at index (2, 1)",
    ),
    (
        {"bias": holding(np.inf, (3, 5), (0, 4))},
        "bias: expected finite numbers or -inf, received inf at index (0, 4)",
    ),
    ({"query": [["a", "b"]]}, "query: expected an array of numbers, received dtype <U1"),
    ({"key": [[b"a"]]}, "key: expected an array of numbers, received dtype |S1"),
    ({"key": [["a", None]]}, "key: expected an array of numbers, received dtype object"),
    ({"value": np.ones((5, 6), "M8[s]")}, "value: expected an array of numbers, received dtype datetime64[s]"),
    ({"query": [[10**400]]}, "query: expected an array of numbers, received dtype object"),
    (
        {"value": np.ma.masked_greater(np.ones((2, 5, 6)), 0)},
        "value: expected an array of numbers, received a masked array, whose mask would be lost",
    ),
]

OPTIONS = [
    (
        {"mask": np.ones((3, 5))},
        "mask: expected a boolean mask (True = may attend), received dtype float64",
    ),
    ({"mask": [[0, 1, 1, 1, 1]]}, "mask: expected a boolean mask (True = may attend), received dtype int64"),
    ({"softcap": 0.0}, "softcap: expected a positive number or None, received 0.0"),
    ({"softcap": -2}, "softcap: expected a positive number or None, received -2"),
    ({"softcap": np.inf}, "softcap: expected a positive number or None, received inf"),
    ({"softcap": np.nan}, "softcap: expected a positive number or None, received nan"),
    ({"softcap": "3"}, "softcap: expected a positive number or None, received '3'"),
    ({"softcap": np.ones(2)}, "softcap: expected a positive number or None, received array([1., 1.])"),
    ({"value": [[1.0], [2.0, 3.0]]}, "value: expected an array of numbers, received rows of different lengths"),
    *(
        ({name: np.ones(shape, kind)}, f"{name}: expected a shape that broadcasts to {target}, received {shape}")
        for name, kind in (("bias", float), ("mask", bool), ("scale", float))
        for shape, target in (((3, 4), "(..., 3, 5)"), ((2, 5), "(..., 3, 5)"), ((3, 3, 5), "(2, 3, 5)"))
    ),
    (
        {"mask": np.ma.masked_array(np.ones((3, 5), bool))},
        "mask: expected a boolean mask (True = may attend), received a masked array, whose mask would be lost",
    ),
    *(
        (
            {"bias": kind(np.ones((3, 5), bool))},
            "bias: expected numbers to add to the scores, received booleans, which hide as a mask",
        )
        for kind in (np.array, np.ndarray.tolist)
    ),
    (
        {"scale": np.ones((2, 1, 1)), "bias": np.ones((3, 1, 1)), **{name: GOOD[name][0] for name in GOOD}},
        "bias: expected a shape that broadcasts to (2, 3, 5), received (3, 1, 1)",
    ),
    (
        {"bias": np.ones((2, 1, 1)), "mask": np.ones((3, 1, 1), bool), **{name: GOOD[name][0] for name in GOOD}},
        "mask: expected a shape that broadcasts to (2, 3, 5), received (3, 1, 1)",
    ),
    ({"softcap": 10**400}, f"softcap: expected a positive number or None, received {10**400}"),
]

SELF = [
    ({"x": np.ones(4)}, "x: expected shape (..., T, d), received (4,)"),
    ({"x": holding(np.nan, (3, 4), (2, 1))}, "x: expected finite numbers, received nan at index (2, 1)"),
    ({"W_q": np.ones((3, 2))}, "W_q: expected shape (4, units) to match x (..., 4), received (3, 2)"),
    ({"W_v": np.ones(4)}, "W_v: expected shape (4, units) to match x (..., 4), received (4,)"),
    ({"W_k": np.ones((4, 3))}, "W_k: expected shape (4, 2) to match W_q, received (4, 3)"),
    ({"b_v": np.ones((1, 5))}, "b_v: expected shape (5,) to match W_v (4, 5), received (1, 5)"),
    ({"b_q": [np.inf, 0.0]}, "b_q: expected finite numbers, received inf at index (0,)"),
    ({"mask": np.ones((3, 3))}, "mask: expected a boolean mask (True = may attend), received dtype float64"),
]

REST = [
    (softmax, (1.0,), "logits: expected shape (..., S), received ()"),
    (softmax, ([0.0, np.nan],), "logits: expected finite numbers or -inf, received nan at index (1,)"),
    (softmax, ([np.inf, 0.0],), "logits: expected finite numbers or -inf, received inf at index (0,)"),
    (softmax_backward, ([1.0], [0.5, 0.5]), "d_weights: expected shape (2,) to match weights, received (1,)"),
    (softmax_backward, ([1.0], [np.nan]), "weights: expected finite numbers, received nan at index (0,)"),
    (linear, (1.0, [[1.0]]), "x: expected shape (..., d), received ()"),
    (linear, ([1.0], [1.0]), "W: expected shape (1, units) to match x (..., 1), received (1,)"),
    (linear, ([1.0, 2.0], [[1.0]]), "W: expected shape (2, units) to match x (..., 2), received (1, 1)"),
    (linear, ([1.0], [[1.0]], [1.0, 2.0]), "b: expected shape (1,) to match W (1, 1), received (2,)"),
    (linear_backward, ([1.0, 1.0], [1.0], [[1.0]]),
     "d_y: expected shape (1,) to match x (1,) times W (1, 1), received (2,)"),
    (scaled_dot_product_attention, ([1.0], [[1.0]], [[1.0]]),
     "query: expected shape (..., T, d_k) with d_k of at least 1, received (1,)"),
    (scaled_dot_product_attention, (np.ones((3, 0)), np.ones((5, 0)), np.ones((5, 1))),
     "query: expected shape (..., T, d_k) with d_k of at least 1, received (3, 0)"),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "message"), SHAPES + NUMBERS + OPTIONS)
def test_what_attention_cannot_use_is_refused(bad, message):
    assert message_of(dot_product_attention, **{**GOOD, **bad}) == message


@pytest.mark.parametrize(("bad", "message"), SHAPES[1:] + NUMBERS[1:3] + OPTIONS[:6])
def test_what_scaled_attention_cannot_use_is_refused_alike(bad, message):
    assert message_of(scaled_dot_product_attention, **{**GOOD, **bad}) == message


def test_a_matrix_is_computed_as_the_array_that_it_is():
    plain = {name: np.arange(9.0).reshape(3, 3) / 9 for name in GOOD}
    expected, found = (dot_product_attention(**{name: kind(one) for name, one in plain.items()}).output
                       for kind in (np.array, lambda one: one.view(np.matrix)))  # fmt: skip
    assert type(found) is np.ndarray
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(("bad", "message"), SELF)
def test_what_self_attention_cannot_use_is_refused(bad, message):
    assert message_of(self_attention, **{**PROJECTED, **bad}) == message


@pytest.mark.parametrize(("function", "arguments", "message"), REST)
def test_what_the_parts_cannot_use_is_refused(function, arguments, message):
    assert message_of(function, *arguments) == message


COTANGENTS = [
    ((np.ones((2, 3, 5)),), "d_output: expected shape (2, 3, 6) to match output, received (2, 3, 5)"),
    ((np.ones((3, 6)),), "d_output: expected shape (2, 3, 6) to match output, received (3, 6)"),
    ((1.0,), "d_output: expected shape (2, 3, 6) to match output, received ()"),
    ((holding(np.nan, (2, 3, 6)),), "d_output: expected finite numbers, received nan at index (1, 2, 0)"),
    ((np.ones((2, 3, 6)), np.ones((3, 5))),
     "d_weights: expected shape (2, 3, 5) to match weights, received (3, 5)"),
    ((np.ones((2, 3, 6)), holding(-np.inf, (2, 3, 5))),
     "d_weights: expected finite numbers, received -inf at index (1, 2, 0)"),
]  # fmt: skip


@pytest.mark.parametrize(("cotangents", "message"), COTANGENTS)
def test_a_cotangent_that_does_not_fit_is_refused(cotangents, message):
    d_output, *rest = cotangents
    assert message_of(dot_product_attention_backward, d_output, dot_product_attention(**GOOD), *rest) == message


def test_a_cotangent_that_does_not_fit_self_attention_is_refused():
    expected = "d_output: expected shape (3, 5) to match output, received (3, 2)"
    assert message_of(self_attention_backward, np.ones((3, 2)), self_attention(**PROJECTED)) == expected


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.int8, np.uint64, np.bool_])
def test_arithmetic_is_float64_whatever_comes_in(dtype):
    narrow = {name: np.random.default_rng(1).integers(0, 2, array.shape).astype(dtype) for name, array in GOOD.items()}
    wide = {name: array.astype(np.float64) for name, array in narrow.items()}
    record = dot_product_attention(**narrow)
    assert record.output.dtype == np.float64
    assert np.array_equal(record.output, dot_product_attention(**wide).output)


@pytest.mark.parametrize("dtype", [np.longdouble, np.complex128, np.clongdouble])
@pytest.mark.parametrize("name", GOOD)
def test_what_carries_more_than_float64_passes_through(dtype, name):
    assert dot_product_attention(**{**GOOD, name: GOOD[name].astype(dtype)}).output.dtype == dtype


def test_longdouble_keeps_its_digits():
    fine = np.longdouble(1) + np.finfo(np.longdouble).eps
    assert dot_product_attention([[fine]], [[1.0]], [[1.0]]).scores[0, 0] == fine


def test_a_bias_may_hide():
    assert np.array_equal(dot_product_attention(**GOOD, bias=[0.0, -np.inf, 0.0, 0.0, -np.inf]).weights[0, 0] > 0,
                          [True, False, True, True, False])  # fmt: skip


def test_lists_are_taken_as_arrays():
    assert np.array_equal(dot_product_attention([[1]], [[2]], [[3, 4]]).output, [[3.0, 4.0]])


def test_what_is_given_is_not_changed():
    given = {name: array.copy() for name, array in GOOD.items()}
    record = dot_product_attention(**given)
    dot_product_attention_backward(np.ones((2, 3, 6)), record)
    assert all(np.array_equal(given[name], GOOD[name]) for name in GOOD)
