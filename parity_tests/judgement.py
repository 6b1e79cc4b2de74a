"""What a trial says of one example, and what of that is known and excused."""

import numpy as np

from parity_tests import divergences
from parity_tests.comparison import Outcome
from parity_tests.properties import outcomes, shown


def judge(trial, layers, example):
    """Return for each property of a trial its outcome, and the known divergences that excuse it.

    A divergence excuses rows or items, seldom examples: the trial is repeated without them, and only what
    agrees then is excused.
    """
    subject = layers.subject
    judged = {name: (outcome, ()) for name, outcome in outcomes(trial, layers, example).items()}
    judged |= _excused_at_once(subject, example, judged)
    wrong = {name for name, (outcome, _) in judged.items() if not outcome.agrees}
    if not wrong:
        return judged
    narrowed, excuses = _narrowed(trial, subject, example, wrong, judged)
    if excuses:
        nothing_left = narrowed.judged.size == 0
        without = {} if nothing_left else outcomes(trial, layers, narrowed)
        for name in set().union(*excuses.values()):
            names = tuple(excuse for excuse, covered in excuses.items() if name in covered)
            outcome = without.get(name, Outcome(nothing_left))
            if outcome.agrees:
                judged[name] = (outcome, names if name in wrong else ())
    return judged


def _excused_at_once(subject, example, judged):
    """What disagrees in an example as a divergence says of it as a whole."""
    wrong = {name for name, (outcome, _) in judged.items() if not outcome.agrees}
    return {
        name: (Outcome(True), (divergence.name,))
        for divergence in (divergences.known(subject) if wrong else ())
        if divergence.excuses == "examples" and divergence.rows(subject.kind, example)
        for name in wrong
        if divergence.covers(name)
    }


def _narrowed(trial, subject, example, wrong, judged):
    """What is left of an example without what known divergences excuse, and which properties each of them covers.

    ``wrong`` are those that disagree, of all that are ``judged``.
    """
    excuses, left = {}, None
    known = sorted(divergences.known(subject), key=lambda divergence: divergence.excuses == "items")
    while left is not example:  # without some items, a trial may show others what it did not before
        left = example
        for divergence in known:  # those of rows first, of which several may excuse the same
            if divergence.excuses == "examples" or not any(divergence.covers(name) for name in wrong):
                continue
            rows = np.any([divergence.rows(subject.kind, one) for one in shown(trial, subject.kind, example)], axis=0)
            if divergence.excuses == "rows":
                rows = rows & left.judged
            if rows.any():
                example = divergence.narrowed(example, rows)
                excuses[divergence.name] = {name for name in judged if divergence.covers(name)}
    return example, excuses


def disagreements(trial, layers, example):
    """The properties of a trial that disagree and are not excused, with their outcomes."""
    judged = judge(trial, layers, example).items()
    return {name: outcome for name, (outcome, excuses) in judged if not outcome.agrees and not excuses}
