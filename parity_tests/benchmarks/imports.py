"""How long it takes to import what people import, in processes of their own."""

import statistics
import subprocess
import sys
import time
from typing import NamedTuple

MODULES = ("numpy", "reference", "keras", "parity_tests")
REPEATS = 7


class Import(NamedTuple):
    """What the import of one module took, Python's own start left out."""

    module: str
    seconds: float


def measure(modules=MODULES, repeats=REPEATS, on_time=None):
    """The median for each module, of so many processes in turn."""
    statements = {"": "", **{module: f"import {module}" for module in modules}}
    seconds = {module: [] for module in statements}
    for _ in range(repeats):
        for module, statement in statements.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True, capture_output=True)
            seconds[module].append(time.perf_counter() - start)
            if on_time is not None:
                on_time(f"import {module or 'nothing'}")
    start = statistics.median(seconds.pop(""))
    return [Import(module, max(0.0, statistics.median(taken) - start)) for module, taken in seconds.items()]
