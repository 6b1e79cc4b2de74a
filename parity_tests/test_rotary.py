"""Rotary embedding against rotations to 80 digits, at positions near and far."""

from collections import namedtuple

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
    rotary_embedding,
    rotary_embedding_backward,
)
from reference.inputs import FURTHEST
from reference.rounding import FLOAT32, FLOAT64, Arithmetic, track

POSITIONS = st.integers(-5, 5) | st.integers(-(2**20), 2**20) | st.integers(-(2**60), 2**60)
BASES = st.sampled_from((10000.0, 500000, 1.0, 1e30)) | st.floats(1.0, 1e6)
Record = namedtuple("Record", "y")
OPTIONS = st.fixed_dictionaries({"offset": POSITIONS, "base": BASES, "interleaved": st.booleans()})


@st.composite
def arrays(draw):
    """Queries or keys, with leading axes or without; tenths, as a product is exact of no rounded cosine in truth."""
    leading = draw(st.sampled_from(((), (2,), (3, 1))))
    shape = (*leading, draw(st.integers(1, 4)), 2 * draw(st.integers(1, 4)))
    rng, size = draw(generators()), draw(st.sampled_from((1e-3, 1.0, 1e3)))
    return rng.normal(size=shape) * size if draw(st.booleans()) else rng.integers(-9, 10, shape) / 10


@mpmath.workdps(80)
def exact_rotation(x, *, offset, base, interleaved, direction=1):
    """Each pair of each position as a complex number, times ``exp(i angle)``."""
    x, d = exact.exactly(x), x.shape[-1]
    y = exact.zeros(x.shape)
    for *lead, t in np.ndindex(*x.shape[:-1]):
        for i in range(d // 2):
            one, other = (2 * i, 2 * i + 1) if interleaved else (i, i + d // 2)
            angle = (offset + t) * mpmath.mpf(base) ** (-mpmath.mpf(2 * i) / d)
            turned = mpmath.mpc(x[(*lead, t, one)], x[(*lead, t, other)]) * mpmath.expj(direction * angle)
            y[(*lead, t, one)], y[(*lead, t, other)] = turned.real, turned.imag
    return exact.rounded(y)


@given(arrays(), OPTIONS)
def test_each_pair_is_turned_by_its_position_times_its_frequency(x, options):
    truth, bound = exact_rotation(x, **options), rotary_embedding(track(x, FLOAT64), **options)
    assert compare(rotary_embedding(x, **options), truth, bound.error).agrees
    assert compare(bound.value, truth, bound.error).agrees


@given(arrays(), OPTIONS)
def test_longdouble_keeps_its_digits(x, options):
    y = rotary_embedding(x.astype(np.longdouble), **options)
    assert y.dtype == np.longdouble
    machine = Arithmetic(
        float(np.finfo(np.longdouble).eps), 0.0
    )  # twice the unit roundoff, as elementary functions have
    assert compare(y, exact_rotation(x, **options), rotary_embedding(track(x, machine), **options).error).agrees


@given(arrays(), OPTIONS)
def test_the_gradient_is_turned_back(d_y, options):
    truth = exact_rotation(d_y, **options, direction=-1)
    bound = rotary_embedding_backward(track(d_y, FLOAT64), **options)
    assert compare(rotary_embedding_backward(d_y, **options), truth, bound.error).agrees
    assert compare(bound.value, truth, bound.error).agrees


@settings(max_examples=30)
@given(arrays(), OPTIONS, generators())
def test_the_gradient_is_that_of_the_complex_step(x, options, rng):
    def as_record(x):
        return Record(rotary_embedding(x, **options))

    d_y = rng.normal(size=x.shape)
    derived = complex_step_gradient(as_record, {"x": x}, "x", {"y": d_y})
    assert within_bound(derived, rotary_embedding_backward(track(d_y, FLOAT64), **options)).agrees


@given(arrays(), OPTIONS)
def test_turned_and_turned_back_it_is_what_it_was(x, options):
    bound = rotary_embedding_backward(rotary_embedding(track(x, FLOAT64), **options), **options)
    assert compare(x, bound.value, bound.error).agrees
    back = rotary_embedding_backward(rotary_embedding(x, **options), **options)
    assert within_bound(back, bound).agrees


@given(arrays(), BASES, st.booleans())
def test_position_zero_is_left_as_it_is(x, base, interleaved):
    assert np.array_equal(rotary_embedding(x, base=base, interleaved=interleaved)[..., 0, :], x[..., 0, :])


@given(arrays(), OPTIONS)
def test_each_position_is_turned_as_if_it_were_alone(x, options):
    y, offset = rotary_embedding(x, **options), options.pop("offset")
    for t in range(x.shape[-2]):
        alone = rotary_embedding(x[..., t : t + 1, :], offset=offset + t, **options)
        assert np.array_equal(alone, y[..., t : t + 1, :])


@given(arrays(), OPTIONS)
def test_the_two_layouts_differ_by_the_order_of_the_depth(x, options):
    d = x.shape[-1]
    order = np.arange(d).reshape(2, d // 2).T.reshape(d)  # of pairs of halves, one pair after the other
    halves, pairs = ({**options, "interleaved": interleaved} for interleaved in (False, True))
    assert np.array_equal(rotary_embedding(x, **halves)[..., order], rotary_embedding(x[..., order], **pairs))


@given(generators(), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), OPTIONS, POSITIONS)
def test_scores_depend_on_the_distance_alone(rng, T, S, half, options, shift):
    query, key = rng.normal(size=(T, 2 * half)), rng.normal(size=(S, 2 * half))
    ahead, offset = int(rng.integers(-4, 5)), options.pop("offset")

    def scores(query, key, offset):
        turned = (
            rotary_embedding(query, offset=offset + ahead, **options),
            rotary_embedding(key, offset=offset, **options),
        )
        return dot_product_attention(*turned, np.ones((S, 1))).scores

    bounds = [scores(track(query, FLOAT64), track(key, FLOAT64), at) for at in (offset, offset + shift)]
    error = bounds[0].error + bounds[1].error
    assert compare(scores(query, key, offset), scores(query, key, offset + shift), error).agrees
    assert compare(bounds[0].value, bounds[1].value, error).agrees


@pytest.mark.parametrize("dtype", MACHINES)
@settings(max_examples=60)
@given(x=arrays(), options=OPTIONS)
def test_the_bound_covers_machines_that_have_rounded_cosines(dtype, x, options):
    x, columns = x.astype(dtype), np.arange(x.shape[-1])
    first = columns % 2 == 0 if options["interleaved"] else columns < len(columns) // 2
    ones = np.broadcast_to(first, x.shape[-2:]).astype(float)  # turned, they are the cosines and the sines
    turned = rotary_embedding(ones, **options).astype(dtype)
    cosines, sines, one, other = turned[:, first], turned[:, ~first], x[..., first], x[..., ~first]
    bound = rotary_embedding(track(x.astype(float), MACHINES[dtype]), **options)
    assert within_bound(one * cosines - other * sines, bound[..., first]).agrees
    assert within_bound(one * sines + other * cosines, bound[..., ~first]).agrees


def test_the_bound_does_not_cover_angles_in_float32_far_from_the_start():
    frequencies = np.float32(10000) ** (-np.arange(0, 128, 2, dtype=np.float32) / np.float32(128))
    bound = rotary_embedding(track(np.repeat([[1.0, 0.0]], 64, axis=1), FLOAT32), offset=99_999)[..., :64]
    assert not within_bound(np.cos(np.float32(99_999) * frequencies)[None], bound).agrees


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64, np.complex128])
def test_arithmetic_is_float64_or_what_carries_more(dtype):
    y = rotary_embedding(np.ones((2, 2), dtype=dtype))
    assert y.dtype == (dtype if dtype == np.complex128 else np.float64)


