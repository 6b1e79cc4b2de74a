"""What was found among some keys, merged with what was found among others, is what is found among all."""

import numpy as np
import pytest
from hypothesis import given

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
    """Merged twice, so that a gradient arrives at a merged part's logarithm too."""
    own_keys, calls_of_shards = zip(*shards(call, rng))
    parts = [blockwise_attention(**shard) for shard in calls_of_shards]
    some = int(rng.integers(1, len(parts) + 1))
    first, rest = merge_attention(parts[:some]), parts[some:]
    d_output = rng.normal(size=first.output.shape)
    from_above, *of_rest = merge_attention_backward(d_output, [first, *rest])
    of_parts = [*merge_attention_backward(from_above.d_output, parts[:some], from_above.d_log_sum_exp), *of_rest]
    bound = dot_product_attention_backward(d_output, dot_product_attention(**tracked(call)))
    d_key = np.zeros(bound.d_key.shape)
    d_value = np.zeros(bound.d_value.shape)
    d_query = np.zeros(parts[0].query.shape)
    for keys, part, upstream in zip(own_keys, parts, of_parts):
        gradients = blockwise_attention_backward(upstream.d_output, part, upstream.d_log_sum_exp)
        d_key[..., keys, :] = gradients.d_key
        d_value[..., keys, :] = gradients.d_value
        d_query += gradients.d_query
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
        ([AttentionPart([[np.nan]], [0.0])], "output of part 0: expected finite numbers, received nan at index (0, 0)"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_together_are_refused(parts, message):
    with pytest.raises(ValueError, match=": expected ") as raised:
        merge_attention(parts)
    assert str(raised.value) == message
