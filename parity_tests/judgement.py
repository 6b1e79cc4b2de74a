"""What a trial says of one example, and what of that is known and excused."""

from itertools import combinations

import numpy as np

from parity_tests import divergences
from parity_tests.comparison import Outcome
from parity_tests.instead import NO_NUMBERS
from parity_tests.properties import outcomes, shown


def judge(trial, layers, example):
    """Return for each property of a trial its outcome, and the known divergences that excuse it.

    A divergence that says what the layer does instead excuses nothing else: the trial is repeated with that for the
    truth. Others excuse rows or items, seldom examples: the trial is repeated without them. One that loses precision
    excuses nothing that lies beyond the bound of a machine which loses as much. Only what agrees then is excused.
    """
    judged = {name: (outcome, ()) for name, outcome in outcomes(trial, layers, example).items()}
    for names, covering in _covered(judged, divergences.known(layers.subject)):
        at_once = [one for one in covering if _as_a_whole(one, names[0], judged, trial, layers.subject.kind, example)]
        excused = _at_once(names, at_once) if at_once else _after_all(trial, layers, example, names, covering)
        judged |= excused
    return judged


def _covered(judged, known):
    """Properties that disagree, with the divergences that may be why; those together that have the same."""
    groups = {}
    for name, (outcome, _) in judged.items():
        if not outcome.agrees:
            covering = tuple(one for one in known if one.covers(name) and one.may_be_why(outcome))
            told = tuple(one.tells(name) for one in covering)
            groups.setdefault((covering, told, _sort(name)), []).append(name)
    return [(names, covering) for (covering, _, _), names in groups.items() if covering]


def _sort(name):
    """What kind of property it is: of no numbers, of rows, or of gradients, to which each row adds."""
    return "none" if name in NO_NUMBERS else "rows" if name in divergences.OF_ROWS else "sums"


def _as_a_whole(divergence, name, judged, trial, kind, example):
    """Whether the example is as a divergence says of it as a whole; one of precision says so of what is no number.

    Of what did not raise, one that says what is received excuses nothing as a whole.
    """
    whole = divergence.excuses == "examples" or (divergence.excuses == "precision" and name in NO_NUMBERS)
    if not whole or (divergence.tells(name) and not judged[name][0].raised):
        return False
    return _rows(divergence, trial, kind, example).any()


def _rows(divergence, trial, kind, example):
    """The rows that a divergence may differ in, in any of the examples that a trial shows."""
    return np.any([divergence.rows(kind, one) for one in shown(trial, kind, example)], axis=0)


def _at_once(names, divergences):
    return {name: (Outcome(True), tuple(one.name for one in divergences)) for name in names}


def _after_all(trial, layers, example, names, covering):
    """Those properties that agree with what is known: another truth, fewer rows, or the bound of what loses more.

    What is said to see another example than it is given is asked first; of the others, whether they are so of that.
    """
    kind, name = layers.subject.kind, names[0]
    seeing = [one for one in covering if one.sees_another(name) and _rows(one, trial, kind, example).any()]
    seeing = [one for one in seeing if one.may_be_received(kind, example)]
    others = [one for one in covering if not one.sees_another(name)]
    excused = {}
    for first in ([], seeing) if seeing else ([],):
        asked = layers.held_to([], [one.account for one in first])
        so = [one for one in others if _rows(one, trial, kind, asked.seen(example)).any()]
        telling = [one for one in so if one.tells(name)]
        losing = [one for one in so if one.excuses == "precision" and one not in telling]
        narrowed, excuses = _narrowed(trial, asked, example, [one for one in so if one not in telling + losing], name)
        for reasons in _by_number((telling, losing, excuses), first):
            missing = [name for name in names if name not in excused]
            if missing:
                measured = layers.held_to(
                    [one.loss for one in losing if one in reasons],
                    [one.account for one in (*first, *telling) if one in reasons],
                )
                left = narrowed if excuses and excuses[0] in reasons else example
                excused |= _agreeing(trial, measured, left, missing, tuple(one.name for one in reasons))
    return excused


def _by_number(reasons, first):
    """All that can be made of several lists of reasons, each taken whole, with few of them first; some are in all."""
    lists = [some for some in reasons if some]
    for number in range(0 if first else 1, len(lists) + 1):
        for chosen in combinations(lists, number):
            yield [*first, *(one for some in chosen for one in some)]


def _agreeing(trial, layers, example, names, reasons):
    """Those of the properties that agree of an example, for these reasons."""
    if example.judged.size == 0:
        return {name: (Outcome(True), reasons) for name in names}
    found = outcomes(trial, layers, example)
    return {name: (found[name], reasons) for name in names if name in found and found[name].agrees}


def _narrowed(trial, layers, example, covering, name):
    """What is left of an example without what divergences excuse, and those of them that excuse something."""
    excuses, left = [], None
    covering = sorted(covering, key=lambda divergence: divergence.excuses == "items")
    while left is not example:  # without some items, a trial may show others what it did not before
        left = example
        for divergence in covering:  # those of rows first, of which several may excuse the same
            rows = _rows(divergence, trial, layers.subject.kind, layers.seen(example))
            by_rows = divergence.excuses == "rows" or _sort(name) == "rows"
            if by_rows:
                rows = rows & left.judged
            if rows.any():
                example = example.without_rows(rows) if by_rows else divergence.narrowed(example, rows)
                excuses += [divergence] if divergence not in excuses else []
    return example, excuses


def disagreements(trial, layers, example):
    """The properties of a trial that disagree and are not excused, with their outcomes."""
    judged = judge(trial, layers, example).items()
    return {name: outcome for name, (outcome, excuses) in judged if not outcome.agrees and not excuses}
