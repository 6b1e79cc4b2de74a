"""What was found among some keys, merged with what was found among others, is what is found among all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.calls import TRACKED, calls, generators, tracked
from parity_tests.comparison import within_bound
from reference import (
    AttentionPart,
    blockwise_attention,
    blockwise_attention_backward,
    dot_product_attention,
    dot_product_attention_backward,
    merge_attention,
    merge_attention_backward,
    window_positions,
)
from reference.rounding import FLOAT64, track
from reference.softmax import LOWEST

ALONG_KEYS = {"key": -2, "value": -2, "scale": -1, "bias": -1, "mask": -1}


def shards(call, rng):
    """The keys dealt out at random to as many shards or fewer, each in any order: the indices and the call of each."""
    S = call["key"].shape[-2]
    *leading, _ = blockwise_attention(**call).maximum.shape
    query = np.broadcast_to(call["query"], (*leading, *call["query"].shape[-2:]))  # so that all parts have all items
    keys = rng.permutation(S)
    dealt = np.split(keys, np.sort(rng.integers(0, S + 1, rng.integers(0, 4))))
    return [(own, {**call, "query": query, **_of_keys(call, own, S)}) for own in dealt]


def _of_keys(call, own, S):
    """The arrays that have an axis of keys, with these keys alone."""
    there = {name: axis for name, axis in ALONG_KEYS.items() if np.ndim(call[name])}
    return {name: np.take(call[name], own, axis) for name, axis in there.items() if call[name].shape[axis] == S}


@given(calls(), generators())
def test_any_split_of_the_keys_in_any_order_gives_the_same_within_the_bound(call, rng):
    merged = merge_attention([blockwise_attention(**shard) for _, shard in shards(call, rng)])
    assert within_bound(merged.output, dot_product_attention(**tracked(call)).output).agrees


@given(calls(), generators())
def test_parts_with_a_logarithm_are_merged_within_the_bound_of_a_machine_that_has_it(call, rng):
    machine = FLOAT64._replace(log_sum_exp=True)
    of_machine = {
        name: track(one, machine) if name in TRACKED and one is not None else one for name, one in call.items()
    }
    parts = [blockwise_attention(**shard) for _, shard in shards(call, rng)]
    merged = merge_attention([AttentionPart(part.output, part.log_sum_exp) for part in parts])
    assert within_bound(merged.output, dot_product_attention(**of_machine).output).agrees


@given(calls(), generators())
def test_the_gradients_of_all_parts_are_those_of_the_whole_within_the_bound(call, rng):
    """Merged twice, so that a gradient arrives at a merged part's logarithm too; of values of about the same size."""
    own_keys, calls_of_shards = zip(*shards(call, rng))
    parts = [blockwise_attention(**shard) for shard in calls_of_shards]
    some = int(rng.integers(1, len(parts) + 1))
    first, rest = merge_attention(parts[:some]), parts[some:]
    d_output = rng.normal(size=first.output.shape)
    from_above, *of_rest = merge_attention_backward(d_output, [first, *rest])
    of_parts = [*merge_attention_backward(from_above.d_output, parts[:some], from_above.d_log_sum_exp), *of_rest]
    gradients = [
        blockwise_attention_backward(upstream.d_output, part, upstream.d_log_sum_exp)
        for part, upstream in zip(parts, of_parts)
    ]
    check_sums(call, d_output, own_keys, gradients)


@given(calls(), generators(), st.sampled_from((0.0, 3.0)))
def test_parts_that_know_the_whole_hand_down_its_gradients_within_the_bound(call, rng, spread):
    """Values may be of very different sizes, and the output much smaller than that of one part."""
    call["value"] *= rng.lognormal(0, spread, (*call["value"].shape[:-1], 1))
    own_keys, calls_of_shards = zip(*shards(call, rng))
    parts = [blockwise_attention(**shard) for shard in calls_of_shards]
    whole = merge_attention(parts)
    d_output = rng.normal(size=whole.output.shape)
    gradients = [blockwise_attention_backward(d_output, part, whole=whole) for part in parts]
    check_sums(call, d_output, own_keys, gradients)


