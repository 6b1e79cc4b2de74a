"""What a person sees: the table, what is known, and each counterexample."""

import math

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from parity_tests import divergences
from parity_tests.comparison import NO_NUMBERS
from parity_tests.counterexample import disagreements

EXACT = (*NO_NUMBERS[1:], "dropout_rate", "dropout_seed")
COLOURS = {"agrees": "green", "known": "yellow", "disagrees": "bold red", "error": "bold red"}


def show(report, console: Console):
    """Print a report."""
    console.print("Parity with the reference", style="italic")
    console.print(f"{report.platform}, in {', '.join(report.dtypes)}", highlight=False)
    console.print(results(report))
    names = {name for subject in report.subjects for one in subject.properties for name in one.known}
    show_known(names, console, {subject.target for subject in report.subjects})
    for subject in report.subjects:
        for one in disagreements(subject):
            text = one.script if one.same_as is None else f"{one.description}\n(for the example of {one.same_as})"
            console.print()
            console.print(text, markup=False, highlight=False, soft_wrap=True)
    console.print(f"{conclusion(report)} {report.platform}.", highlight=False)


def show_known(names, console, targets=frozenset()):
    """Print what the named divergences are; of the subjects that have one, those that are targets, if any are."""
    for entry in (*divergences.read(), *divergences.of_cases()):
        if entry.name in names:
            subjects = ", ".join([one for one in entry.subjects if one in targets] or entry.subjects)
            console.print(Text.assemble((f"known: {subjects}, {entry.name}. ", "yellow"), entry.sentence))
            console.print(Text(f"  {_documents(entry.subjects[0])} says: {entry.documented}", style="dim"))


def _documents(subject):
    """Whose documentation tells of a subject."""
    return "ONNX" if subject.startswith("onnx") else "Keras"


def conclusion(report):
    """All in a sentence, and another if nothing was looked at."""
    known = any(subject.verdict == "known" for subject in report.subjects)
    agreeing = "All agree, but for what is known." if known else "All agree."
    verdict = agreeing if report.agrees else "There are disagreements."
    nothing = ", ".join(subject.target for subject in report.subjects if not subject.compared)
    return f"{verdict} Nothing was compared of {nothing}: every example raises an error." if nothing else verdict


def results(report):
    """The table: subject, property, examples, worst error / bound, verdict."""
    table = Table(box=box.SIMPLE_HEAD, padding=0)
    table.add_column("subject", overflow="fold")
    table.add_column("property", no_wrap=True)
    table.add_column("examples", justify="right", no_wrap=True)
    table.add_column("worst\nerror/bound", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for subject in report.subjects:
        for number, one in enumerate(subject.properties):
            table.add_row(
                _target(subject) if number == 0 else f"  {subject.seconds:.1f} s" if number == 1 else "",
                one.name,
                str(one.examples),
                ratio(one),
                Text(one.verdict, style=COLOURS[one.verdict]),
            )
        table.add_section()
    return table


def _target(subject):
    """The target, in two lines if it is long."""
    if len(subject.target) < 26:
        return subject.target
    cut = max(subject.target.rfind(mark) for mark in ":.") + 1
    return f"{subject.target[:cut]}\n{subject.target[cut:]}"


def ratio(one):
    """The worst error / bound of a property, as it is shown."""
    if one.name in EXACT and one.worst_ratio == 0:
        return "exact"
    return "inf" if math.isinf(one.worst_ratio) else f"{one.worst_ratio:.3g}"