@pytest.mark.parametrize("shape", [(0, 2), (0, 3, 4), (2, 0, 4)])
def test_without_positions_there_is_nothing_to_turn(shape):
    assert rotary_embedding(np.ones(shape)).shape == shape


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (np.ones((2, 3)), {}, "expected shape (..., T, d) with d even and at least 2, received (2, 3)"),
        (np.ones((2, 0)), {}, "expected shape (..., T, d) with d even and at least 2, received (2, 0)"),
        (np.ones(2), {}, "expected shape (..., T, d) with d even and at least 2, received (2,)"),
        ([[1.0, np.nan]], {}, "expected finite numbers, received nan at index (0, 1)"),
        ([[1.0, 2.0]], {"offset": 0.5}, "offset: expected an integer, received 0.5"),
        (
            [[1.0, 2.0]],
            {"offset": 2**63},
            f"offset: expected an integer from -{FURTHEST} to {FURTHEST}, received {2**63}",
        ),
        ([[1.0, 2.0]], {"base": 0.5}, "base: expected a number from 1 to 1e+30, received 0.5"),
        ([[1.0, 2.0]], {"base": np.inf}, "base: expected a number from 1 to 1e+30, received inf"),
        ([[1.0, 2.0]], {"base": np.nan}, "base: expected a number from 1 to 1e+30, received nan"),
        ([[1.0, 2.0]], {"base": "10000"}, "base: expected a number from 1 to 1e+30, received '10000'"),
    ],
)
@pytest.mark.parametrize(("function", "name"), [(rotary_embedding, "x"), (rotary_embedding_backward, "d_y")])
def test_what_cannot_be_turned_is_refused(function, name, x, options, message):
    with pytest.raises(ValueError, match=r"expected .*, received ") as raised:
        function(x, **options)
    assert str(raised.value) == (message if options else f"{name}: {message}")
