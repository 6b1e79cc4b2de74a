"""Relative position bias: the buckets, the table that is looked up by them, and its gradient."""

from collections import namedtuple
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests import exact
from parity_tests.calls import generators
from parity_tests.comparison import compare, within_bound
from parity_tests.machines import MACHINES
from reference import (
    complex_step_gradient,
    dot_product_attention,
    dot_product_attention_backward,
    relative_bias,
    relative_bias_backward,
    relative_buckets,
)
from reference.rounding import FLOAT64, track

Record = namedtuple("Record", "bias")
SIZES = st.integers(0, 6)
OFFSETS = st.integers(-7, 7) | st.integers(-300, 300)


@st.composite
def settings_of_buckets(draw):
    """Buckets, the furthest distance, and the directions."""
    bidirectional = draw(st.booleans())
    of_direction = draw(st.integers(2, 24))
    furthest = draw(st.integers(of_direction // 2 + 1, 300))
    return {"buckets": of_direction * (1 + bidirectional), "furthest": furthest, "bidirectional": bidirectional}


@mpmath.workdps(60)
def exact_bucket(distance, n, furthest):
    """By logarithms to 60 digits; a quotient that is within 1e-50 of an integer is one, as its powers then show."""
    m = n // 2
    if distance < m:
        return distance
    steps = mpmath.log(mpmath.mpf(distance) / m) / mpmath.log(mpmath.mpf(furthest) / m) * (n - m)
    nearest = int(mpmath.nint(steps))
    on_it = Fraction(distance, m) ** (n - m) == Fraction(furthest, m) ** nearest
    return min(m + (nearest if on_it else int(mpmath.floor(steps))), n - 1)


@settings(max_examples=60)
@given(settings_of_buckets(), SIZES, SIZES, OFFSETS)
def test_a_bucket_is_that_of_the_logarithm_of_the_distance(chosen, T, S, offset):
    buckets = relative_buckets(T, S, **chosen, offset=offset)
    assert buckets.shape == (T, S)
    n = chosen["buckets"] // (1 + chosen["bidirectional"])
    for t, s in np.ndindex(T, S):
        after = s - (t + offset)
        if chosen["bidirectional"]:
            expected = exact_bucket(abs(after), n, chosen["furthest"]) + n * (after > 0)
        else:
            expected = exact_bucket(max(-after, 0), n, chosen["furthest"])
        assert buckets[t, s] == expected


@given(settings_of_buckets())
def test_the_last_bucket_of_a_direction_holds_what_is_furthest_and_beyond(chosen):
    n = chosen["buckets"] // (1 + chosen["bidirectional"])
    for distance in (chosen["furthest"], chosen["furthest"] + 1, 2**60):
        assert relative_buckets(1, 1, **chosen, offset=distance) == n - 1


def in_float32(distance, n, furthest, quotient_first):
    """As layers compute it, by functions that round as well as can be: the same on all machines."""
    m = n // 2
    logarithm = np.float32(np.log(np.float64(np.float32(distance) / np.float32(m))))
    ratio = np.log(furthest / m)
    if quotient_first:
        return min(m + int(logarithm * np.float32((n - m) / ratio)), n - 1)
    return min(m + int(logarithm / np.float32(ratio) * np.float32(n - m)), n - 1)


@pytest.mark.parametrize(("n", "furthest"), [(16, 128), (32, 128), (160, 800), (320, 800)])
def test_the_float32_formula_of_t5_agrees_for_the_usual_settings(n, furthest):
    buckets = relative_buckets(1, furthest + 1, buckets=n, furthest=furthest, bidirectional=False, offset=furthest)
    for distance in range(n // 2, furthest + 1):
        assert buckets[0, furthest - distance] == in_float32(distance, n, furthest, quotient_first=False)


def test_with_the_quotient_first_the_float32_formula_can_miss_a_bucket():
    # 80 / 64 is the root of 100 / 64, so that 80 is where the middle one of the buckets from 64 to 127 begins.
    assert relative_buckets(1, 1, buckets=128, furthest=100, bidirectional=False, offset=80) == 96
    assert in_float32(80, 128, 100, quotient_first=True) == 95


@st.composite
def lookups(draw):
    """A table and the buckets of some pairs."""
    N, H, T, S = draw(st.integers(1, 6)), draw(st.integers(1, 3)), draw(SIZES), draw(SIZES)
    rng = draw(generators())
    return rng.normal(size=(N, H)), rng.integers(0, N, (T, S))


@given(lookups())
def test_each_head_has_the_bias_of_the_bucket(drawn):
    table, buckets = drawn
    bias = relative_bias(table, buckets)
    assert bias.shape == (table.shape[1], *buckets.shape)
    for h, t, s in np.ndindex(*bias.shape):
        assert bias[h, t, s] == table[buckets[t, s], h]


@mpmath.workdps(50)
def exact_gradient(d_bias, table, buckets):
    d_bias, d_table = exact.exactly(d_bias), exact.zeros(table.shape)
    for h, t, s in np.ndindex(*d_bias.shape):
        d_table[buckets[t, s], h] += d_bias[h, t, s]
    return exact.rounded(d_table)


@given(lookups(), generators())
def test_an_entry_of_the_table_has_the_sum_over_all_pairs_that_looked_it_up(drawn, rng):
    table, buckets = drawn
    d_bias = rng.normal(size=(table.shape[1], *buckets.shape))
    truth = exact_gradient(d_bias, table, buckets)
    bound = relative_bias_backward(track(d_bias, FLOAT64), track(table, FLOAT64), buckets)
    assert compare(relative_bias_backward(d_bias, table, buckets), truth, bound.error).agrees
    assert compare(bound.value, truth, bound.error).agrees


@pytest.mark.parametrize("dtype", MACHINES)
@given(lookups(), generators())
def test_the_bound_covers_a_machine_that_adds_pair_after_pair(dtype, drawn, rng):
    table, buckets = drawn
    d_bias = rng.normal(size=(table.shape[1], *buckets.shape)).astype(dtype)
    d_table = np.zeros(table.shape, dtype)
    for h, t, s in np.ndindex(*d_bias.shape):
        d_table[buckets[t, s], h] += d_bias[h, t, s]
    assert within_bound(
        d_table, relative_bias_backward(track(d_bias.astype(float), MACHINES[dtype]), table, buckets)
    ).agrees


@settings(max_examples=30)
@given(lookups(), generators())
def test_the_gradient_through_attention_is_that_of_the_complex_step(drawn, rng):
    (table, buckets), H = drawn, drawn[0].shape[1]
    (T, S), d = buckets.shape, 2
    query, key, value = (rng.normal(size=(H, length, d)) for length in (T, S, S))

    def attend(table):
        return dot_product_attention(query, key, value, bias=relative_bias(table, buckets))

    d_output = rng.normal(size=(H, T, d))
    derived = complex_step_gradient(attend, {"table": table}, "table", {"output": d_output})
    tracked = dot_product_attention_backward(d_output, attend(track(table, FLOAT64)))
    bound = relative_bias_backward(tracked.d_bias, track(table, FLOAT64), buckets)
    gradient = dot_product_attention_backward(d_output, attend(table)).d_bias
    assert within_bound(relative_bias_backward(gradient, table, buckets), bound).agrees
    terms = exact.attention(query, key, value, d_output=d_output, bias=relative_bias(table, buckets)).sizes["bias"]
    assert exact.ulps_apart(bound.value, derived, relative_bias_backward(np.float64(terms), table, buckets)) <= 300


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"buckets": 2}, "buckets: expected an even integer of at least 4, received 2"),
        ({"buckets": 5}, "buckets: expected an even integer of at least 4, received 5"),
        ({"buckets": 1, "bidirectional": False}, "buckets: expected an integer of at least 2, received 1"),
        ({"buckets": 8.0}, "buckets: expected an integer, received 8.0"),
        ({"furthest": 8}, "furthest: expected an integer above 8, of which each has a bucket of its own, received 8"),
        ({"furthest": 1.5}, "furthest: expected an integer, received 1.5"),
        ({"offset": "1"}, "offset: expected an integer, received '1'"),
        ({"T": -1}, "T: expected an integer of at least 0, received -1"),
        ({"S": 0.0}, "S: expected an integer, received 0.0"),
    ],
)
def test_settings_that_make_no_buckets_are_refused(options, message):
    with pytest.raises(ValueError, match=r": expected .*, received ") as raised:
        relative_buckets(**{"T": 2, "S": 2, **options})
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("table", "buckets", "message"),
    [
        (np.ones(3), [[0]], "table: expected shape (N, H), received (3,)"),
        (np.ones((3, 2)), [0], "buckets: expected shape (T, S), received (1,)"),
        (np.ones((3, 2)), [[0.0]], "buckets: expected integers, received dtype float64"),
        (np.ones((3, 2)), [[3, 1]], "buckets: expected integers from 0 to 2, received 1 to 3"),
        (np.ones((3, 2)), [[-1]], "buckets: expected integers from 0 to 2, received -1 to -1"),
        ([[np.nan]], [[0]], "table: expected finite numbers, received nan at index (0, 0)"),
    ],
)
def test_what_cannot_be_looked_up_is_refused(table, buckets, message):
    for function, arguments in ((relative_bias, ()), (relative_bias_backward, (np.ones((2, 1, 1)),))):
        with pytest.raises(ValueError, match=r": expected .*, received ") as raised:
            function(*arguments, table, buckets)
        assert str(raised.value) == message


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"^d_bias: expected shape \(2, 1, 4\) to match table \(3, 2\) and buckets"):
        relative_bias_backward(np.ones((2, 4)), np.ones((3, 2)), [[0, 1, 2, 0]])
