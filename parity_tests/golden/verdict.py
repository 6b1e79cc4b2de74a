"""Whether results are what golden cases expect, and how far two results are apart."""

from functools import reduce
from typing import NamedTuple

import numpy as np

from parity_tests.comparison import Outcome, compare, same, worst
from parity_tests.golden import translation
from reference.golden import bounds
from reference.rounding import ARITHMETIC

OF_ROWS = ("output", "output_alone", "weights")


class Verdict(NamedTuple):
    """What one case says of one set of results.

    Attributes
    ----------
    verdict
        ``agrees``, ``known``, ``disagrees`` or ``error``, as in a report.
    outcomes
        By the name of what was compared.
    known
        The names of the divergences that excuse what disagrees.
    """

    verdict: str
    outcomes: dict[str, Outcome]
    known: tuple[str, ...] = ()

    @property
    def worst(self):
        """The outcome that says most, with what it is of."""
        return worst(self.outcomes)


class Truth:
    """Golden cases, and how far results may be off; computed once for each case and dtype.

    Parameters
    ----------
    cases
        `reference.golden.GoldenCase` by path.
    """

    def __init__(self, cases):
        self.cases = cases
        self._bounds = {}

    def bounds(self, path, dtype, losing=()):
        """The bounds of a case by name, for a machine that computes in this dtype, and loses what divergences do."""
        machine = reduce(lambda machine, divergence: divergence.loss(machine), losing, ARITHMETIC[dtype])
        if (path, machine) not in self._bounds:
            self._bounds[path, machine] = bounds(self.cases[path], machine)
        return self._bounds[path, machine]


def verdict(truth, path, asked, given, excuses=None):
    """Hold what was given for a case to what it expects.

    Parameters
    ----------
    truth : Truth
    path
        The case's.
    asked
        The dtype that was asked for.
    given : parity_tests.golden.results.Given
    excuses
        Takes the name of a result; returns known divergences by name, each with the rows that it excuses, as they
        broadcast against the result; and those that lose precision.

    Returns
    -------
    Verdict
    """
    if given.error:
        return Verdict("error", {"call": Outcome(False, np.inf, message=given.error, raised=True)})
    outcomes = {"dtype": same("dtype", given.dtype, asked)}
    if given.dtype in ARITHMETIC:
        outcomes |= {name: _held(truth, path, given, name) for name in given.arrays}
    names = []
    for name, outcome in outcomes.items():
        if not outcome.agrees:
            why = [] if excuses is None else _why(truth, path, given, name, *excuses(name))
            if not why:
                return Verdict("disagrees", outcomes)
            names += why
    return Verdict("known" if names else "agrees", outcomes, tuple(dict.fromkeys(names)))


def _why(truth, path, given, name, excuses, losing):
    """The divergences without which a result agrees; none if it does not."""
    for rows, lost in ((excuses, ()), ({}, losing), (excuses, losing)):
        if (rows or lost) and _rest_agrees(truth, path, given, name, rows, lost):
            return [*rows, *(divergence.name for divergence in lost)]
    return []


def _held(truth, path, given, name, judged=None, losing=()):
    actual, expected, bound = compared(truth, path, given, name, losing)
    if actual is None and not name.startswith("d_"):  # only a gradient can be disconnected
        return Outcome(False, np.inf, message="expected numbers, received none")
    if actual is None:
        message = "" if not expected.any() else "disconnected, though the gradient is not 0"
        return Outcome(not message, np.inf if message else 0.0, message=message)
    return compare(actual, expected, bound, judged)


def compared(truth, path, given, name, losing=()):
    """Results, what is expected and the bound; a score of minus infinity that should be one counts as 0."""
    key = name.removesuffix("_alone")
    actual, expected, bound = (
        given.arrays[name],
        truth.cases[path].expected[key],
        truth.bounds(path, given.dtype, losing)[key],
    )
    if actual is not None and actual.shape == expected.shape and np.isneginf(expected).any():
        hidden = np.isneginf(expected) & np.isneginf(actual)
        actual, expected = (np.where(hidden, 0.0, array) for array in (actual, expected))
    return actual, expected, bound


def _rest_agrees(truth, path, given, name, excuses, losing):
    """Whether the rows that nothing excuses agree; of a gradient, all that is excused may be part."""
    if not excuses:
        return _held(truth, path, given, name, losing=losing).agrees
    if name not in OF_ROWS:
        return True
    rows = np.any(list(excuses.values()), axis=0)
    return _held(truth, path, given, name, ~rows, losing).agrees


def excuses_of(subject, case, dtype):
    """Returns a function as `verdict` takes it: what is known of a subject."""
    from parity_tests import divergences

    known = divergences.known(subject)
    example = translation.example(case, subject.kind, subject.options, dtype) if known else None

    def excuses(name):
        found, losing = {}, []
        property_name = _property(subject.kind, name)
        for divergence in known:
            if divergence.covers(property_name):
                rows = divergence.rows(subject.kind, example)
                if divergence.excuses == "items":
                    rows = np.broadcast_to(rows.any(axis=tuple(range(1, rows.ndim)), keepdims=True), rows.shape)
                rows = np.broadcast_to(rows, example.judged.shape)
                if rows.any() and divergence.excuses == "precision":
                    losing.append(divergence)
                elif rows.any():
                    found[divergence.name] = translation.rows(case, subject.kind, name, rows)
        return found, tuple(losing)

    return excuses


def _property(kind, name):
    """What a kind calls a result that a case calls so."""
    names = {translation.result_name(kind, one): one for one in ("output_alone", "output", "weights")}
    return names.get(name, name)
