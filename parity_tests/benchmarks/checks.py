"""How many examples the check looks at in a second, and where its time goes."""

import functools
import statistics
import time
from contextlib import ExitStack, contextmanager
from typing import NamedTuple
from unittest.mock import patch

EXAMPLES = 300  # beside the corners, as many as the command shows unless told
REPEATS = 3


class Check(NamedTuple):
    """What the check of one layer took, with all trials, in a process in which layers were checked before."""

    target: str
    examples: int
    seconds: float
    layer: float  # seconds of making the layer, calling it, and its gradients
    truth: float  # of the reference, forward and backward, with its bounds
    drawing: float  # of the examples

    @property
    def rest(self):
        """Seconds of all else: comparing, shapes without numbers, saving and loading, and what is known of a layer."""
        return self.seconds - self.layer - self.truth - self.drawing


def measure(targets, examples, repeats, on_step):
    """Check each layer several times, in turn, after one time that does not count; yield those of median seconds."""
    from parity_tests import subjects

    found = subjects.registered()
    runs = {target: [] for target in targets}
    try:
        for number in range(repeats + 1):
            for target, taken in runs.items():
                on_step(f"check of {target}")
                taken.append(once(found[target], examples, number))
    finally:  # when it is interrupted too
        yield from (median_of(taken[1:]) for taken in runs.values() if taken[1:])


def median_of(runs):
    """The run of median seconds, the lower one of two."""
    middle = statistics.median_low([one.seconds for one in runs])
    return next(one for one in runs if one.seconds == middle)


def once(subject, examples, seed, **how):
    """One check of a subject; further arguments are for `search.walk`."""
    from parity_tests import tally

    shown = 0

    def count(target):
        nonlocal shown
        shown += 1

    with timed() as parts:
        start = time.perf_counter()
        tally.gather(subject, examples, seed, count, **how)
        seconds = time.perf_counter() - start
    return Check(subject.target, shown, seconds, **parts)


@contextmanager
def timed():
    """Yield the seconds that are spent from now on, of each part of a check; of parts within parts, the outermost."""
    from parity_tests import strategies
    from parity_tests.built_layer import BuiltLayer
    from parity_tests.layers import Layers

    doors = {
        "layer": [(BuiltLayer, "__init__"), (BuiltLayer, "run"), (BuiltLayer, "run_with_gradients")],
        "truth": [(Layers, "expected")],
        "drawing": [(strategies, "_by_choice")],
    }
    parts, inside = dict.fromkeys(doors, 0.0), False

    def through(part, function):
        @functools.wraps(function)
        def timed_function(*arguments, **options):
            nonlocal inside
            if inside:
                return function(*arguments, **options)
            inside, start = True, time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                inside = False
                parts[part] += time.perf_counter() - start

        return timed_function

    with ExitStack() as patches:
        for part, places in doors.items():
            for owner, name in places:
                patches.enter_context(patch.object(owner, name, through(part, getattr(owner, name))))
        yield parts
