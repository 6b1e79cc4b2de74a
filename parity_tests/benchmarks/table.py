"""What a benchmark found, for a terminal."""

from typing import NamedTuple

from rich import box
from rich.table import Table

from parity_tests.benchmarks.contenders import UNIT

PASSES = {False: "forward", True: "forward and backward"}


def show(benchmark, console):
    """Print all tables."""
    versions = ", ".join(f"{name} {version}" for name, version in benchmark.versions.items())
    console.print(f"{benchmark.processor}, {benchmark.cores} cores; {versions}", highlight=False)
    for table in tables(benchmark):
        console.print(_drawn(table))


class Rows(NamedTuple):
    """A table: what it is of, the lengths, and a row a contender."""

    title: str
    lengths: list[int]
    rows: list[tuple[str, ...]]


def tables(benchmark):
    """All tables: of times, and of memory if it was measured."""
    found = []
    for both, what in PASSES.items():
        title = f"Time, {what}, by {'six' if both else 'two'} matrix products"
        found.append(Rows(title, *_rows(benchmark, "times", both, _ratio)))
    for both, what in PASSES.items() if benchmark.memory else ():
        title = f"Memory beyond inputs and results, {what}, in MB"
        found.append(Rows(title, *_rows(benchmark, "memory", both, _megabytes)))
    return found


def _rows(benchmark, of, both, cell):
    """A row a contender: its name, a cell for each length, and the power of the length by which it grows."""
    measured = [one for one in getattr(benchmark, of) if one.both == both]
    lengths = sorted({one.T for one in measured})
    cells = {(one.contender, one.T): cell(one) for one in measured}
    names = list(dict.fromkeys(one.contender for one in measured))
    table = []
    for name in names:
        growth = benchmark.growth(of, name, both)
        grows = "" if growth is None else f"T^{growth:.1f}"
        table.append((name, *(cells.get((name, T), "") for T in lengths), grows))
    return lengths, table


def _drawn(found):
    table = Table(title=found.title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1))
    table.add_column("")
    for T in found.lengths:
        table.add_column(f"{T:,}", justify="right")
    table.add_column("grows as", justify="right")
    for row in found.rows:
        table.add_row(*row)
    return table


def _ratio(one):
    return _seconds(one.seconds) if one.ratio is None or one.contender == UNIT.name else f"{one.ratio:.2f}"


def _megabytes(one):
    return f"{one.bytes / 1e6:,.0f}"


def _seconds(seconds):
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"
