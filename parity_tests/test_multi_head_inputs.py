"""What multi-head attention cannot use is an error that says what was expected and what was received."""

import numpy as np
import pytest

from reference import Projections, multi_head_attention, multi_head_attention_backward

INPUTS = {"query": np.ones((2, 3, 4)), "key": np.ones((2, 5, 6)), "value": np.ones((2, 5, 7))}
KERNELS = {  # 4 query heads of depth 3 share 2 key heads; values of depth 8
    "W_q": np.ones((4, 4, 3)), "W_k": np.ones((6, 2, 3)), "W_v": np.ones((7, 2, 8)), "W_o": np.ones((4, 8, 9)),
    "b_q": np.ones((4, 3)), "b_k": np.ones((2, 3)), "b_v": np.ones((2, 8)), "b_o": np.ones(9),
    "W_g": np.ones((4, 4, 8)), "b_g": np.ones((4, 8)),
}  # fmt: skip

BAD_INPUTS = [
    ({"query": np.ones(4)}, "query: expected shape (..., T, d_query), received (4,)"),
    ({"key": np.ones(6)}, "key: expected shape (..., S, d_key), received (6,)"),
    ({"value": 1.0}, "value: expected shape (..., S, d_value), received ()"),
    ({"value": np.ones((2, 4, 7))},
     "value: expected shape (..., 5, d_value) to match key (..., 5, 6), received (2, 4, 7)"),
    ({"key": np.ones((3, 5, 6))}, "key: expected leading axes that broadcast with (2,) of query, received (3,)"),
    ({"value": np.ones((3, 5, 7))},
     "value: expected leading axes that broadcast with (2,) of query and key, received (3,)"),
    ({"key": np.full((2, 5, 6), np.nan)}, "key: expected finite numbers, received nan at index (0, 0, 0)"),
    ({"softcap": -1.0}, "softcap: expected a positive number or None, received -1.0"),
    ({"mask": np.ones((3, 5))}, "mask: expected a boolean mask (True = may attend), received dtype float64"),
    ({"mask": np.ones((2, 3, 5), bool)},
     "mask: expected a shape that broadcasts to (2, 4, 3, 5), received (2, 3, 5)"),
    ({"bias": np.ones((4, 3, 4))}, "bias: expected a shape that broadcasts to (..., 3, 5), received (4, 3, 4)"),
    ({"scale": np.ones((3, 1, 1, 1))},
     "scale: expected a shape that broadcasts to (2, 4, 3, 5), received (3, 1, 1, 1)"),
    ({"bias": np.full((3, 5), np.inf)}, "bias: expected finite numbers or -inf, received inf at index (0, 0)"),
]  # fmt: skip