@pytest.mark.parametrize("value", [1e3, 1e13])
def test_a_part_that_hardly_counts_may_have_a_much_larger_output_than_the_whole(value):
    call = {"query": [[1.0]], "key": np.array([[0.0], [0.0], [40.0]]), "value": np.array([[value], [0.0], [1e-3]])}
    call |= {"scale": 1.0, "softcap": None, "bias": None, "mask": None}
    own_keys = [[0, 1], [2]]
    parts = [
        blockwise_attention(**{**call, "key": call["key"][keys], "value": call["value"][keys]}) for keys in own_keys
    ]
    whole = merge_attention(parts)
    gradients = [blockwise_attention_backward([[1.0]], part, whole=whole) for part in parts]
    check_sums(call, np.ones((1, 1)), own_keys, gradients)


def test_a_gradient_for_the_logarithm_of_the_whole_reaches_its_parts():
    call = {"query": [[2.0], [1.0]], "key": [[1.0], [0.0], [-1.0]], "value": [[1.0], [2.0], [4.0]]}
    parts = [
        blockwise_attention(**{**call, **{name: call[name][keys] for name in ("key", "value")}})
        for keys in (slice(2), slice(2, 3))
    ]
    d_output, d_log_sum_exp = [[1.0], [2.0]], [3.0, -1.0]
    at_once = blockwise_attention_backward(d_output, blockwise_attention(**call), d_log_sum_exp).d_key
    of_parts = [
        blockwise_attention_backward(d_output, one, d_log_sum_exp, whole=merge_attention(parts)).d_key for one in parts
    ]
    assert np.array_equal(np.concatenate(of_parts).round(12), at_once.round(12))
    assert np.abs(at_once).min() > 0.1


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        (AttentionPart([[1.0, 2.0]], [1.0]), "output of the whole: expected shape (1, 1), received (1, 2)"),
        (
            AttentionPart([[1.0]], [0.9]),
            "whole: expected what attention is a part of, received one whose maximum is less",
        ),
    ],
)
def test_what_attention_is_no_part_of_is_refused(whole, message):
    with pytest.raises(ValueError, match=": expected ") as raised:
        blockwise_attention_backward([[1.0]], blockwise_attention([[1.0]], [[1.0]], [[1.0]]), whole=whole)
    assert str(raised.value) == message


def check_sums(call, d_output, own_keys, gradients):
    """What all parts hand down is within the bound what attention to all keys at once does."""
    bound = dot_product_attention_backward(d_output, dot_product_attention(**tracked(call)))
    d_key = np.zeros(bound.d_key.shape)
    d_value = np.zeros(bound.d_value.shape)
    for keys, part in zip(own_keys, gradients):
        d_key[..., keys, :] = part.d_key
        d_value[..., keys, :] = part.d_value
    d_query = sum(part.d_query for part in gradients)
    assert within_bound(d_key, bound.d_key).agrees
    assert within_bound(d_value, bound.d_value).agrees
    stretched = d_query.ndim - bound.d_query.ndim
    summed = [
        axis
        for axis in range(d_query.ndim)
        if axis < stretched or bound.d_query.shape[axis - stretched] != d_query.shape[axis]
    ]
    assert within_bound(d_query.sum(axis=tuple(summed)).reshape(bound.d_query.shape), bound.d_query).agrees


@given(calls(), generators())
def test_a_part_in_which_nothing_is_visible_changes_no_bit(call, rng):
    part = blockwise_attention(**call)
    hidden = blockwise_attention(**{**call, "mask": np.zeros((*part.maximum.shape, 1), dtype=bool)})
    alone, beside = merge_attention([part]), merge_attention([part, hidden])
    for one, other in zip(alone, beside):
        assert np.array_equal(one, other)


@given(calls(), generators())
def test_a_part_whose_logarithm_says_that_nothing_is_visible_counts_nothing(call, rng):
    part = blockwise_attention(**call)
    hidden = AttentionPart(rng.normal(size=part.output.shape), np.full(part.maximum.shape, -np.inf))
    alone, beside = merge_attention([part]), merge_attention([part, hidden])
    assert np.array_equal(beside.output, alone.output)
    assert np.array_equal(beside.log_sum_exp, alone.log_sum_exp)
    *_, gradients = merge_attention_backward(rng.normal(size=part.output.shape), [part, hidden])
    assert not np.any(gradients.d_output)
    assert not np.any(gradients.d_log_sum_exp)
    nothing = merge_attention([hidden, hidden])
    assert not np.any(nothing.output)
    assert np.array_equal(nothing.log_sum_exp, hidden.maximum)


