"""What a person sees of the check's own score."""

from rich import box
from rich.table import Table
from rich.text import Text

from parity_tests.mutants import HIDDEN
from parity_tests.score import by_category

FORMS = ("{:g}", "{}", "{:.2f}", "{:.2f}")  # median and most examples, median and most seconds


def show(findings, console):
    """Print the faults, the score by category, what is not found, and what cannot be told from rounding."""
    scores = by_category(findings)
    if scores:
        console.print(_faults(scores))
        console.print()
        console.print(_categories(scores))
        console.print()
    missed = [one for score in scores for one in score.findings if not one.found]
    for one in missed:
        console.print(Text.assemble((f"not found: {one.name}. ", "bold red"), one.sentence))
    hidden = [one for one in findings if one.name in HIDDEN]
    for one in hidden:
        found = ("found, though it ", "bold red") if one.found else ("not found, as it ", "")
        console.print(Text.assemble(f"{one.name}: ", found, "cannot be told from rounding. ", one.sentence))
        console.print(Text(f"  {HIDDEN[one.name]}", style="dim"))
    total, found = sum(len(score.findings) for score in scores), sum(score.found for score in scores)
    console.print(_verdict(found, total, sum(one.found for one in hidden), len(hidden)), highlight=False)


def _verdict(found, total, wrongly_found, hidden):
    parts = [f"{found} of {total} found."] if total else []
    if hidden:
        none = f"None of {hidden} that cannot be told from rounding is found."
        some = f"{wrongly_found} of {hidden} that cannot be told from rounding found: the list of them is wrong."
        parts.append(some if wrongly_found else none)
    return " ".join(parts)


def _faults(scores):
    table = _table("Faults", "fault", "found by")
    for column in ("examples", "seconds"):
        table.add_column(column, justify="right", no_wrap=True)
    for score in scores:
        table.add_row(Text(score.name, style="italic"))
        for one in score.findings:
            table.add_row(f" {one.name}", _found(one), str(one.examples), f"{one.seconds:.2f}")
        table.add_section()
    return table


def _categories(scores):
    table = _table("Score", "category")
    for column in ("found", "examples:\nmedian", "\nmost", "seconds:\nmedian", "\nmost"):
        table.add_column(column, justify="right", no_wrap=True)
    for score in scores:
        numbers = (*score.median_and_most("examples"), *score.median_and_most("seconds"))
        shown = ("" if number is None else form.format(number) for number, form in zip(numbers, FORMS))
        table.add_row(score.name, f"{score.found} / {len(score.findings)}", *shown)
    return table


def _table(title, *columns):
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _found(finding):
    if not finding.found:
        return Text("not found", style="bold red")
    first, *others = finding.properties
    return f"{first} and {len(others)} more" if others else first
