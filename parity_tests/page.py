"""A report as one HTML page that needs nothing else: no network, no other file."""

import datetime
import re

import numpy as np

from keras_impl.page import environment
from parity_tests import divergences, plots, table
from parity_tests.counterexample import disagreements
from parity_tests.heat_maps import heat_maps
from parity_tests.histogram import histogram
from reference.rounding import ARITHMETIC

SIGNS = {"agrees": "✓", "known": "≈", "disagrees": "✗", "error": "!"}  # a verdict is not told by colour alone


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
        dtypes=", ".join(report.dtypes),
        date=(date or datetime.date.today()).isoformat(),
        seed=seed,
        examples=examples,
        subjects=[_subject(subject) for subject in report.subjects],
    )
    # What a layer raises may hold halves of characters, which no file can.
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


def template(name):
    """Return a template of this package."""
    templates = environment("parity_tests")
    templates.globals["signs"] = SIGNS
    return templates.get_template(name)


def _subject(subject):
    histograms = [histogram(_in_order(one.ratios)) for one in subject.properties]
    span = plots.decades(*histograms)  # the same for all, so that rows can be compared
    told = disagreements(subject)
    known = {name for one in subject.properties for name in one.known}
    return {
        "report": subject,
        "known": [entry for entry in divergences.read() if entry.name in known],
        "rows": [_row(one, of_one, span) for one, of_one in zip(subject.properties, histograms)],
        "disagreements": [_shown(one) for one in told],
        "told_under": {one.name: group.properties[0].name for group in told for one in group.properties},
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


def _shown(one):
    """What differs, in words and as heat-maps."""
    outcome = one.properties[0].counterexample.outcome
    return {
        "name": one.properties[0].name,
        "names": [of_one.name for of_one in one.properties],
        "verdict": one.properties[0].verdict,
        "description": re.sub(r"\x1b\[[\d;]*m", "", one.description),  # Keras's messages are coloured
        "script": one.script,
        "same_as": one.same_as,
        "maps": {} if outcome.arrays is None else heat_maps(outcome.arrays, outcome.index),
        "left_out": outcome.arrays is not None and bool(np.isinf(outcome.arrays.bound).any()),
        "index": list(outcome.index),
        "matrix": f"[{', '.join([*map(str, outcome.index[:-2]), *[':' for _ in outcome.index[-2:]]])}]",
    }
