"""What a soak found, for a terminal and as an HTML page."""

import math
from typing import NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from parity_tests.soak.found import ORDER, Found, median
from parity_tests.table import COLOURS


class SoakReport(NamedTuple):
    """What is in the folder of a soak: by target and property, what was found; and how long it took."""

    versions: dict[str, str]
    seed: int
    found: dict[str, dict[str, Found]]
    examples: dict[str, int]
    seconds: float

    @property
    def agrees(self):
        """Whether nothing disagrees but what is known to."""
        return not any(one.disagreements for found in self.found.values() for one in found.values())

    @property
    def conclusion(self):
        """All in one sentence."""
        every = [one for found in self.found.values() for one in found.values()]
        examples = f"{sum(self.examples.values()):,} examples"
        if not self.agrees:
            return f"Of {examples}, some disagree."
        known = any(one.verdict == "known" for one in every)
        return f"None of {examples} disagrees{', but for what is known' if known else ''}."

    @property
    def worst(self):
        """Where the largest error / bound is, in words."""
        places = [
            (one.worst, name, dtype, target)
            for target, found in self.found.items()
            for name, of_name in found.items()
            for dtype, one in of_name.histograms.items()
        ]
        ratio, name, dtype, target = max(places)
        return f"The largest error / bound is {number(ratio)}: {name} in {dtype}, {target}."


def of_folder(folder, soak, targets):
    """Read a `folder.SoakFolder`."""
    results = {target: folder.results(target) for target in targets}
    return SoakReport(
        soak.versions,
        soak.seed,
        {target: folder.found(target) for target in targets},
        {target: sum(one["examples"] for one in of_target) for target, of_target in results.items()},
        sum(one["seconds"] for of_target in results.values() for one in of_target),
    )


def show(report, console):
    """Print a report: a table for each target, the smallest counterexamples, the conclusion."""
    console.print("Error / bound: the median and the largest of those examples that have any error.", highlight=False)
    for target, found in report.found.items():
        console.print(table(target, found, report.examples[target]))
    shown = {}
    for target, found in report.found.items():
        for name, one in found.items():
            if one.script is not None:
                console.print(_of_script(target, name, one, shown), markup=False, highlight=False, soft_wrap=True)
    console.print(f"{report.conclusion} {report.worst}", highlight=False)
    console.print(f"Keras {report.versions['keras']}, {hours(report.seconds)} of one core.", highlight=False)


def table(target, found, examples):
    """Property by dtype: the median and the largest error / bound of those examples that have any error."""
    shown = Table(
        title=f"{target}: {examples:,} examples beside the corners",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    shown.add_column("property", no_wrap=True)
    shown.add_column("examples", justify="right", no_wrap=True)
    for dtype in ORDER:
        shown.add_column(dtype, justify="right", no_wrap=True, min_width=12)
    shown.add_column("verdict", no_wrap=True)
    for name, one in found.items():
        ratios = ["  ".join(pair) for pair in of_dtypes(one).values()]
        shown.add_row(name, f"{one.examples:,}", *ratios, Text(verdict(one), style=COLOURS[one.verdict]))
    return shown


def of_dtypes(one):
    """For each dtype the median and the largest error / bound as they are shown; one word if there is no error."""
    shown = {}
    for dtype in ORDER:
        histogram = one.histograms.get(dtype)
        middle = histogram and median(histogram)
        if middle is None:
            shown[dtype] = ("exact",) if histogram else ("-",)
        else:
            shown[dtype] = (number(middle), number(histogram.worst))
    return shown


def verdict(one):
    """The verdict, with the number of examples that it is due to."""
    counts = {"agrees": "", "known": f" {one.excused.total():,}", "disagrees": f" {one.disagreements:,}"}
    return f"{one.verdict}{counts[one.verdict]}"


def number(ratio):
    """A ratio as it is shown: in five places at most."""
    if math.isinf(ratio):
        return "inf"
    return f"{ratio:.3f}" if 0.0005 <= ratio < 10 else f"{ratio:.0e}"


def hours(seconds):
    """A time in the unit that suits it."""
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def _of_script(target, name, one, shown):
    """A script, or only where it stands if another property has the same example."""
    body = one.script.partition("raise SystemExit")[0].partition("example = ")[2]
    if body in shown:
        return (
            f"\n{target}: {name} disagrees too, in {one.disagreements:,}; the smallest has the example of {shown[body]}"
        )
    shown[body] = name
    return f"\n{one.script}"
