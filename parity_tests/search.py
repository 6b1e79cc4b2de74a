"""The check: draw examples, hold a layer to the reference, and find the smallest example that disagrees."""

import time

import hypothesis
import keras
import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity

from parity_tests import divergences, subjects
from parity_tests.backend import check_backend, quiet_warnings
from parity_tests.comparison import Outcome
from parity_tests.properties import TRIALS, outcomes, shown
from parity_tests.report import Counterexample, PropertyReport, Report, SubjectReport


class Disagreement(Exception):
    """Tells Hypothesis that an example is one to make smaller."""


def check(*targets, kind=None, examples=100, seed=0, on_example=None):
    """Hold layers to the reference.

    Parameters
    ----------
    *targets
        Keras layer classes, `Subject` classes, ``"package.module:LayerClass"`` or registered names; none
        means all registered ones.
    kind
        The contract that the layers keep, such as ``"attention"``; by default it is guessed.
    examples
        How many examples are drawn for each layer.
    seed
        The same seed draws the same examples.
    on_example
        Called with the target after each example, to show progress.

    Returns
    -------
    Report
        ``report.agrees`` tells whether there was no disagreement but known ones.

    Raises
    ------
    ValueError
        If a target cannot be used, or Keras runs on another backend than TensorFlow.

    Examples
    --------
    >>> import keras_impl
    >>> check(keras_impl.AttentionLayer, kind="attention", examples=5).agrees
    True
    """
    if examples < 1:
        raise ValueError(f"examples: expected at least 1, received {examples}")
    check_backend()
    subjects.check_kind(kind)
    found = [subjects.find(target, kind) for target in targets]
    if not targets:
        found = [one for one in subjects.registered().values() if kind in (None, one.kind.name)]
    return Report(
        keras=keras.__version__,
        backend=keras.backend.backend(),
        subjects=tuple(check_subject(subject, examples, seed, on_example) for subject in found),
    )


def check_subject(subject, examples, seed, on_example=None):
    """Hold one layer to the reference."""
    start = time.perf_counter()
    tallies = {}

    def count(example):
        layer = built_or_none(subject, example)
        for trial in TRIALS:
            for name, (outcome, excuses) in judge(trial, subject, example, layer).items():
                tallies.setdefault(name, Tally(name, trial)).add(example, outcome, excuses)
        if on_example is not None:
            on_example(subject.target)

    search(subject, count, examples, seed, phases=(Phase.generate,))
    shrink(subject, [tally for tally in tallies.values() if tally.disagreements], examples, seed)
    properties = tuple(tally.report(subject) for tally in tallies.values())
    return SubjectReport(subject.target, subject.kind.name, time.perf_counter() - start, properties)


class Tally:
    """What one property has said so far."""

    def __init__(self, name, trial):
        self.name = name
        self.trial = trial
        self.examples = 0
        self.worst_ratio = 0.0
        self.ratios = {}
        self.excuses = set()
        self.disagreements = 0
        self.smallest = None  # (example, outcome); the first until a smaller one is found
        self.shrunk = False

    def add(self, example, outcome, excuses):
        """Count one example."""
        self.examples += 1
        self.excuses.update(excuses)
        if excuses:
            return
        self.worst_ratio = max(self.worst_ratio, outcome.ratio)
        self.ratios.setdefault(example.dtype, []).append(outcome.ratio)
        if not outcome.agrees:
            self.disagreements += 1
            self.smallest = self.smallest or (example, outcome)

    def report(self, subject):
        """What it comes to."""
        verdict = "known" if self.excuses else "agrees"
        counterexample = None
        if self.smallest:
            example, outcome = self.smallest
            verdict = "error" if outcome.raised else "disagrees"
            counterexample = Counterexample(subject.target, subject.kind.name, self.name, example, outcome)
        ratios = {dtype: tuple(ratios) for dtype, ratios in self.ratios.items()}
        known = tuple(sorted(self.excuses))
        return PropertyReport(self.name, verdict, self.examples, self.worst_ratio, counterexample, known, ratios)


def built_or_none(subject, example):
    """A layer for all trials of an example; if making it raises, each of them is to find that out."""
    try:
        with quiet_warnings():
            return subject.build(example)
    except Exception:  # whatever somebody's layer may raise
        return None


def judge(trial, subject, example, layer=None):
    """Return for each property of a trial its outcome, and the known divergences that excuse it.

    A divergence excuses rows or items, not examples: the trial is repeated without them, and only what
    agrees then is excused.
    """
    judged = {name: (outcome, ()) for name, outcome in outcomes(trial, subject, example, layer).items()}
    wrong = {name for name, (outcome, _) in judged.items() if not outcome.agrees}
    if not wrong:
        return judged
    narrowed, excuses = example, {}
    for divergence in divergences.known(subject.target):
        if wrong.isdisjoint(divergence.properties):
            continue
        rows = np.any([divergence.rows(subject.kind, one) for one in shown(trial, subject.kind, narrowed)], axis=0)
        if rows.any():
            narrowed = divergence.narrowed(narrowed, rows)
            excuses[divergence.name] = set(divergence.properties)
    if excuses:
        nothing_left = narrowed.judged.size == 0
        without = {} if nothing_left else outcomes(trial, subject, narrowed)
        for name in set().union(*excuses.values()) & judged.keys():
            names = tuple(excuse for excuse, covered in excuses.items() if name in covered)
            outcome = without.get(name, Outcome(nothing_left))
            if outcome.agrees:
                judged[name] = (outcome, names if name in wrong else ())
    return judged


def search(subject, test, examples, seed, phases):
    """Run a test on examples of a subject's kind."""
    settings = hypothesis.settings(
        max_examples=examples,
        phases=phases,
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    hypothesis.seed(seed)(settings(hypothesis.given(subject.kind.examples())(test)))()


def shrink(subject, tallies, examples, seed):
    """Find the smallest counterexample of each property; one that serves several is looked for once."""
    for tally in tallies:
        for other in tallies:
            example = other.smallest[0]
            if other is tally or not other.shrunk:
                continue
            outcome, excuses = judge(tally.trial, subject, example).get(tally.name, (Outcome(True), ()))
            if not outcome.agrees and not excuses:
                tally.smallest = (example, outcome)
                break
        else:
            tally.smallest = smallest_counterexample(subject, tally, examples, seed) or tally.smallest
            tally.shrunk = True


def smallest_counterexample(subject, tally, examples, seed):
    """Return the smallest example for which a property disagrees, and its outcome."""
    found = []

    def test(example):
        outcome, excuses = judge(tally.trial, subject, example).get(tally.name, (Outcome(True), ()))
        if not outcome.agrees and not excuses:
            found.append((example, outcome))
            raise Disagreement

    try:
        search(subject, test, examples, seed, phases=(Phase.generate, Phase.shrink))
    except Disagreement:
        return found[-1]  # Hypothesis repeats the smallest at the end
    return None


def first_disagreement(subject, examples, seed):
    """Return the number of the first example that disagrees, and the properties that say so; or all, and none."""
    seen = 0
    found = ()

    def test(example):
        nonlocal seen, found
        if found:  # Hypothesis tries the example once more
            raise Disagreement
        seen += 1
        layer = built_or_none(subject, example)
        for trial in TRIALS:
            judged = judge(trial, subject, example, layer).items()
            found += tuple(name for name, (outcome, excuses) in judged if not outcome.agrees and not excuses)
        if found:
            raise Disagreement

    try:
        search(subject, test, examples, seed, phases=(Phase.generate,))
    except Disagreement:
        return seen, found
    return seen, ()
