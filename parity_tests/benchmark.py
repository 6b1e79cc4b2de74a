"""How long things take, and how sharp the bound is: run ``python -m parity_tests.benchmark``.

Nothing is asserted; timings are noisy.
"""

import statistics
import subprocess
import sys
import time

from rich import box
from rich.console import Console
from rich.table import Table

from parity_tests.backend import quiet_start

REPEATS = 7
EXAMPLES = 1000
DTYPES = ("float32", "float64", "float16", "bfloat16")
CHECK = ("-m", "parity_tests", "check", "--examples", "100")


def main():
    """Measure and print."""
    console = Console()
    console.print(times())
    console.print(sharpness())


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
        add(table, f"check {target}, 100 examples", seconds)
    return table


def sharpness():
    """The table of error / bound: the largest of each example, of those that have any error at all."""
    with quiet_start():
        from parity_tests import subjects
    table = Table("subject", "property", title=f"error / bound, {EXAMPLES} examples each", title_justify="left")
    table.box = box.SIMPLE_HEAD
    for dtype in DTYPES:
        table.add_column(f"{dtype}\nmedian    max", justify="right")
    for subject in subjects.registered().values():
        for name, by_dtype in ratios(subject).items():
            table.add_row(subject.target, name, *(_median_and_most(by_dtype[dtype]) for dtype in DTYPES))
    return table


def ratios(subject):
    """The largest error / bound of each example, by property and dtype."""
    from hypothesis import Phase

    from parity_tests import search
    from parity_tests.properties import agreement

    found = {}

    def collect(example):
        for name, (outcome, _) in search.judge(agreement, subject, example).items():
            found.setdefault(name, {dtype: [] for dtype in DTYPES})[example.dtype].append(outcome.ratio)

    search.search(subject, collect, EXAMPLES, 0, (Phase.generate,))
    return {name: by_dtype for name, by_dtype in found.items() if name != "dtype"}


def _median_and_most(ratios):
    some = [ratio for ratio in ratios if ratio > 0]
    return f"{statistics.median(some):.3f}  {max(some):.3f}" if some else "-"


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


if __name__ == "__main__":
    main()