def test_a_total_of_0_says_that_nothing_is_visible_whatever_the_maximum():
    hidden, low = AttentionPart([[1.0]], [0.0], [0.0]), AttentionPart([[2.0]], [-800.0], [1.0])
    assert merge_attention([hidden, low]).output == 2.0
    assert merge_attention([hidden]).log_sum_exp == -np.inf


def test_a_logit_may_be_the_lowest_number_there_is():
    part = blockwise_attention([[1.0]], [[LOWEST]], [[3.0]])
    assert merge_attention([part]).output == part.output == 3.0
    assert AttentionPart([[0.0]], [LOWEST]).log_sum_exp == -np.inf  # but if it is a logarithm


def test_outputs_may_be_near_the_largest_number_there_is():
    part = AttentionPart([[1e308]], [0.0], [2.0])
    assert merge_attention([part] * 4).output == 1e308


def test_the_gradient_between_outputs_near_the_largest_number_is_a_number():
    parts = [AttentionPart([[1.5e308]], [0.0], [0.75]), AttentionPart([[-1.5e308]], [0.0], [0.25])]
    gradients = merge_attention_backward([[2.0**-4]], parts)
    assert [one.d_log_sum_exp.item() / 1.5e308 for one in gradients] == [0.75 / 32, -0.25 * 1.5 / 16]


def test_a_part_that_counts_nothing_has_gradients_0_whatever_its_output():
    seen, unseen = AttentionPart([[1.0]], [0.0]), AttentionPart([[1e308]], [-np.inf])
    _, gradients = merge_attention_backward([[10.0]], [seen, unseen])
    assert gradients.d_log_sum_exp == gradients.d_output == 0


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_parts_of_a_narrow_kernel_tell_their_logarithm(dtype):
    part = AttentionPart(np.zeros((2, 1), dtype), np.array([-np.inf, 1], dtype))
    assert part.log_sum_exp.tolist() == [-np.inf, 1.0]


def test_a_query_that_has_seen_nothing_yet_is_no_underflow():
    with np.errstate(all="raise"):
        x = np.linspace(-1, 1, 12).reshape(6, 2)
        output = blockwise_attention(x, x, x, mask=window_positions(1, 1), block=(6, 2)).output
    assert np.abs(output).min() > 0


@given(calls(), generators())
def test_parts_may_have_logits_of_any_size(call, rng):
    S = call["key"].shape[-2]
    bias = rng.choice([-1e3, 0.0, 1e3], S) if rng.random() < 0.5 else np.full(S, -1e3)
    call = {**call, "bias": np.broadcast_to(bias, (call["query"].shape[-2], S)).copy()}
    merged = merge_attention([blockwise_attention(**shard) for _, shard in shards(call, rng)])
    assert within_bound(merged.output, dot_product_attention(**tracked(call)).output).agrees


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "parts: expected at least one, received none"),
        ([AttentionPart([1.0], [0.0])], "output of part 0: expected shape (..., T, d_v), received (1,)"),
        ([AttentionPart([[1.0]], [0.0, 0.0])], "maximum of part 0: expected shape (1,), received (2,)"),
        ([AttentionPart([[1.0]], [0.0], [[1.0]])], "total of part 0: expected shape (1,), received (1, 1)"),
        (
            [AttentionPart([[1.0]], [0.0]), AttentionPart([[1.0, 2.0]], [0.0])],
            "output of part 1: expected shape (1, 1), received (1, 2)",
        ),
        (
            [AttentionPart([[1.0]], [0.0], [-1.0])],
            "total of part 0: expected numbers of at least 0, received -1.0",
        ),
        (
            AttentionPart([[1.0]], [0.0]),
            "part 0: expected a record with output, maximum and total, received list",
        ),
        (
            [AttentionPart([[1.0]], [0.0], [1.7e308])] * 2,
            "total: expected finite numbers, of all parts together too, received some whose sum overflows",
        ),
        ([AttentionPart([[np.nan]], [0.0])], "output of part 0: expected finite numbers, received nan at index (0, 0)"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_together_are_refused(parts, message):
    with pytest.raises(ValueError, match=": expected ") as raised:
        merge_attention(parts)
    assert str(raised.value) == message
