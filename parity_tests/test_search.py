"""What the search shows: each corner leaves open what it will, options are drawn alike, and pairs of them are met."""

from collections import Counter

import numpy as np
import pytest

from parity_tests import search, strategies, subjects
from parity_tests.pairs import Pairs

SEVERAL_HEADS = ("keras.layers.MultiHeadAttention", "keras.layers.GroupQueryAttention")


def met(target, **how):
    """Examples as drawn, in the order in which they are met."""
    shown = []
    search.walk(subjects.find(target), lambda drawn, trials: (shown.append(drawn), {})[1], **how)
    return shown


@pytest.mark.tensorflow  # elsewhere both examples of a corner share a graph
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("target", SEVERAL_HEADS)
def test_corners_leave_an_option_open_each_in_its_own_way(target, seed):
    subject = subjects.find(target)
    shown = []
    search.walk_corners(subject, lambda drawn, trials: shown.append(drawn), seed)
    for name in ("use_bias", "use_gate", "causal"):
        left_open = Counter(drawn.choices[name] for drawn in shown if name not in drawn.settled)
        assert min(left_open[False], left_open[True]) > left_open.total() / 4, (name, left_open)


@pytest.mark.parametrize("target", SEVERAL_HEADS)
def test_options_are_drawn_as_often_as_they_stand(target):
    shown = [drawn for seed in range(3) for drawn in met(target, examples=300, seed=seed, corners=False)]
    with_dropout = np.mean([drawn.choices["dropout"] > 0 for drawn in shown])
    with_bias = np.mean([drawn.choices["use_bias"] for drawn in shown])
    assert 0.35 < with_dropout < 0.65  # two of four options
    assert 0.35 < with_bias < 0.65


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("target", SEVERAL_HEADS)
def test_by_default_nearly_all_pairs_of_options_are_met(target, seed):
    kind, options = subjects.find(target).kind, subjects.find(target).options
    pairs, rng = Pairs(kind), np.random.default_rng(0)
    there_are = set().union(*(pairs.of(strategies.by_generator(rng, kind, options, {})) for _ in range(600)))
    for drawn in met(target, examples=300, seed=seed):
        pairs.meet(drawn)
    assert len(there_are - pairs.met) < len(there_are) / 100


@pytest.mark.tensorflow
def test_a_walk_that_is_driven_shows_as_many_examples_one_to_a_family():
    shown = met("keras_impl:AttentionLayer", examples=60, seed=0, corners=False, drive=True)
    assert len(shown) == 60
    assert not any(drawn.example.traced for drawn in shown)


@pytest.fixture
def sizes_are_compiled(monkeypatch):
    for module in (search, strategies):
        monkeypatch.setattr(module, "graphs_know_sizes", lambda: True)


@pytest.mark.parametrize("seed", range(4))
def test_where_sizes_are_compiled_an_eighth_is_eager_and_of_few_one(sizes_are_compiled, seed):
    few, many = (met("keras_impl:AttentionLayer", examples=examples, seed=seed, corners=False) for examples in (16, 64))
    assert [drawn.example.dtype for drawn in few if not drawn.example.traced] == [strategies.DTYPES[seed]]
    assert [drawn.example.traced for drawn in many].count(False) == 8
    assert {drawn.example.dtype for drawn in few} == set(strategies.DTYPES)


def test_where_sizes_are_compiled_two_examples_share_them(sizes_are_compiled):
    shown = met("keras_impl:AttentionLayer", examples=16, seed=0, corners=False)
    sizes = [[array.shape for array in drawn.example.inputs.values()] for drawn in shown]
    assert sizes[4::2] == sizes[5::2]


def test_the_same_seed_shows_the_same_and_another_others():
    first, again, other = (met("keras_impl:SelfAttention", examples=40, seed=seed) for seed in (4, 4, 5))
    assert [drawn.choices for drawn in first] == [drawn.choices for drawn in again]
    assert [drawn.choices for drawn in first] != [drawn.choices for drawn in other]
    assert all(np.array_equal(one.example.d_output, two.example.d_output) for one, two in zip(first, again))
