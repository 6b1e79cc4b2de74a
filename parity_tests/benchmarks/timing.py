"""How long contenders take: medians of runs in turn, so that what else the machine does meets all of them alike."""

import statistics
import time
from functools import partial
from timeit import Timer
from typing import NamedTuple

from parity_tests.benchmarks.contenders import UNIT, arrays

ENOUGH = 0.4  # seconds of each contender, after which all have run often enough
WARM = 0.05  # seconds of runs, at least one, before the one that counts: after a rest the first are slow
LEAST, MOST = 3, 15  # runs that count
HEADS, UP_TO, FEWER_HEADS = 8, 1024, 2  # how many, up to how many positions, and beyond, unless it is said
SMALL_CALL = {"T": 8, "heads": 1, "depth": 4}
PAUSE = 0.01  # seconds of a rest, after which it is seen whether threads computed meanwhile
TOO_LONG = 40.0  # seconds of one run, beyond which a contender is left out at larger sizes


class Time(NamedTuple):
    """What one contender took at one length, for the forward pass or for both."""

    contender: str
    T: int
    heads: int
    both: bool
    seconds: float
    fastest: float
    slowest: float
    ratio: float | None  # to the matrix products alone, if these were measured


class Runs(NamedTuple):
    """What the runs of one function took that count: the median, and between what they lie."""

    seconds: float
    fastest: float
    slowest: float


class Call(NamedTuple):
    """What a forward call of one contender took, of the sizes of `SMALL_CALL`."""

    contender: str
    seconds: float


def measure(contenders, lengths, heads, memory, on_time=None):
    """Time each contender at each length, as long as its arrays of (heads, T, T) fit into so many bytes.

    If ``heads`` is None, there are as many as `usual_heads` tells.
    """
    found, last = [], {}
    for T in lengths:
        H = usual_heads(T) if heads is None else heads
        given = arrays(T, H)
        for both in (False, True):
            running = {
                one.name: function
                for one in contenders
                if one.bytes(T, H) <= memory and not too_long(last.get((one.name, both)), T, H)
                for function in [one.make(given)[both]]
                if function is not None
            }
            runs = in_turn(running)
            unit = runs.get(UNIT.name)
            for name, took in runs.items():
                last[name, both] = (T, H, took.seconds)
                found.append(Time(name, T, H, both, *took, took.seconds / unit.seconds if unit else None))
                if on_time is not None:
                    on_time(name)
    return found


def usual_heads(T):
    """As many as a layer has, or as there is memory for the scores of."""
    return HEADS if T <= UP_TO else FEWER_HEADS


def small_calls(contenders, on_time=None):
    """Time a forward call of so few numbers that what it costs is what it does beside computing, such as its checks."""
    given = arrays(**SMALL_CALL)
    timers = {one.name: Timer(one.make(given)[False], timer=time.perf_counter) for one in contenders}
    for timer in timers.values():
        timer.timeit(1)  # which compiles what compiles
    often = {name: timer.autorange()[0] for name, timer in timers.items()}  # 0.2 seconds or more, as timeit asks for
    runs = in_turn({name: partial(timer.timeit, often[name]) for name, timer in timers.items()})
    if on_time is not None:
        on_time(UNIT.name)
    return [Call(name, took.seconds / often[name]) for name, took in runs.items()]


def in_turn(functions):
    """The `Runs` of each function, all of which run in each turn, after one run that does not count.

    Each has a rest before, and then runs at least twice, of which the last counts; a short one runs for `WARM` before.
    The host of a virtual machine may take back memory that nobody had for two seconds: the first run waits for it.
    """
    seconds = {name: [] for name in functions}
    latest = {name: _timed(function) for name, function in functions.items()}
    for turn in range(MOST):
        if turn >= LEAST and all(sum(taken) >= ENOUGH for taken in seconds.values()):
            break
        for name, function in functions.items():
            rest()
            until = time.perf_counter() + WARM - latest[name]
            function()
            while time.perf_counter() < until:
                function()
            latest[name] = _timed(function)
            seconds[name].append(latest[name])
    return {name: Runs(statistics.median(taken), min(taken), max(taken)) for name, taken in seconds.items()}


def rest(longest=1.0):
    """Wait until no thread of this process has computed in two pauses, or for so many seconds.

    After a product the threads of OpenBLAS wait for the next in a loop, each on a core, for 2 ** 28 ticks of the clock:
    for a tenth of a second whoever else runs has fewer cores.
    """
    quiet, until = 0, time.monotonic() + longest
    while quiet < 2 and time.monotonic() < until:
        before = time.process_time()
        time.sleep(PAUSE)
        quiet = quiet + 1 if time.process_time() - before < PAUSE / 10 else 0


def _timed(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def too_long(last, T, heads):
    """Whether a run of this length would take too long, judged by the last one."""
    return last is not None and last[2] * heads / last[1] * (T / last[0]) ** 2 > TOO_LONG
