"""What a trial says of one example, and what of that is known and excused."""

import numpy as np

from parity_tests import divergences
from parity_tests.comparison import Outcome
from parity_tests.properties import NO_NUMBERS, outcomes, shown


def judge(trial, layers, example):
    """Return for each property of a trial its outcome, and the known divergences that excuse it.

    A divergence excuses rows or items, seldom examples: the trial is repeated without them, and only what agrees then
    is excused. One that loses precision excuses nothing that lies beyond the bound of a machine which loses as much.
    """
    judged = {name: (outcome, ()) for name, outcome in outcomes(trial, layers, example).items()}
    for names, covering in _covered(judged, divergences.known(layers.subject)):
        at_once = [one for one in covering if _as_a_whole(one, names, layers.subject, example)]
        excused = _at_once(names, at_once) if at_once else _after_all(trial, layers, example, names, covering)
        judged |= excused
    return judged


def _covered(judged, known):
    """Properties that disagree, with the divergences that may be why; those together that have the same."""
    groups = {}
    for name, (outcome, _) in judged.items():
        if not outcome.agrees:
            covering = tuple(one for one in known if one.covers(name) and one.may_be_why(outcome))
            groups.setdefault((covering, name in NO_NUMBERS), []).append(name)
    return [(names, covering) for (covering, _), names in groups.items() if covering]


def _as_a_whole(divergence, names, subject, example):
    """Whether the example is as a divergence says of it as a whole; one of precision says so of what is no number."""
    whole = divergence.excuses == "examples" or (divergence.excuses == "precision" and names[0] in NO_NUMBERS)
    return whole and np.any(divergence.rows(subject.kind, example))


def _at_once(names, divergences):
    return {name: (Outcome(True), tuple(one.name for one in divergences)) for name in names}


def _after_all(trial, layers, example, names, covering):
    """Those properties that agree without what is known, within the bound or within that of what loses precision."""
    kind = layers.subject.kind
    narrowed, excuses = _narrowed(trial, kind, example, [one for one in covering if one.excuses in ("rows", "items")])
    losing = [one for one in covering if one.excuses == "precision" and np.any(one.rows(kind, example))]
    lost = layers.losing([one.loss for one in losing])
    attempts = [(layers, narrowed, excuses)] if excuses else []
    if losing:
        attempts += [(lost, example, losing), *([(lost, narrowed, [*losing, *excuses])] if excuses else [])]
    excused = {}
    for measured, left, reasons in attempts:
        missing = [name for name in names if name not in excused]
        if missing:
            nothing_left = left.judged.size == 0
            found = {} if nothing_left else outcomes(trial, measured, left)
            for name in missing:
                outcome = found.get(name, Outcome(nothing_left))
                if outcome.agrees:
                    excused[name] = (outcome, tuple(one.name for one in reasons))
    return excused


def _narrowed(trial, kind, example, covering):
    """What is left of an example without what divergences excuse, and those of them that excuse something."""
    excuses, left = [], None
    covering = sorted(covering, key=lambda divergence: divergence.excuses == "items")
    while left is not example:  # without some items, a trial may show others what it did not before
        left = example
        for divergence in covering:  # those of rows first, of which several may excuse the same
            rows = np.any([divergence.rows(kind, one) for one in shown(trial, kind, example)], axis=0)
            if divergence.excuses == "rows":
                rows = rows & left.judged
            if rows.any():
                example = divergence.narrowed(example, rows)
                excuses += [divergence] if divergence not in excuses else []
    return example, excuses


def disagreements(trial, layers, example):
    """The properties of a trial that disagree and are not excused, with their outcomes."""
    judged = judge(trial, layers, example).items()
    return {name: outcome for name, (outcome, excuses) in judged if not outcome.agrees and not excuses}
