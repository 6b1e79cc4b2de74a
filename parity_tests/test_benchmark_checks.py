"""Where the time of a check goes."""

import time

import numpy as np
import pytest

from parity_tests import subjects
from parity_tests.benchmarks import checks
from parity_tests.benchmarks.checks import Check
from parity_tests.built_layer import BuiltLayer
from parity_tests.strategies import by_generator


def nobody_sees(step):
    """Progress that is not shown."""


def test_the_parts_of_a_check_are_timed_once_and_within_its_seconds():
    started = time.perf_counter()
    one = checks.once(subjects.find("keras_impl:AttentionLayer"), 8, 0, corners=False)
    assert one.examples == 8
    assert min(one.layer, one.truth, one.drawing, one.rest) > 0
    assert one.seconds < time.perf_counter() - started


@pytest.fixture
def subject():
    return subjects.find("keras_impl:AttentionLayer")


@pytest.fixture
def example(subject):
    return by_generator(np.random.default_rng(0), subject.kind, subject.options, {}).example


def test_a_part_within_a_part_is_not_counted_twice(subject, example):
    with checks.timed() as parts:
        started = time.perf_counter()
        BuiltLayer(subject, example)  # which calls the layer
        assert 0 < parts["layer"] < time.perf_counter() - started


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda built, example: built.run(example, return_attention_scores=False), id="run"),
        pytest.param(lambda built, example: built.run_with_gradients(example), id="run_with_gradients"),
    ],
)
def test_a_call_counts_as_the_layer_with_gradients_or_without(call, subject, example):
    built = BuiltLayer(subject, example)
    with checks.timed() as parts:
        call(built, example)
    assert parts["layer"] > 0
    assert parts["truth"] == parts["drawing"] == 0


def test_of_several_checks_the_one_of_median_seconds_counts():
    runs = [Check("abacus:Attention", 400, seconds, 1.0, 1.0, 1.0) for seconds in (9.0, 4.0, 6.0)]
    assert checks.median_of(runs) is runs[2]


def test_the_checks_of_layers_are_in_turn_and_the_first_does_not_count(monkeypatch):
    taken = []

    def once(subject, examples, seed):
        taken.append((subject.target, seed))
        return Check(subject.target, examples, [9.0, 5.0, 7.0][seed], 1.0, 1.0, 1.0)

    monkeypatch.setattr(checks, "once", once)
    targets = ["keras.layers.Softmax", "keras.layers.Attention"]
    assert [one.seconds for one in checks.measure(targets, 8, 2, nobody_sees)] == [5.0, 5.0]
    assert taken == [(target, seed) for seed in range(3) for target in targets]


def test_of_checks_that_are_interrupted_those_that_were_done_are_told(monkeypatch):
    def once(subject, examples, seed):
        if seed == 2:
            raise KeyboardInterrupt
        return Check(subject.target, examples, float(seed), 1.0, 1.0, 1.0)

    monkeypatch.setattr(checks, "once", once)
    found = checks.measure(["keras.layers.Softmax"], 8, 3, nobody_sees)
    assert next(found).seconds == 1.0
    with pytest.raises(KeyboardInterrupt):
        next(found)
