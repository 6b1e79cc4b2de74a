"""What a benchmark found, for a terminal."""

import statistics
from functools import partial
from typing import NamedTuple

from rich import box
from rich.measure import Measurement
from rich.table import Table

from parity_tests.benchmarks.contenders import UNIT
from parity_tests.benchmarks.result import PARTS
from parity_tests.benchmarks.timing import PASSES, SMALL_CALL

SCATTERED = "~"
WIDEST = 1000  # columns of a terminal


def show_machine(benchmark, console):
    """Print on what it is measured."""
    versions = ", ".join(f"{name} {version}" for name, version in benchmark.versions.items())
    console.print(f"{benchmark.machine}; {versions}", highlight=False)
    if benchmark.settings:
        settings = " ".join(f"{name}={value}" for name, value in benchmark.settings.items())
        console.print(f"with {settings}", highlight=False)


def show(benchmark, part, console):
    """Print the tables of one part."""
    for table in tables(benchmark, [part]):
        console.print(table.title, style="italic")  # not the title of what is drawn, which may be narrower
        _print_whole(_drawn(table), console)
    if part == "times" and benchmark.times:
        console.print(spread_in_words(benchmark), highlight=False)


def _print_whole(table, console):
    """Print a table as wide as it is, so that no name and no number is cut where there is less room."""
    wide = console.options.update(max_width=WIDEST)
    table.width = Measurement.get(console, wide, table).maximum
    console.print(table, crop=False)


def spread_in_words(benchmark):
    """How far apart the runs are of which the times are medians, and how it is told of one."""
    median, largest = benchmark.spread()
    apart = f"{median:.0%} of their median apart, at most {largest:.0%}"
    mark = (
        f"Of a time with {SCATTERED}, or of the products by which it is divided, the slowest run took more than twice"
    )
    said = f"Times are medians; the runs of one contender at one length lie {apart}. {mark} the fastest"
    busy = [one.others for one in benchmark.times if one.others is not None]
    if not busy:
        return f"{said}."
    return f"{said}, or something else had half a processor. It had {statistics.mean(busy):.2f} on average."


class Rows(NamedTuple):
    """A table: what it is of, and its columns after the first, which has names."""

    title: str
    columns: list[str]
    rows: list[tuple[str, ...]]


def tables(benchmark, parts=PARTS):
    """The tables of what was measured of these parts."""
    of_part = {
        "times": _of_times,
        "calls": _of_calls,
        "memory": _of_memory,
        "imports": _of_imports,
        "checks": _of_checks,
        "long_checks": _of_long_checks,
    }
    found = [table for part in parts if getattr(benchmark, part) for table in of_part[part](benchmark)]
    return [table for table in found if table.rows]


def _of_times(benchmark):
    for both, what in PASSES.items():
        title = f"Time, {what}, by {'six' if both else 'two'} matrix products; heads: {_heads(benchmark.times)}"
        of_units = {one.T: one.scattered for one in benchmark.times if (one.contender, one.both) == (UNIT.name, both)}
        yield Rows(title, *_by_length(benchmark, "times", both, partial(_time, of_units=of_units)))


def _of_calls(benchmark):
    rows = [(one.contender, f"{one.seconds * 1e6:.0f}") for one in benchmark.calls]
    yield Rows("A small call: {T} positions of depth {depth}, forward".format(**SMALL_CALL), ["µs"], rows)


def _of_memory(benchmark):
    for both, what in PASSES.items():
        title = f"Memory beyond inputs and results, {what}, in MB; heads: 1"
        yield Rows(title, *_by_length(benchmark, "memory", both, lambda one: _megabytes(one.bytes)))


def _of_imports(benchmark):
    rows = [(one.statement, f"{one.seconds:.2f}") for one in benchmark.imports]
    yield Rows("Imports, beyond the start of Python", ["seconds"], rows)


def _of_checks(benchmark):
    columns = ["seconds", "examples a second", "layer", "truth and bound", "drawing", "the rest"]
    rows = []
    for one in benchmark.checks:
        shares = [f"{part / one.seconds:.0%}" for part in (one.layer, one.truth, one.drawing, one.rest)]
        rows.append((one.target, f"{one.seconds:.1f}", f"{one.examples / one.seconds:.0f}", *shares))
    yield Rows("The check of a layer, and where its time goes", columns, rows)


def _of_long_checks(benchmark):
    columns = ["seconds", "its own MB", "with libraries"]
    rows = [
        (one.target, f"{one.seconds:.1f}", _megabytes(one.own), _megabytes(one.peak)) for one in benchmark.long_checks
    ]
    yield Rows("The check of long examples, and the memory of its process", columns, rows)


def _by_length(benchmark, of, both, cell):
    """A column a length, a row a contender; at its end, if any is told, the power of the length by which it grows."""
    measured = [one for one in getattr(benchmark, of) if one.both == both]
    lengths = sorted({one.T for one in measured})
    cells = {(one.contender, one.T): cell(one) for one in measured}
    growth = {name: benchmark.growth(of, name, both) for name in dict.fromkeys(one.contender for one in measured)}
    columns, rows = [f"{T:,}" for T in lengths], []
    for name in growth:
        rows.append((name, *(cells.get((name, T), "") for T in lengths)))
    if any(power is not None for power in growth.values()):
        columns.append("grows as")
        rows = [(*row, "" if power is None else f"T^{power:.1f}") for row, power in zip(rows, growth.values())]
    return columns, rows


def _heads(times):
    """How many heads there are, and where there are more or fewer, up to how many positions."""
    longest = {}
    for one in times:
        longest[one.heads] = max(one.T, longest.get(one.heads, 0))
    *all_but_last, last = sorted(longest, key=longest.get)
    beyond = f"{last} beyond" if all_but_last else f"{last}"
    return ", ".join([*(f"{heads} up to {longest[heads]:,} positions" for heads in all_but_last), beyond])


def _drawn(found):
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    table.add_column("")
    for name in found.columns:
        table.add_column(name, justify="right")
    for row in found.rows:
        table.add_row(*row)
    return table


def _time(one, of_units):
    alone = one.ratio is None or one.contender == UNIT.name
    scattered = one.scattered or (not alone and of_units.get(one.T, False))
    return (_seconds(one.seconds) if alone else f"{one.ratio:.2f}") + (SCATTERED if scattered else "")


def _megabytes(size):
    return f"{size / 1e6:,.0f}"


def _seconds(seconds):
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"
