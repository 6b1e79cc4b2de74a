"""What is measured: times and memory in turn, imports, and where the time of a check goes."""

import subprocess
import time
from itertools import chain, count, repeat
from types import SimpleNamespace

import numpy as np
import pytest

from parity_tests import subjects
from parity_tests.benchmarks import check, imports, long, memory, timing
from parity_tests.benchmarks.check import Check
from parity_tests.benchmarks.contenders import OURS, UNIT
from parity_tests.benchmarks.imports import Import
from parity_tests.benchmarks.memory import Memory
from parity_tests.built_layer import BuiltLayer
from parity_tests.strategies import by_generator


@pytest.fixture
def clock(monkeypatch):
    """What a clock shows, that is moved by hand; a rest is no time, and is written down among what runs."""
    clock = SimpleNamespace(now=0.0, calls=[])
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock.now)
    monkeypatch.setattr(timing, "rest", lambda: clock.calls.append("rest"))
    return clock


def taking(clock, **times):
    """Functions that move the clock, by the next of their times at each call."""

    def function(name, seconds):
        def run():
            clock.calls.append(name)
            clock.now += next(seconds)

        return run

    return {name: function(name, iter(seconds)) for name, seconds in times.items()}


def runs_of(seconds):
    """Runs that took all the same."""
    return timing.Runs(seconds, seconds, seconds)


def test_contenders_run_in_turn_each_twice_after_a_rest_and_the_median_of_the_second_counts(clock):
    one, other = [9.0, 9.0, 0.2, 9.0, 0.3, 9.0, 0.1], [9.0, 0.3, 3.0, 0.3, 1.0, 0.3, 2.0]
    found = timing.in_turn(taking(clock, one=one, other=other))
    assert clock.calls == ["one", "other", *["rest", "one", "one", "rest", "other", "other"] * 3]
    assert found["one"] == pytest.approx((0.2, 0.1, 0.3))
    assert found["other"] == pytest.approx((2.0, 1.0, 3.0))


def test_what_is_short_warms_up_after_the_rest_and_the_last_run_counts(clock, monkeypatch):
    monkeypatch.setattr(timing, "ENOUGH", 0.05)
    found = timing.in_turn(taking(clock, short=[0.02, 0.02, 0.02, 0.03, 0.04, 0.01, 0.03, 0.03, 0.02]))
    assert clock.calls == ["short", "rest", *["short"] * 3, "rest", *["short"] * 2, "rest", *["short"] * 3]
    assert found["short"].seconds == pytest.approx(0.02)


def test_a_rest_lasts_until_no_thread_computed_in_two_pauses(monkeypatch):
    in_pauses = [1.0, 0.4, 0.0, 0.4, 0.0, 0.05]  # so much of each was computed
    computed = iter(time * timing.PAUSE for part in in_pauses for time in (7.0, 7.0 + part))
    monkeypatch.setattr(timing.time, "process_time", lambda: next(computed))
    timing.rest(longest=np.inf)
    assert list(computed) == []


def test_a_rest_does_not_last_for_ever(monkeypatch):
    computed = count()
    monkeypatch.setattr(timing.time, "process_time", lambda: next(computed))
    timing.rest(longest=2 * timing.PAUSE)
    assert next(computed) <= 4


def test_what_would_take_too_long_or_too_much_memory_is_left_out(monkeypatch):
    monkeypatch.setattr(
        timing, "in_turn", lambda functions: dict.fromkeys(functions, runs_of(2 * timing.TOO_LONG / 16))
    )
    found = timing.measure([OURS[2], OURS[3]], (16, 32, 64), 1, memory=OURS[2].square * 32 * 32 * 8)
    assert {one.T for one in found if one.contender == "readable"} == {16, 32}
    assert {one.T for one in found if one.contender == "blockwise"} == {16, 32, 64}
    monkeypatch.setattr(timing, "in_turn", lambda functions: dict.fromkeys(functions, runs_of(timing.TOO_LONG / 3)))
    assert {one.T for one in timing.measure([OURS[3]], (16, 32, 64), 1, memory=1e9)} == {16}


def test_the_ratio_is_to_the_matrix_products_alone(monkeypatch):
    monkeypatch.setattr(timing, "in_turn", lambda functions: {UNIT.name: runs_of(2.0), "blockwise": runs_of(3.0)})
    found = timing.measure([UNIT, OURS[3]], (16,), 1, memory=1e9)
    assert [(one.contender, one.ratio) for one in found] == [(UNIT.name, 1.0), ("blockwise", 1.5)] * 2


def test_fewer_heads_are_not_too_long_where_more_would_be():
    took = (16, 8, timing.TOO_LONG)
    assert timing.too_long(took, 32, 8)
    assert not timing.too_long(took, 32, 2)
    assert timing.too_long(took, 33, 2)


def test_unless_it_is_said_there_are_fewer_heads_where_sequences_are_long(monkeypatch):
    monkeypatch.setattr(timing, "UP_TO", 16)
    found = timing.measure([OURS[3]], (16, 32), None, memory=1e9)
    assert {(one.T, one.heads) for one in found} == {(16, timing.HEADS), (32, timing.FEWER_HEADS)}


def test_the_time_of_a_small_call_is_that_of_one_of_many_but_the_first(clock, monkeypatch):
    monkeypatch.setattr(timing, "in_turn", lambda functions: {name: runs_of(run()) for name, run in functions.items()})
    [(name, run)] = taking(clock, one=chain([0.3], repeat(3e-6))).items()
    found = timing.small_calls([OURS[2]._replace(name=name, make=lambda given: (run, None))])
    assert found == [timing.Call(name, pytest.approx(3e-6))]
    assert clock.calls.count("one") > 0.2 / 3e-6  # of the first, which may compile, it is not told how often is enough


