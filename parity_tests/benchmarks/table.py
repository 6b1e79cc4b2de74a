"""What a benchmark found, for a terminal."""

from typing import NamedTuple

from rich import box
from rich.table import Table

from parity_tests.benchmarks.contenders import UNIT
from parity_tests.benchmarks.timing import SMALL_CALL

PASSES = {False: "forward", True: "forward and backward"}


def show(benchmark, console):
    """Print all tables."""
    versions = ", ".join(f"{name} {version}" for name, version in benchmark.versions.items())
    console.print(f"{benchmark.processor}, {benchmark.cores} cores; {versions}", highlight=False)
    if benchmark.settings:
        settings = " ".join(f"{name}={value}" for name, value in benchmark.settings.items())
        console.print(f"with {settings}", highlight=False)
    if benchmark.times:
        console.print(spread_in_words(benchmark), highlight=False)
    for table in tables(benchmark):
        console.print(table.title, style="italic")  # not the title of what is drawn, which may be narrower
        console.print(_drawn(table))


def spread_in_words(benchmark):
    """How far apart the runs are of which the times are medians."""
    median, largest = benchmark.spread()
    apart = f"{median:.0%} of their median apart, at most {largest:.0%}"
    return f"Times are medians; the runs of one contender at one length lie {apart}."


class Rows(NamedTuple):
    """A table: what it is of, and its columns after the first, which has names."""

    title: str
    columns: list[str]
    rows: list[tuple[str, ...]]


def tables(benchmark):
    """The tables of all that was measured."""
    found = []
    for both, what in PASSES.items() if benchmark.times else ():
        title = f"Time, {what}, by {'six' if both else 'two'} matrix products; heads: {_heads(benchmark.times)}"
        found.append(Rows(title, *_by_length(benchmark, "times", both, _ratio)))
    if benchmark.calls:
        rows = [(one.contender, f"{one.seconds * 1e6:.0f}") for one in benchmark.calls]
        title = "A small call: {T} positions of depth {depth}, forward".format(**SMALL_CALL)
        found.append(Rows(title, ["µs"], rows))
    for both, what in PASSES.items() if benchmark.memory else ():
        title = f"Memory beyond inputs and results, {what}, in MB; heads: 1"
        found.append(Rows(title, *_by_length(benchmark, "memory", both, _megabytes)))
    if benchmark.imports:
        rows = [(one.module, f"{one.seconds:.2f}") for one in benchmark.imports]
        found.append(Rows("Imports, beyond the start of Python", ["seconds"], rows))
    if benchmark.checks:
        columns = ["seconds", "examples a second", "layer", "truth and bound", "drawing", "the rest"]
        found.append(
            Rows("The check of a layer, and where its time goes", columns, [*map(_of_check, benchmark.checks)])
        )
    if benchmark.long_checks:
        columns = ["seconds", "its own MB", "with libraries"]
        rows = [
            (one.target, f"{one.seconds:.1f}", _in_megabytes(one.own), _in_megabytes(one.peak))
            for one in benchmark.long_checks
        ]
        found.append(Rows("The check of long examples, and the memory of its process", columns, rows))
    return found


def _by_length(benchmark, of, both, cell):
    """A column a length, and a row a contender, at whose end is the power of the length by which it grows."""
    measured = [one for one in getattr(benchmark, of) if one.both == both]
    lengths = sorted({one.T for one in measured})
    cells = {(one.contender, one.T): cell(one) for one in measured}
    names = list(dict.fromkeys(one.contender for one in measured))
    table = []
    for name in names:
        growth = benchmark.growth(of, name, both)
        grows = "" if growth is None else f"T^{growth:.1f}"
        table.append((name, *(cells.get((name, T), "") for T in lengths), grows))
    return [*(f"{T:,}" for T in lengths), "grows as"], table


def _heads(times):
    """How many heads there are, and where there are more or fewer, up to how many positions."""
    longest = {}
    for one in times:
        longest[one.heads] = max(one.T, longest.get(one.heads, 0))
    *all_but_last, last = sorted(longest, key=longest.get)
    beyond = f"{last} beyond" if all_but_last else f"{last}"
    return ", ".join([*(f"{heads} up to {longest[heads]:,} positions" for heads in all_but_last), beyond])


def _of_check(one):
    shares = (part / one.seconds for part in (one.layer, one.truth, one.drawing, one.rest))
    return (
        one.target,
        f"{one.seconds:.1f}",
        f"{one.examples / one.seconds:.0f}",
        *(f"{share:.0%}" for share in shares),
    )


def _drawn(found):
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    table.add_column("")
    for name in found.columns:
        table.add_column(name, justify="right")
    for row in found.rows:
        table.add_row(*row)
    return table


def _ratio(one):
    return _seconds(one.seconds) if one.ratio is None or one.contender == UNIT.name else f"{one.ratio:.2f}"


def _megabytes(one):
    return _in_megabytes(one.bytes)


def _in_megabytes(size):
    return f"{size / 1e6:,.0f}"


def _seconds(seconds):
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"
