"""What a trial says of one example, and what of that is known and excused."""

from itertools import chain, combinations

import numpy as np

from parity_tests import divergences
from parity_tests.comparison import NO_NUMBERS, Outcome
from parity_tests.properties import outcomes, shown

WITHOUT_SIZES = ("symbolic", "reloading")  # where a call without numbers may raise what one with these sizes does not


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

    One that says what is received instead says nothing as a whole but that a call raises an error, where it must.
    """
    whole = divergence.excuses == "examples" or (divergence.excuses == "precision" and name in NO_NUMBERS)
    if not whole or not _rows(divergence, trial, kind, example).any():
        return False
    if judged[name][0].raised and name not in WITHOUT_SIZES:
        return any(divergence.may_raise(kind, one) for one in shown(trial, kind, example))
    return judged[name][0].raised or not divergence.tells(name)


def _rows(divergence, trial, kind, example):
    """The rows that a divergence may differ in, in any of the examples that a trial shows."""
    return np.any([divergence.rows(kind, one) for one in shown(trial, kind, example)], axis=0)


def _at_once(names, divergences):
    return {name: (Outcome(True), tuple(one.name for one in divergences)) for name in names}


def _after_all(trial, layers, example, names, covering):
    """Those properties that agree once something that is known is taken into account."""
    excused = {}
    for reasons, held, left in _attempts(trial, layers, example, names[0], covering):
        missing = [name for name in names if name not in excused]
        if not missing:
            break
        excused |= _agreeing(trial, held, left, missing, tuple(one.name for one in reasons))
    return excused


def _attempts(trial, layers, example, name, covering):
    """What may be why, few reasons first, each with what the layers are then held to, and what of the example counts.

    A layer that is known to see another example than it is given is held to that one, and whatever else is known must
    be so of that one. The rest is of three sorts: another truth, a machine that loses more, and fewer rows.
    """
    kind = layers.subject.kind
    others = [one for one in covering if not one.sees_another(name)]
    seers = [one for one in covering if one.sees_another(name) and _rows(one, trial, kind, example).any()]
    for seeing in _subsets(seers):
        seen = layers.held_to([], [one.account for one in seeing]).seen(example)
        if seen is None:  # which must raise an error
            continue
        so = [one for one in others if _rows(one, trial, kind, seen).any()]
        telling = [one for one in so if one.tells(name)]
        losing = [one for one in so if one.excuses == "precision" and one not in telling]
        fewer = [one for one in so if one not in telling + losing]
        narrowed, fewer = _narrowed(trial, layers.held_to([], [one.account for one in seeing]), example, fewer, name)
        for sorts in _subsets([sort for sort in (telling, losing, fewer) if sort]):
            reasons = [*seeing, *chain(*sorts)]
            losses = [one.loss for one in losing if losing in sorts]
            accounts = [one.account for one in reasons if one.tells(name)]
            if reasons:
                yield reasons, layers.held_to(losses, accounts), narrowed if fewer in sorts else example


def _subsets(things):
    """All choices among a few things, small ones first."""
    return chain.from_iterable(combinations(things, number) for number in range(len(things) + 1))


def _agreeing(trial, layers, example, names, reasons):
    """Those of the properties that agree of an example, for these reasons; all, if nothing is left of it to look at."""
    if example.judged.size == 0 or layers.seen(example) is None:
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
            seen = layers.seen(example)
            if seen is None:  # the masks of what is left do not fit
                return example, excuses
            rows = _rows(divergence, trial, layers.subject.kind, seen)
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
