"""The equations of positions in reference/DERIVATION.md, as those of test_derivation.py."""

import mpmath
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parity_tests import exact
from parity_tests.comparison import compare
from parity_tests.test_derivation import SEEDS, holds, matrices, total
from reference import relative_bias, relative_bias_backward, rotary_embedding, rotary_embedding_backward
from reference.rounding import FLOAT64, track

OFFSETS = st.integers(-20, 20)
SIZES = st.tuples(st.integers(1, 4), st.integers(1, 3))


@mpmath.workdps(50)
def cosines_and_sines(offset, T, half, base=10000):
    """Constants, (T, d / 2) each, with their bounds."""
    angles = exact.zeros((T, half))
    for t, i in np.ndindex(T, half):
        angles[t, i] = (offset + t) * mpmath.mpf(base) ** (-mpmath.mpf(2 * i) / (2 * half))
    each = (np.frompyfunc(function, 1, 1)(angles) for function in (mpmath.cos, mpmath.sin))
    return [track(exact.rounded(table), FLOAT64) for table in each]


@given(SEEDS, SIZES, OFFSETS)
def test_a_pair_is_turned_by_its_angle(seed, sizes, offset):
    T, half = sizes
    (x,), (cos, sin) = matrices(seed, (T, 2 * half)), cosines_and_sines(offset, T, half)
    y = rotary_embedding(x, offset=offset)
    holds(y[:, :half], lambda t, i: x[t, i] * cos[t, i] - x[t, i + half] * sin[t, i])
    holds(y[:, half:], lambda t, i: x[t, i + half] * cos[t, i] + x[t, i] * sin[t, i])


@given(SEEDS, SIZES, OFFSETS)
def test_the_gradient_of_a_pair_is_turned_back(seed, sizes, offset):
    T, half = sizes
    (d_y,), (cos, sin) = matrices(seed, (T, 2 * half)), cosines_and_sines(offset, T, half)
    d_x = rotary_embedding_backward(d_y, offset=offset)
    holds(d_x[:, :half], lambda t, i: d_y[t, i] * cos[t, i] + d_y[t, i + half] * sin[t, i])
    holds(d_x[:, half:], lambda t, i: d_y[t, i + half] * cos[t, i] - d_y[t, i] * sin[t, i])


@given(SEEDS, st.integers(1, 3), OFFSETS, OFFSETS)
def test_a_score_of_what_was_turned_knows_the_distance_alone(seed, half, t, s):
    query, key = matrices(seed, (1, 2 * half), (1, 2 * half))
    score = rotary_embedding(query, offset=t) @ rotary_embedding(key, offset=s).mT
    by_distance = rotary_embedding(query, offset=t - s) @ key.mT
    assert compare(score.value, by_distance.value, score.error + by_distance.error).agrees


@given(SEEDS, st.tuples(*(st.integers(1, 4),) * 4))
def test_an_entry_of_a_table_gets_the_sum_over_where_it_was_looked_up(seed, sizes):
    N, H, T, S = sizes
    table, d_bias = matrices(seed, (N, H), (H, T, S))
    buckets = np.random.default_rng(seed).integers(0, N, (T, S))
    holds(relative_bias(table, buckets), lambda h, t, s: table[buckets[t, s], h])
    places = [[at for at in np.ndindex(T, S) if buckets[at] == n] for n in range(N)]
    holds(relative_bias_backward(d_bias, table, buckets), lambda n, h: total(d_bias[(h, *at)] for at in places[n]))