def test_blockwise_attention_takes_less_memory_than_its_scores_would():
    if not memory.can_be_measured():
        pytest.skip("the peak of a process can be measured on Linux alone")
    square = 1024 * 1024 * 8
    assert memory.in_own_process("blockwise", 1024, True) < 2 * square  # a block of all keys and a gradient of it
    assert memory.in_own_process("readable", 1024, True) > 4 * square  # of those that the records keep


def test_a_process_that_fails_leaves_out_its_contender_from_there_on(monkeypatch):
    def run(name, T, both):
        if T == 32:
            raise subprocess.CalledProcessError(-9, name)
        return T

    monkeypatch.setattr(memory, "in_own_process", run)
    told = {}
    found = memory.measure([OURS[3]], (16, 32, 64), memory=1e9, on_failure=told.__setitem__)
    assert found == [Memory("blockwise", 16, False, 16), Memory("blockwise", 16, True, 16)]
    assert told == {"the memory of blockwise at 32 positions": "its process ended with -9"}


ALLOCATES = "import numpy; array = numpy.ones(2 * 10**7); del array; raise SystemExit({})"


@pytest.mark.parametrize("status", [0, 1])
def test_the_memory_of_a_process_is_what_it_had_at_its_peak(status):
    if not memory.can_be_measured():
        pytest.skip("the peak of a process can be measured on Linux alone")
    little, much = (
        long.in_own_process("numpy", "-c", program) for program in ("import numpy", ALLOCATES.format(status))
    )
    assert 0 < little.own < 1e8
    assert 1.5e8 < much.own - little.own < 1.8e8
    assert 0 < much.mapped < much.peak


def test_the_memory_of_a_process_that_fails_is_not_told():
    if not memory.can_be_measured():
        pytest.skip("the peak of a process can be measured on Linux alone")
    with pytest.raises(subprocess.CalledProcessError) as raised:
        long.in_own_process("numpy", "-c", "raise SystemExit(2)")
    assert memory.reason(raised.value) == "its process ended with 2"
    with pytest.raises(subprocess.CalledProcessError) as raised:
        long.in_own_process("numpy", "-c", "import os, sys; print('no room', file=sys.stderr, flush=True); os.abort()")
    assert memory.reason(raised.value) == "its process ended with -6: no room"


def test_a_check_that_fails_is_left_out(monkeypatch):
    def run(target, *arguments):
        if target == "keras.layers.Softmax":
            raise subprocess.CalledProcessError(-9, arguments)
        return target

    monkeypatch.setattr(long, "in_own_process", run)
    told = {}
    found = long.measure(["keras.layers.Softmax", "keras.layers.Attention"], on_failure=told.__setitem__)
    assert found == ["import keras", "keras.layers.Attention"]
    assert told == {"the check of keras.layers.Softmax": "its process ended with -9"}


def test_keras_alone_is_measured_before_the_checks_of_layers(monkeypatch):
    monkeypatch.setattr(long, "in_own_process", lambda target, *arguments: (target, arguments[-1]))
    found = long.measure(["keras.layers.Softmax"])
    assert found == [("import keras", long.KERAS[-1]), ("keras.layers.Softmax", "keras.layers.Softmax")]


def test_the_parts_of_a_check_are_timed_once_and_within_its_seconds():
    started = time.perf_counter()
    one = check.once(subjects.find("keras_impl:AttentionLayer"), 8, 0, corners=False)
    assert one.examples == 8
    assert min(one.layer, one.truth, one.drawing, one.rest) > 0
    assert one.seconds < time.perf_counter() - started


def test_a_part_within_a_part_is_not_counted_twice():
    subject = subjects.find("keras_impl:AttentionLayer")
    example = by_generator(np.random.default_rng(0), subject.kind, subject.options, {}).example
    with check.timed() as parts:
        started = time.perf_counter()
        BuiltLayer(subject, example)  # which calls the layer
        assert 0 < parts["layer"] < time.perf_counter() - started


def test_of_several_checks_the_one_of_median_seconds_counts():
    runs = [Check("abacus:Attention", 400, seconds, 1.0, 1.0, 1.0) for seconds in (9.0, 4.0, 6.0)]
    assert check.median_of(runs) is runs[2]


def test_an_import_is_timed_beyond_the_start_of_python(monkeypatch):
    clock = [0.0]
    takes = {"": iter([0.25, 0.5, 0.25]), "import decimal": iter([9.0, 0.75, 0.5]), "import sys": iter([0.125] * 3)}

    def run(command, **options):
        clock[0] += next(takes[command[-1]])

    monkeypatch.setattr(imports.subprocess, "run", run)
    monkeypatch.setattr(imports.time, "perf_counter", lambda: clock[0])
    assert imports.measure(("decimal", "sys"), repeats=3) == [Import("decimal", 0.5), Import("sys", 0.0)]


def test_what_is_imported_is_imported():
    told = {}
    (one,) = imports.measure(("no_such_module", "reference"), repeats=1, on_failure=told.__setitem__)
    assert one.module == "reference"
    ((what, why),) = told.items()
    assert what == "the import of no_such_module"
    assert why == "its process ended with 1: ModuleNotFoundError: No module named 'no_such_module'"
