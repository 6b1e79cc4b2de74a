"""How long it takes to import what people import, in processes of their own."""

import statistics
import subprocess
import sys
import time
from typing import NamedTuple

from parity_tests.benchmarks.memory import reason

MODULES = ("numpy", "reference", "keras", "parity_tests")
REPEATS = 7


class Import(NamedTuple):
    """What the import of one module took, Python's own start left out."""

    module: str
    seconds: float


def measure(modules=MODULES, repeats=REPEATS, on_time=None, on_failure=None):
    """The median for each module, of so many processes in turn, but for those that cannot be imported."""
    statements = {"": "", **{module: f"import {module}" for module in modules}}
    seconds = {module: [] for module in statements}
    for module, statement in [*statements.items()] * repeats:
        if module in seconds:
            start = time.perf_counter()
            try:
                subprocess.run([sys.executable, "-c", statement], check=True, capture_output=True, text=True)
            except subprocess.CalledProcessError as error:
                del seconds[module]
                if on_failure is not None:
                    on_failure(f"the import of {module}", reason(error))
                continue
            seconds[module].append(time.perf_counter() - start)
            if on_time is not None:
                on_time(f"import {module or 'nothing'}")
    start = statistics.median(seconds.pop(""))
    return [Import(module, max(0.0, statistics.median(taken) - start)) for module, taken in seconds.items()]
