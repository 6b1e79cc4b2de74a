"""A report as one HTML page that needs nothing else: no network, no other file."""

import datetime
import re

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from parity_tests import divergences, plots, table
from parity_tests.counterexample import description, script
from parity_tests.heat_maps import heat_maps
from parity_tests.histogram import histogram
from reference.rounding import ARITHMETIC

SIGNS = {"agrees": "✓", "known": "≈", "disagrees": "✗", "error": "!"}  # a verdict is not told by colour alone
LONG = 40  # lines from which on a script is not shown at once


def page(report, *, seed, examples, date=None):
    """Return a report as the text of an HTML page.

    Parameters
    ----------
    report
        A `report.Report`.
    seed, examples
        What the check was asked for.
    date : datetime.date, optional
        Of the check, by default today.
    """
    text = template("page.html.jinja").render(
        report=report,
        conclusion=table.conclusion(report),
        date=(date or datetime.date.today()).isoformat(),
        seed=seed,
        examples=examples,
        subjects=[_subject(subject) for subject in report.subjects],
    )
    # What a layer raises may hold halves of characters, which no file can.
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


def template(name):
    """Return a template of this package, in which whatever is inserted is escaped."""
    environment = Environment(
        loader=PackageLoader("parity_tests", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["signs"] = SIGNS
    return environment.get_template(name)


def _subject(subject):
    histograms = [histogram(_in_order(one.ratios)) for one in subject.properties]
    span = plots.decades(*histograms)  # the same for all, so that rows can be compared
    known = {name for one in subject.properties for name in one.known}
    return {
        "report": subject,
        "known": [entry for entry in divergences.read() if entry.name in known and entry.subject == subject.target],
        "rows": [_row(one, of_one, span) for one, of_one in zip(subject.properties, histograms)],
        "disagreements": _disagreements(subject),
    }


def _in_order(ratios):
    """From the coarsest dtype to the finest."""
    return {dtype: ratios[dtype] for dtype in sorted(ratios, key=[*ARITHMETIC].index)}


def _row(one, histograms, span):
    drawn = any(sum(of_dtype.counts) for of_dtype in histograms.values())
    exact = sum(of_dtype.exact for of_dtype in histograms.values())
    return {
        "report": one,
        "ratio": table.ratio(one),
        "plot": plots.distribution(histograms, span) if drawn else None,
        "exact": f"exact in all {exact}"
        if exact == one.examples
        else f"exact in {exact}; the others are known to differ",
    }


def _disagreements(subject):
    """One for each property; a script whose example stands above is not shown at once."""
    disagreements, shown = [], {}
    for one in subject.properties:
        if one.counterexample is not None:
            text = script(one.counterexample)
            example = text.partition("example = ")[2].partition("raise SystemExit")[0]
            shown_by = shown.setdefault(example, one.name)
            same_as = None if shown_by == one.name else shown_by
            opened = same_as is None and text.count("\n") < LONG
            disagreements.append({"report": one, "script": text, "same_as": same_as, "open": opened, **_shown(one)})
    return disagreements


def _shown(one):
    """What differs, in words and as heat-maps."""
    outcome = one.counterexample.outcome
    return {
        "description": re.sub(r"\x1b\[[\d;]*m", "", description(one.counterexample)),  # Keras's messages are coloured
        "maps": {} if outcome.arrays is None else heat_maps(outcome.arrays, outcome.index),
        "left_out": outcome.arrays is not None and bool(np.isinf(outcome.arrays.bound).any()),
        "index": list(outcome.index),
        "matrix": f"[{', '.join([*map(str, outcome.index[:-2]), *[':' for _ in outcome.index[-2:]]])}]",
    }