BAD_KERNELS = [
    ({"W_q": np.ones((4, 12))}, "W_q: expected shape (4, H, d_k) to match query (..., 4), received (4, 12)"),
    ({"W_q": np.ones((5, 4, 3))}, "W_q: expected shape (4, H, d_k) to match query (..., 4), received (5, 4, 3)"),
    ({"W_q": np.ones((4, 0, 3))},
     "W_q: expected shape (d_query, H, d_k) with H and d_k of at least 1, received (4, 0, 3)"),
    ({"W_q": np.ones((4, 4, 0))},
     "W_q: expected shape (d_query, H, d_k) with H and d_k of at least 1, received (4, 4, 0)"),
    ({"W_k": np.ones((6, 2, 2))},
     "W_k: expected shape (6, H_kv, 3) to match key (..., 6) and W_q (4, 4, 3), received (6, 2, 2)"),
    ({"W_k": np.ones((6, 3, 3))},
     "W_k: expected shape (6, H_kv, 3) with H_kv a divisor of the 4 heads of W_q, received (6, 3, 3)"),
    ({"W_k": np.ones((6, 8, 3))},
     "W_k: expected shape (6, H_kv, 3) with H_kv a divisor of the 4 heads of W_q, received (6, 8, 3)"),
    ({"W_k": np.ones((6, 0, 3))},
     "W_k: expected shape (6, H_kv, 3) with H_kv a divisor of the 4 heads of W_q, received (6, 0, 3)"),
    ({"W_v": np.ones((7, 4, 8))},
     "W_v: expected shape (7, 2, d_v) to match value (..., 7) and W_k (6, 2, 3), received (7, 4, 8)"),
    ({"W_o": np.ones((2, 8, 9))},
     "W_o: expected shape (4, 8, E) to match W_q (4, 4, 3) and W_v (7, 2, 8), received (2, 8, 9)"),
    ({"W_o": np.ones((32, 9))},
     "W_o: expected shape (4, 8, E) to match W_q (4, 4, 3) and W_v (7, 2, 8), received (32, 9)"),
    ({"W_g": np.ones((4, 4, 3))},
     "W_g: expected shape (4, 4, 8) to match query (..., 4) and W_o (4, 8, 9), received (4, 4, 3)"),
    ({"W_g": None}, "b_g: expected None, as W_g is, received (4, 8)"),
    ({"b_q": np.ones(12)}, "b_q: expected shape (4, 3) to match W_q (4, 4, 3), received (12,)"),
    ({"b_k": np.ones((4, 3))}, "b_k: expected shape (2, 3) to match W_k (6, 2, 3), received (4, 3)"),
    ({"b_v": np.ones((2, 1))}, "b_v: expected shape (2, 8) to match W_v (7, 2, 8), received (2, 1)"),
    ({"b_o": np.ones((4, 9))}, "b_o: expected shape (9,) to match W_o (4, 8, 9), received (4, 9)"),
    ({"b_g": np.ones((4, 3))}, "b_g: expected shape (4, 8) to match W_g (4, 4, 8), received (4, 3)"),
    ({"b_o": [[np.inf]]}, "b_o: expected finite numbers, received inf at index (0, 0)"),
]  # fmt: skip

COTANGENTS = [
    ((np.ones((2, 3, 8)),), "d_output: expected shape (2, 3, 9) to match output, received (2, 3, 8)"),
    ((np.ones((2, 3, 9)), np.ones((2, 3, 5))),
     "d_weights: expected shape (2, 4, 3, 5) to match weights, received (2, 3, 5)"),
    ((np.ones((2, 3, 9)), np.full((2, 4, 3, 5), np.nan)),
     "d_weights: expected finite numbers, received nan at index (0, 0, 0, 0)"),
]  # fmt: skip


def message_of(function, *arguments, **options):
    with pytest.raises(ValueError, match=r": expected .*, received ") as raised:
        function(*arguments, **options)
    return str(raised.value)


@pytest.mark.parametrize(("bad", "message"), BAD_INPUTS)
def test_what_multi_head_attention_cannot_use_is_refused(bad, message):
    assert message_of(multi_head_attention, **{**INPUTS, **bad}, projections=Projections(**KERNELS)) == message


@pytest.mark.parametrize(("bad", "message"), BAD_KERNELS)
def test_projections_that_do_not_fit_are_refused(bad, message):
    assert message_of(multi_head_attention, **INPUTS, projections=Projections(**{**KERNELS, **bad})) == message


@pytest.mark.parametrize(("cotangents", "message"), COTANGENTS)
def test_a_cotangent_that_does_not_fit_is_refused(cotangents, message):
    record = multi_head_attention(**INPUTS, projections=Projections(**KERNELS))
    d_output, *rest = cotangents
    assert message_of(multi_head_attention_backward, d_output, record, *rest) == message


def test_one_head_stays_one_whatever_is_added_to_its_scores():
    kernels = {
        "W_q": np.ones((4, 1, 3)),
        "W_k": np.ones((6, 1, 3)),
        "W_v": np.ones((7, 1, 8)),
        "W_o": np.ones((1, 8, 9)),
    }
    expected = "bias: expected a shape that broadcasts to (..., 1, 3, 5), received (2, 3, 5)"
    assert (
        message_of(multi_head_attention, **INPUTS, projections=Projections(**kernels), bias=np.ones((2, 3, 5)))
        == expected
    )


def test_what_is_given_is_not_changed():
    given = {name: array.copy() for name, array in (INPUTS | KERNELS).items()}
    record = multi_head_attention(**INPUTS, projections=Projections(**KERNELS))
    multi_head_attention_backward(np.ones((2, 3, 9)), record, np.ones((2, 4, 3, 5)))
    assert all(np.array_equal(array, (INPUTS | KERNELS)[name]) for name, array in given.items())
