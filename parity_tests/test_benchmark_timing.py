"""How long contenders take: in turn, after a rest, as often as it takes."""

import io
import subprocess
import sys
from itertools import chain, count, repeat
from types import SimpleNamespace

import numpy as np
import pytest

from parity_tests.benchmarks import timing
from parity_tests.benchmarks.contenders import OURS, UNIT
from parity_tests.benchmarks.inputs import DEPTH


def nobody_sees(step):
    """Progress that is not shown."""


@pytest.fixture
def clock(monkeypatch):
    """What a clock shows, that is moved by hand; a rest is no time, and is written down among what runs."""
    clock = SimpleNamespace(now=0.0, calls=[])
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock.now)
    monkeypatch.setattr(timing, "rest", lambda: clock.calls.append("rest"))
    monkeypatch.setattr(timing, "LEAST", 3)
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
    one, other = [9.0, 0.2, 9.0, 0.9, 9.0, 0.1], [0.3, 3.0, 0.3, 1.0, 0.3, 2.0]
    found = timing.in_turn(taking(clock, one=one, other=other))
    assert clock.calls == ["rest", "one", "one", "rest", "other", "other"] * 3
    assert found["one"] == pytest.approx((0.2, 0.1, 0.9))
    assert found["other"] == pytest.approx((2.0, 1.0, 3.0))


def test_what_is_short_is_called_again_and_again_in_each_run(clock, monkeypatch):
    monkeypatch.setattr(timing, "ENOUGH", 0.15)
    runs = [[0.02, 0.02, 0.02], [0.01, 0.01, 0.04], [0.03, 0.03], [0.02, 0.04], [0.1], [0.07]]
    found = timing.in_turn(taking(clock, short=chain(*runs)))
    assert clock.calls == ["rest", *["short"] * 6, "rest", *["short"] * 4, "rest", *["short"] * 2]
    assert found["short"] == pytest.approx((0.03, 0.02, 0.07))


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
    told, most = {}, OURS[2].square * 32 * 32 * 8
    found = [*timing.measure([OURS[2], OURS[3]], (16, 32, 64), 1, most, nobody_sees, told.__setitem__)]
    assert {one.T for one in found if one.contender == "readable"} == {16, 32}
    assert {one.T for one in found if one.contender == "blockwise"} == {16, 32, 64}
    monkeypatch.setattr(timing, "in_turn", lambda functions: dict.fromkeys(functions, runs_of(timing.TOO_LONG / 3)))
    found = timing.measure([OURS[3]], (16, 32, 64), 1, 1e9, nobody_sees, told.__setitem__)
    assert {one.T for one in found} == {16}
    assert told == {
        "readable from 64 positions on": "what is as large as the scores takes more than 4.9152e-05 GB",
        "blockwise from 32 positions on": "a run, forward and backward, takes more than 40 seconds",
    }


def test_the_ratio_is_to_the_matrix_products_alone(monkeypatch):
    monkeypatch.setattr(timing, "in_turn", lambda functions: {UNIT.name: runs_of(2.0), "blockwise": runs_of(3.0)})
    found = timing.measure([UNIT, OURS[3]], (16,), 1, 1e9, nobody_sees, None)
    assert [(one.contender, one.ratio) for one in found] == [(UNIT.name, 1.0), ("blockwise", 1.5)] * 2


def fake(name="fake", raises=None, runs=None):
    """A contender whose functions write down what they are given and which they are."""
    runs = [] if runs is None else runs

    def make(given):
        def function(both):
            def run():
                runs.append((given.query.shape, both))
                if raises is not None and given.query.shape[1] >= raises:
                    raise MemoryError("no room\nat all")
                return name

            return run

        return function(False), function(True)

    return OURS[3]._replace(name=name, make=make)


@pytest.fixture
def one_turn(monkeypatch):
    """Runs that are only called once more, and took as many seconds as the functions have letters."""
    monkeypatch.setattr(
        timing, "in_turn", lambda functions: {name: runs_of(len(run())) for name, run in functions.items()}
    )


def test_both_passes_are_timed_with_all_heads(one_turn):
    runs = []
    found = [*timing.measure([fake(runs=runs)], (16, 32), 3, 1e9, nobody_sees, None)]
    assert runs == [((3, T, DEPTH), both) for T in (16, 32) for both in (False, True) for _ in range(2)]
    assert [(one.T, one.heads, one.both) for one in found] == [(T, 3, both) for T in (16, 32) for both in (False, True)]


