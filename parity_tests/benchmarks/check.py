"""How long imports and the check of layers take, and how many examples it looks at in a second."""

import statistics
import subprocess
import sys
import time

from rich import box
from rich.table import Table

from keras_impl.backend import quiet_start

REPEATS = 7
EXAMPLES = 1000
CHECK = ("-m", "parity_tests", "check")


def show(console):
    """Measure and print."""
    console.print(times())
    console.print(throughput())


def times():
    """The table of times."""
    table = Table("what", title="Seconds, medians of interleaved runs", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("median", justify="right")
    table.add_column("least", justify="right")
    imports = interleaved({"numpy": ("-c", "import numpy"), "reference": ("-c", "import reference")}, REPEATS)
    for name, seconds in imports.items():
        add(table, f"import {name}", seconds)
    added = [after - before for before, after in zip(*imports.values())]
    add(table, "import reference, beyond numpy", added)
    targets = ("keras_impl:AttentionLayer", "keras_impl:SelfAttention", "keras.layers.Attention")
    for target, seconds in interleaved({target: (*CHECK, target) for target in targets}, 3).items():
        add(table, f"check {target}", seconds)
    return table


def throughput():
    """The table of examples a second, with all that is checked of them, on one core and after a warm-up."""
    with quiet_start():
        from parity_tests import subjects, tally
    title = f"{EXAMPLES} examples, medians of interleaved runs"
    table = Table("layer", title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("examples a second", justify="right")
    found = list(subjects.registered().values())
    seconds = {subject.target: [] for subject in found}
    for number in range(REPEATS // 2 + 1):
        for subject in found:
            start = time.process_time()
            tally.gather(subject, EXAMPLES, number, corners=False)
            seconds[subject.target].append(time.process_time() - start)
    for target, measured in seconds.items():
        table.add_row(target, f"{EXAMPLES / statistics.median(measured[1:]):.0f}")
    return table


def interleaved(commands, repeats):
    """Run Python with each list of arguments in turn, several times; return the seconds of each."""
    seconds = {name: [] for name in commands}
    for _ in range(repeats):
        for name, arguments in commands.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - start)
    return seconds


def add(table, what, seconds):
    """Add a row."""
    table.add_row(what, f"{statistics.median(seconds):.3f}", f"{min(seconds):.3f}")
