"""How long contenders take: medians of runs in turn, so that what else the machine does meets all of them alike."""

import os
import statistics
import time
from timeit import Timer
from typing import NamedTuple

import numpy as np

from parity_tests.benchmarks.contenders import UNIT, that_run, too_large
from parity_tests.benchmarks.inputs import arrays

ENOUGH = 0.4  # seconds of each contender that count, after which all have run often enough
RUN = 0.05  # seconds that a run takes, of as many calls as this needs, at least one
LEAST, MOST = 5, 15  # runs that count
HEADS, UP_TO, FEWER_HEADS = 8, 1024, 2  # how many, up to how many positions, and beyond, unless it is said
PASSES = {False: "forward", True: "forward and backward"}
SMALL_CALL = {"T": 8, "heads": 1, "depth": 4}
EXPONENTIALS = 2**14  # at a time, which a processor has room for close by
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
    others: float | None  # processors that were busy with something else meanwhile, if the machine tells

    @property
    def scattered(self):
        """Whether little can be said of it: the slowest run took twice the fastest, or others had half a processor."""
        return self.slowest > 2 * self.fastest or (self.others or 0) > 0.5


class Runs(NamedTuple):
    """What a call of one function took, in the runs that count: the median, and between what they lie."""

    seconds: float
    fastest: float
    slowest: float


class Call(NamedTuple):
    """What a forward call of one contender took, of the sizes of `SMALL_CALL`."""

    contender: str
    seconds: float


def measure(contenders, lengths, heads, most, on_step, on_failure):
    """Time each contender at each length, as long as its arrays of (heads, T, T) fit into so many bytes.

    If ``heads`` is None, there are as many as `usual_heads` tells. Of each that is left out from some length on,
    ``on_failure`` is told why.
    """
    last, failed, told = {}, {}, set()
    for T in lengths:
        H = usual_heads(T) if heads is None else heads
        given = arrays(T, H)
        for both in (False, True):
            on_step(f"{T:,} positions, {PASSES[both]}")
            asked = [one for one in contenders if one.name not in failed]
            left_out = {}
            for one in asked:
                if one.bytes(T, H) > most:
                    left_out[one.name] = too_large(most)
                elif too_long(last.get((one.name, both)), T, H):
                    left_out[one.name] = f"a run, {PASSES[both]}, takes more than {TOO_LONG:g} seconds"
            functions, raised_now = that_run([one for one in asked if one.name not in left_out], given, both)
            failed |= raised_now
            for name, why in (left_out | raised_now).items():
                if (name, why) not in told:  # once, not at each length
                    on_failure(f"{name} from {T:,} positions on", why)
                    told.add((name, why))
            others = busy_others()
            runs = in_turn(functions)
            busy, unit = others(), runs.get(UNIT.name)
            for name, took in runs.items():
                last[name, both] = (T, H, took.seconds)
                ratio = took.seconds / unit.seconds if unit else None
                yield Time(name, T, H, both, *took, ratio, busy)


def usual_heads(T):
    """As many as a layer has, or as there is memory for the scores of."""
    return HEADS if T <= UP_TO else FEWER_HEADS


def small_calls(contenders, on_step, on_failure):
    """Time a forward call of so few numbers that what it costs is what it does beside computing, such as its checks."""
    on_step("a small call")
    functions, failed = that_run(contenders, arrays(**SMALL_CALL), both=False)
    for name, why in failed.items():
        on_failure(f"a small call of {name}", why)
    for name, took in in_turn(functions).items():
        yield Call(name, took.seconds)


def exponential():
    """The seconds that NumPy takes for an exponential, of which there is one for each pair beside all products."""
    numbers = np.linspace(-20.0, 0.0, EXPONENTIALS)
    return in_turn({"exp": lambda: np.exp(numbers)})["exp"].seconds / EXPONENTIALS


def in_turn(functions):
    """The `Runs` of each function, all of which run in each turn.

    Each rests and then runs twice, of which the second counts: after a rest the first calls are slow. The host of a
    virtual machine may take back memory that nobody had for two seconds: the first run waits for it.
    """
    took, seconds = {name: [] for name in functions}, dict.fromkeys(functions, 0.0)
    for turn in range(MOST):
        if turn >= LEAST and all(counted >= ENOUGH for counted in seconds.values()):
            break
        for name, function in functions.items():
            rest()
            calls = _as_often_as_fit(function)
            run = Timer(function, timer=time.perf_counter).timeit(calls)
            took[name].append(run / calls)
            seconds[name] += run
    return {name: Runs(statistics.median(taken), min(taken), max(taken)) for name, taken in took.items()}


def _as_often_as_fit(function):
    """Call a function, at least once, until a run is over; return how often."""
    calls, until = 0, time.perf_counter() + RUN
    while calls == 0 or time.perf_counter() < until:
        function()
        calls += 1
    return calls


def busy_others():
    """Return what tells, from now on, how many processors were busy with something else than this process."""
    before = _busy(), time.process_time(), time.monotonic()

    def others():
        busy, own, now = _busy(), time.process_time(), time.monotonic()
        if busy is None or now == before[2]:
            return None
        return max(0.0, (busy - before[0] - (own - before[1])) / (now - before[2]))

    return others


def _busy():
    """Seconds for which processors were not idle since the machine started, those taken by its host too; or None."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            user, nice, system, _, _, *rest = (int(ticks) for ticks in file.readline().split()[1:9])
    except (OSError, ValueError):
        return None
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


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


def too_long(last, T, heads):
    """Whether a run of this length would take too long, judged by the last one."""
    return last is not None and last[2] * heads / last[1] * (T / last[0]) ** 2 > TOO_LONG
