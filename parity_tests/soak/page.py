"""What a soak found as one HTML page that needs nothing else: no network, no other file."""

from parity_tests import plots
from parity_tests.page import template
from parity_tests.soak import report as reports
from parity_tests.soak.found import ORDER


def page(report):
    """Return a `report.SoakReport` as the text of an HTML page."""
    text = template("soak.html.jinja").render(
        report=report,
        dtypes=ORDER,
        time=reports.hours(report.seconds),
        subjects=[_subject(target, found, report.examples[target]) for target, found in report.found.items()],
    )
    # What a layer raises may hold halves of characters, which no file can.
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


def _subject(target, found, examples):
    span = plots.decades(*(one.histograms for one in found.values()))  # the same for all, so that rows can be compared
    verdicts = {one.verdict for one in found.values()}
    return {
        "target": target,
        "examples": examples,
        "verdict": next(one for one in ("disagrees", "known", "agrees") if one in verdicts),
        "rows": [_row(name, one, span) for name, one in found.items()],
    }


def _row(name, one, span):
    drawn = any(sum(of_dtype.counts) for of_dtype in one.histograms.values())
    return {
        "name": name,
        "found": one,
        "verdict": reports.verdict(one),
        "ratios": reports.of_dtypes(one),
        "plot": plots.distribution(one.histograms, span) if drawn else None,
    }
