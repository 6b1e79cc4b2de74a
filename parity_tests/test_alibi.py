"""ALiBi: each head's slope, and the distance that it multiplies."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests import exact
from parity_tests.calls import generators
from parity_tests.comparison import compare
from reference import Projections, alibi_bias, causal_mask, dot_product_attention, multi_head_attention
from reference.rounding import FLOAT64, track

SIZES = st.integers(0, 6)
OFFSETS = st.integers(-7, 7) | st.integers(-(2**40), 2**40)


def slopes_of_the_paper(H):
    """As the paper's code has them, a recursion, to 50 digits."""
    if math.log2(H).is_integer():
        start = mpmath.mpf(2) ** (-(mpmath.mpf(2) ** -(mpmath.mpf(H.bit_length() - 1) - 3)))
        return [start * start**h for h in range(H)]
    closest = 2 ** math.floor(math.log2(H))
    return slopes_of_the_paper(closest) + slopes_of_the_paper(2 * closest)[0::2][: H - closest]


@mpmath.workdps(50)
def exact_bias(H, T, S, offset):
    bias, slopes = exact.zeros((H, T, S)), slopes_of_the_paper(H)
    for h, t, s in np.ndindex(*bias.shape):
        bias[h, t, s] = -slopes[h] * abs(t + offset - s)
    return exact.rounded(bias)


@given(st.integers(1, 40), SIZES, SIZES, OFFSETS)
def test_a_bias_is_the_slope_of_the_paper_times_the_distance(H, T, S, offset):
    truth = exact_bias(H, T, S, offset)
    bias = alibi_bias(H, T, S, offset)
    assert bias.dtype == np.float64
    assert compare(bias, truth, track(truth, FLOAT64).error).agrees


@pytest.mark.parametrize(
    ("H", "powers"), [(8, range(1, 9)), (4, (2, 4, 6, 8)), (3, (4, 8, 2)), (6, (2, 4, 6, 8, 1, 3))]
)
def test_slopes_that_are_powers_of_two_are_exact(H, powers):
    assert alibi_bias(H, 1, 2)[:, 0, 1].tolist() == [-(2.0**-power) for power in powers]


@given(st.integers(1, 8), SIZES, st.integers(0, 6))
def test_with_an_offset_the_rows_are_the_last_of_all(H, T, before):
    S = before + T
    assert np.array_equal(alibi_bias(H, T, S, offset=before), alibi_bias(H, S, S)[:, before:])


@given(generators(), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))
def test_multi_head_attention_adds_to_each_head_its_own(rng, H, T, S):
    projections = Projections(*(rng.normal(size=shape) for shape in ((2, H, 1), (2, 1, 1), (2, 1, 1), (H, 1, 2))))
    inputs, bias = (rng.normal(size=(length, 2)) for length in (T, S, S)), alibi_bias(H, T, S)
    heads = multi_head_attention(*inputs, projections, bias=bias)
    for h in range(H):
        query, key, value = heads.attention.query[0, h], heads.attention.key[0, 0], heads.attention.value[0, 0]
        alone = dot_product_attention(query, key, value, bias=bias[h]).weights
        tracked = dot_product_attention(*(track(each, FLOAT64) for each in (query, key, value)), bias=bias[h]).weights
        assert compare(heads.weights[h], alone, 2 * tracked.error).agrees


@given(st.integers(1, 8), st.integers(1, 5))
def test_of_equal_keys_the_nearer_has_more_weight(H, T):
    ones = np.ones((T, 1))
    weights = dot_product_attention(ones, ones, ones, bias=alibi_bias(H, T, T), mask=causal_mask(T, T)).weights
    for t in range(1, T):
        assert (np.diff(weights[:, t, : t + 1]) > 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 2, 2), "H: expected an integer of at least 1, received 0"),
        ((-1, 2, 2), "H: expected an integer of at least 0, received -1"),
        ((2.0, 2, 2), "H: expected an integer, received 2.0"),
        ((2, -1, 2), "T: expected an integer of at least 0, received -1"),
        ((2, 2, -1), "S: expected an integer of at least 0, received -1"),
        ((2, 2, 2, 0.5), "offset: expected an integer, received 0.5"),
    ],
)
def test_what_is_no_size_is_refused(arguments, message):
    with pytest.raises(ValueError, match=r": expected .*, received ") as raised:
        alibi_bias(*arguments)
    assert str(raised.value) == message