def test_what_is_too_long_for_one_pass_is_not_for_the_other(monkeypatch):
    monkeypatch.setattr(
        timing,
        "in_turn",
        lambda functions: {name: runs_of(timing.TOO_LONG / 3 * run()) for name, run in functions.items()},
    )
    one = OURS[3]._replace(make=lambda given: (lambda: 0, lambda: 1))
    told = {}
    found = timing.measure([one], (16, 32), 1, 1e9, nobody_sees, told.__setitem__)
    assert [(one.T, one.both) for one in found] == [(16, False), (16, True), (32, False)]
    assert told == {"blockwise from 32 positions on": "a run, forward and backward, takes more than 40 seconds"}


def test_what_raises_is_left_out_from_there_on_and_the_others_go_on(one_turn):
    told = {}
    contenders = [fake("big", raises=32), fake("other")]
    found = [*timing.measure(contenders, (16, 32, 64), 1, 1e9, nobody_sees, told.__setitem__)]
    assert {one.T for one in found if one.contender == "big"} == {16}
    assert {one.T for one in found if one.contender == "other"} == {16, 32, 64}
    assert told == {"big from 32 positions on": "it raised MemoryError: no room at all"}


def test_a_small_call_that_raises_is_left_out(one_turn):
    told = {}
    found = [*timing.small_calls([fake("big", raises=1), fake("other")], nobody_sees, told.__setitem__)]
    assert [one.contender for one in found] == ["other"]
    assert told == {"a small call of big": "it raised MemoryError: no room at all"}


def test_runs_go_on_until_all_have_run_often_enough(clock, monkeypatch):
    monkeypatch.setattr(timing, "ENOUGH", 0.4)
    timing.in_turn(taking(clock, quick=repeat(0.06), slow=repeat(1.0)))
    assert clock.calls.count("quick") == 2 * 7  # of 0.06 seconds


def test_what_others_compute_is_told_in_processors(monkeypatch):
    busy, own, now = iter([10.0, 14.0]), iter([1.0, 2.0]), iter([100.0, 102.0])
    monkeypatch.setattr(timing, "_busy", lambda: next(busy))
    monkeypatch.setattr(timing.time, "process_time", lambda: next(own))
    monkeypatch.setattr(timing.time, "monotonic", lambda: next(now))
    assert timing.busy_others()() == 1.5


def test_what_is_idle_or_waits_is_not_busy(monkeypatch):
    told = io.StringIO("cpu 100 20 30 999 999 4 5 6 7 8\n")
    monkeypatch.setattr(timing, "open", lambda *given, **options: told, raising=False)
    monkeypatch.setattr(timing.os, "sysconf", lambda name: 100)
    assert timing._busy() == 1.65


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone tells what others compute")
def test_another_process_that_computes_is_seen():
    command = [sys.executable, "-c", "import time; end = time.monotonic() + 1\nwhile time.monotonic() < end: pass"]
    with subprocess.Popen(command) as process:
        others = timing.busy_others()
        process.wait()
        assert others() > 0.3  # of a processor, which other tests compute on too


@pytest.mark.parametrize(
    ("slowest", "others", "scattered"), [(2.0, 0.5, False), (2.1, None, True), (1.0, 0.6, True), (2.0, None, False)]
)
def test_a_time_is_scattered_where_runs_differ_or_others_computed(slowest, others, scattered):
    assert timing.Time("fake", 16, 1, False, 1.5, 1.0, slowest, None, others).scattered == scattered


def test_fewer_heads_are_not_too_long_where_more_would_be():
    took = (16, 8, timing.TOO_LONG)
    assert timing.too_long(took, 32, 8)
    assert not timing.too_long(took, 32, 2)
    assert timing.too_long(took, 33, 2)


def test_unless_it_is_said_there_are_fewer_heads_where_sequences_are_long(monkeypatch):
    monkeypatch.setattr(timing, "UP_TO", 16)
    found = timing.measure([OURS[3]], (16, 32), None, 1e9, nobody_sees, None)
    assert {(one.T, one.heads) for one in found} == {(16, timing.HEADS), (32, timing.FEWER_HEADS)}


def test_the_time_of_a_small_call_is_that_of_the_forward_pass(monkeypatch):
    monkeypatch.setattr(timing, "in_turn", lambda functions: {name: runs_of(run()) for name, run in functions.items()})
    one = OURS[2]._replace(make=lambda given: (lambda: given.query.size / 4e6, None))
    assert [*timing.small_calls([one], nobody_sees, None)] == [timing.Call("readable", 8e-6)]


def test_an_exponential_takes_a_number_s_share_of_many(monkeypatch):
    def a_nanosecond_each(functions):
        return {name: timing.Runs(function().size * 1e-9, 0, 0) for name, function in functions.items()}

    monkeypatch.setattr(timing, "in_turn", a_nanosecond_each)
    assert timing.exponential() == pytest.approx(1e-9)
