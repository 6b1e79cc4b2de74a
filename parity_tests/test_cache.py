"""A cache of keys and values: a sequence that is read a piece at a time is attended to as if it were read at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity_tests.calls import generators
from parity_tests.comparison import compare, within_bound
from reference import (
    KeyValueCache,
    alibi_bias,
    causal_mask,
    dot_product_attention,
    extend_cache,
    relative_bias,
    relative_buckets,
    rotary_embedding,
)
from reference.heads import grouped
from reference.rounding import FLOAT64, track

INPUTS = ("query", "key", "value")


@st.composite
def sequences(draw):
    """A sequence in the layout of heads that share key heads, what tells it of positions, and where it is cut."""
    length, d_k, d_v = draw(st.tuples(st.integers(1, 7), st.sampled_from((2, 4)), st.integers(1, 3)))
    H_kv, G = draw(st.tuples(*(st.integers(1, 2),) * 2))
    leading, rng = draw(st.sampled_from(((), (2,)))), draw(generators())
    shapes = ((G, length, d_k), (1, length, d_k), (1, length, d_v))
    sequence = {name: rng.normal(size=(*leading, H_kv, *shape)) for name, shape in zip(INPUTS, shapes)}
    sequence["positions"] = draw(st.sampled_from(("none", "rotary", "interleaved", "alibi", "relative")))
    sequence["table"] = rng.normal(size=(4, H_kv * G))
    cuts = sorted(draw(st.sets(st.integers(1, length - 1)))) if length > 1 else []
    return sequence, [*zip([0, *cuts], [*cuts, length])]


def turned(array, positions, offset):
    if positions not in ("rotary", "interleaved"):
        return array
    return rotary_embedding(array, offset=offset, interleaved=positions == "interleaved")


def options_of(query, key, positions, table, offset):
    """Mask, scale and bias of queries that begin at an offset."""
    H_kv, G, T, _ = query.shape[-4:]
    S, bias = key.shape[-2], None
    if positions == "alibi":
        bias = alibi_bias(H_kv * G, T, S, offset=offset)
    if positions == "relative":
        buckets = relative_buckets(T, S, buckets=4, furthest=4, bidirectional=False, offset=offset)
        bias = relative_bias(table, buckets)
    return {"mask": causal_mask(T, S, offset=offset), "scale": 0.5, "bias": grouped(bias, H_kv, G)}


def at_once(query, key, value, positions, table):
    query, key = turned(query, positions, 0), turned(key, positions, 0)
    return dot_product_attention(query, key, value, **options_of(query, key, positions, table, 0))


def in_pieces(pieces, query, key, value, positions, table):
    """Each piece attends to the cache of all so far."""
    cache, attended = None, []
    for first, last in pieces:
        piece = (array[..., first:last, :] for array in (query, key, value))
        new_query, new_key, new_value = piece
        new_query, new_key = turned(new_query, positions, first), turned(new_key, positions, first)
        cache = extend_cache(cache, new_key, new_value)
        T, S = new_query.shape[-2], cache.key.shape[-2]
        options = options_of(new_query, cache.key, positions, table, S - T)
        attended.append(dot_product_attention(new_query, *cache, **options))
    return attended


def tracked(sequence):
    return {**sequence, **{name: track(sequence[name], FLOAT64) for name in (*INPUTS, "table")}}


@given(sequences())
def test_a_sequence_read_in_pieces_is_attended_to_as_if_read_at_once(drawn):
    sequence, pieces = drawn
    bound = at_once(**tracked(sequence))
    for (first, last), piece in zip(pieces, in_pieces(pieces, **sequence)):
        assert within_bound(piece.output, bound.output[..., first:last, :]).agrees
        assert within_bound(piece.weights, bound.weights[..., first:last, :last]).agrees
        assert not bound.weights.value[..., first:last, last:].any()


@given(sequences())
def test_the_bound_of_the_pieces_covers_the_sequence_read_at_once(drawn):
    sequence, pieces = drawn
    whole, bound = at_once(**sequence), at_once(**tracked(sequence))
    for (first, last), piece in zip(pieces, in_pieces(pieces, **tracked(sequence))):
        assert within_bound(whole.output[..., first:last, :], piece.output).agrees
        rows = bound.output[..., first:last, :]
        assert compare(piece.output.value, rows.value, piece.output.error + rows.error).agrees


@given(sequences())
def test_a_cache_holds_all_positions_in_the_order_in_which_they_came(drawn):
    sequence, pieces = drawn
    cache, earlier = None, []
    for first, last in pieces:
        cache = extend_cache(cache, *(sequence[name][..., first:last, :] for name in ("key", "value")))
        earlier.append(cache)
    for (_, last), cache in zip(pieces, earlier):  # no cache is changed by what comes after it
        assert np.array_equal(cache.key, sequence["key"][..., :last, :])
        assert np.array_equal(cache.value, sequence["value"][..., :last, :])


@given(sequences())
def test_a_cache_of_numbers_with_a_bound_keeps_it(drawn):
    (sequence, pieces), cache = drawn, None
    key, value = np.exp(track(sequence["key"], FLOAT64)), track(sequence["value"], FLOAT64)
    for first, last in pieces:
        cache = extend_cache(cache, key[..., first:last, :], value[..., first:last, :])
    assert np.array_equal(cache.key.error, key.error)
    assert np.array_equal(cache.value.error, value.error)


@settings(max_examples=30)
@given(sequences())
def test_no_positions_extend_a_cache_by_nothing(drawn):
    sequence, _ = drawn
    cache = extend_cache(None, sequence["key"], sequence["value"])
    extended = extend_cache(cache, cache.key[..., :0, :], cache.value[..., :0, :])
    assert np.array_equal(extended.key, cache.key)
    assert np.array_equal(extended.value, cache.value)
    from_nothing = extend_cache(extend_cache(None, cache.key[..., :0, :], cache.value[..., :0, :]), *cache)
    assert np.array_equal(from_nothing.key, cache.key)


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, np.complex128])
def test_a_cache_is_float64_or_what_carries_more(dtype):
    cache = extend_cache(extend_cache(None, np.ones((1, 2), dtype), np.ones((1, 3))), [[1, 2]], [[1, 2, 3]])
    assert cache.key.dtype == (np.float64 if dtype == np.float16 else dtype)
    assert cache.value.dtype == np.float64


CACHE = KeyValueCache(np.ones((2, 4, 3)), np.ones((2, 4, 5)))


@pytest.mark.parametrize(
    ("cache", "key", "value", "message"),
    [
        (None, np.ones(3), np.ones((1, 5)), "key: expected shape (..., T, d_k), received (3,)"),
        (None, np.ones((1, 3)), 1.0, "value: expected shape (..., T, d_v), received ()"),
        (None, np.ones((1, 3)), np.ones((2, 5)),
         "value: expected shape (..., 1, d_v) to match key (1, 3), received (2, 5)"),
        (CACHE, np.ones((2, 1, 4)), np.ones((2, 1, 5)),
         "key: expected shape (2, T, 3) to match the cache (2, 4, 3), received (2, 1, 4)"),
        (CACHE, np.ones((1, 3)), np.ones((1, 5)),
         "key: expected shape (2, T, 3) to match the cache (2, 4, 3), received (1, 3)"),
        (CACHE, np.ones((2, 1, 3)), np.ones((1, 1, 5)),
         "value: expected shape (2, T, 5) to match the cache (2, 4, 5), received (1, 1, 5)"),
        (CACHE, np.full((2, 1, 3), np.inf), np.ones((2, 1, 5)),
         "key: expected finite numbers, received inf at index (0, 0, 0)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_cache_is_refused(cache, key, value, message):
    with pytest.raises(ValueError, match=r": expected .*, received ") as raised:
        extend_cache(cache, key, value)
    assert str(raised.value) == message
