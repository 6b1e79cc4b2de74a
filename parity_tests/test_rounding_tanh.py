"""The bound of what passes through a tanh backwards, held against a machine that rounds as badly as it may."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.calls import generators
from parity_tests.comparison import within_bound
from reference.rounding import BFLOAT16, track

SQUARE, FACTORS, GRADIENT = range(3)
ROUNDINGS = 4


def through_tanh(form, d_tanh, activation, roundings):
    """What arrives at the argument of a tanh, each operation rounded by one of the factors."""
    one, two, three, four = roundings
    if form == SQUARE:
        return d_tanh * ((1 - activation * activation * one) * two) * three
    if form == FACTORS:
        return d_tanh * ((1 - activation) * one * ((1 + activation) * two) * three) * four
    return (d_tanh + d_tanh * activation * one) * two * ((1 - activation) * three) * four


@pytest.mark.parametrize("form", [SQUARE, FACTORS, GRADIENT])
@given(rng=generators(), size=st.sampled_from((2.0**-6, 0.25, 1.0, 4.0)))
def test_the_slope_stays_within_its_bound_in_each_of_its_forms_however_it_is_rounded(form, rng, size):
    activations = np.tanh(track(rng.normal(size=5) * size, BFLOAT16))
    d_tanh = track(rng.integers(-99, 100, size=5), BFLOAT16)
    bound = d_tanh * (1 - np.square(activations))
    almost = 1 - 2.0**-20  # as float64 rounds too, by far less
    for towards, *signs in itertools.product((-1, 1), repeat=1 + ROUNDINGS):
        roundings = [1 + sign * BFLOAT16.unit_roundoff * almost for sign in signs]
        machine = activations.value + towards * activations.error * almost
        assert within_bound(through_tanh(form, d_tanh.value, machine, roundings), bound).agrees
