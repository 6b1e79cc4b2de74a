"""How long it takes to import what people import, in processes of their own."""

import statistics
import subprocess
import time
from typing import NamedTuple

from parity_tests.benchmarks import processes

# The check itself: of its package alone, nothing is imported before it is asked for.
STATEMENTS = ("import numpy", "import reference", "import keras", "from parity_tests import check")
NOTHING = "pass"
REPEATS = 7


class Import(NamedTuple):
    """What one statement that imports took, Python's own start left out."""

    statement: str
    seconds: float


def measure(statements, repeats, on_step, on_failure):
    """The median for each statement, of so many processes in turn, but for those that cannot be run."""
    seconds = {statement: [] for statement in (NOTHING, *statements)}
    for statement in [*seconds] * repeats:
        on_step(statement)
        if statement not in seconds:
            continue
        start = time.perf_counter()
        try:
            processes.run("-c", statement)
        except subprocess.CalledProcessError as error:
            del seconds[statement]
            on_failure(statement, processes.reason(error))
        else:
            seconds[statement].append(time.perf_counter() - start)
    start = statistics.median(seconds.pop(NOTHING))
    for statement, taken in seconds.items():
        yield Import(statement, max(0.0, statistics.median(taken) - start))
