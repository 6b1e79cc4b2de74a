"""How long contenders take: in turn, after a rest, as often as it takes."""

from itertools import chain, count
from types import SimpleNamespace

import numpy as np
import pytest

from parity_tests.benchmarks import timing
from parity_tests.benchmarks.contenders import OURS, UNIT


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
    one, other = [9.0, 9.0, 0.2, 9.0, 0.9, 9.0, 0.1], [9.0, 0.3, 3.0, 0.3, 1.0, 0.3, 2.0]
    found = timing.in_turn(taking(clock, one=one, other=other))
    assert clock.calls == ["one", "other", *["rest", "one", "one", "rest", "other", "other"] * 3]
    assert found["one"] == pytest.approx((0.2, 0.1, 0.9))
    assert found["other"] == pytest.approx((2.0, 1.0, 3.0))


def test_what_is_short_is_called_again_and_again_in_each_run(clock, monkeypatch):
    monkeypatch.setattr(timing, "ENOUGH", 0.15)
    runs = [[0.02, 0.02, 0.02], [0.01, 0.01, 0.04], [0.03, 0.03], [0.02, 0.04], [0.1], [0.07]]
    found = timing.in_turn(taking(clock, short=[9.0, *chain(*runs)]))
    assert clock.calls == ["short", "rest", *["short"] * 6, "rest", *["short"] * 4, "rest", *["short"] * 2]
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
    found = [*timing.measure([OURS[2], OURS[3]], (16, 32, 64), 1, OURS[2].square * 32 * 32 * 8, nobody_sees)]
    assert {one.T for one in found if one.contender == "readable"} == {16, 32}
    assert {one.T for one in found if one.contender == "blockwise"} == {16, 32, 64}
    monkeypatch.setattr(timing, "in_turn", lambda functions: dict.fromkeys(functions, runs_of(timing.TOO_LONG / 3)))
    assert {one.T for one in timing.measure([OURS[3]], (16, 32, 64), 1, 1e9, nobody_sees)} == {16}


def test_the_ratio_is_to_the_matrix_products_alone(monkeypatch):
    monkeypatch.setattr(timing, "in_turn", lambda functions: {UNIT.name: runs_of(2.0), "blockwise": runs_of(3.0)})
    found = timing.measure([UNIT, OURS[3]], (16,), 1, 1e9, nobody_sees)
    assert [(one.contender, one.ratio) for one in found] == [(UNIT.name, 1.0), ("blockwise", 1.5)] * 2


def test_fewer_heads_are_not_too_long_where_more_would_be():
    took = (16, 8, timing.TOO_LONG)
    assert timing.too_long(took, 32, 8)
    assert not timing.too_long(took, 32, 2)
    assert timing.too_long(took, 33, 2)


def test_unless_it_is_said_there_are_fewer_heads_where_sequences_are_long(monkeypatch):
    monkeypatch.setattr(timing, "UP_TO", 16)
    found = timing.measure([OURS[3]], (16, 32), None, 1e9, nobody_sees)
    assert {(one.T, one.heads) for one in found} == {(16, timing.HEADS), (32, timing.FEWER_HEADS)}


def test_the_time_of_a_small_call_is_that_of_the_forward_pass(monkeypatch):
    monkeypatch.setattr(timing, "in_turn", lambda functions: {name: runs_of(run()) for name, run in functions.items()})
    one = OURS[2]._replace(make=lambda given: (lambda: given.query.size / 4e6, None))
    assert [*timing.small_calls([one], nobody_sees)] == [timing.Call("readable", 8e-6)]
