"""The check of layers: everything that was seen of them, as a report."""

import time
from collections import Counter

import keras
from hypothesis import Phase

from parity_tests import search, subjects
from parity_tests.backend import check_backend
from parity_tests.layers import Layers
from parity_tests.properties import TRIALS
from parity_tests.report import Counterexample, PropertyReport, Report, SubjectReport
from parity_tests.strategies import families


def check(*targets, kind=None, examples=300, seed=0, on_example=None, database=None):
    """Hold layers to the reference.

    Parameters
    ----------
    *targets
        Keras layer classes, `Subject` classes, ``"package.module:LayerClass"`` or registered names; none
        means all registered ones.
    kind
        The contract that the layers keep, such as ``"attention"``; by default it is guessed.
    examples
        How many examples are drawn for each layer, beside two of each corner, which are always checked.
    seed
        The same seed draws the same examples. With a database, the smallest counterexample may differ all the same.
    on_example
        Called with the target after each example, to show progress.
    database
        A ``hypothesis.database.ExampleDatabase`` of examples that once disagreed: they are tried too, and those
        that disagree now are added.

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
        subjects=tuple(check_subject(subject, examples, seed, on_example, database) for subject in found),
    )


def check_subject(subject, examples, seed, on_example=None, database=None):
    """Hold one layer to the reference."""
    start = time.perf_counter()
    tallies = gather(subject, examples, seed, on_example)
    if database is not None:
        _replay(subject, tallies, database)
    shrink(subject, tallies.values(), seed, database)
    properties = tuple(tally.report(subject) for tally in sorted(tallies.values(), key=_rank))
    return SubjectReport(subject.target, subject.kind.name, time.perf_counter() - start, properties)


def gather(subject, examples, seed, on_example=None, **how):
    """Return the `Tally` of each property over a walk, which further arguments are for."""
    tallies = {}
    layers = Layers(subject)

    def visit(drawn, trials):
        ratios = {}
        for trial in trials:
            for name, (outcome, excuses) in search.judge(trial, layers, drawn.example).items():
                tallies.setdefault(name, Tally(name, trial)).add(drawn, outcome, excuses)
                ratios[name] = 0.0 if excuses else outcome.ratio
        if on_example is not None:
            on_example(subject.target)
        return ratios

    search.walk(subject, visit, examples, seed, **how)
    return tallies


class Tally:
    """What one property has said so far."""

    def __init__(self, name, trial):
        self.name = name
        self.trial = trial
        self.examples = 0
        self.worst_ratio = 0.0
        self.ratios = {}  # error / bound of each example that is not excused, by dtype
        self.excused = Counter()  # the number of those that are, by dtype
        self.excuses = set()
        self.disagreements = 0
        self.first = None  # what disagreed first, as drawn
        self.counterexample = None  # (example, outcome), of that until a smaller one is found
        self.shrunk = False

    def add(self, drawn, outcome, excuses):
        """Count one example."""
        self.examples += 1
        self.excuses.update(excuses)
        if excuses:
            self.excused[drawn.example.dtype] += 1
            return
        self.worst_ratio = max(self.worst_ratio, outcome.ratio)
        self.ratios.setdefault(drawn.example.dtype, []).append(outcome.ratio)
        if not outcome.agrees:
            self.disagreements += 1
            self.first = self.first or drawn
            self.counterexample = self.counterexample or (drawn.example, outcome)

    def report(self, subject):
        """What it comes to."""
        verdict = "known" if self.excuses else "agrees"
        counterexample = None
        if self.counterexample:
            example, outcome = self.counterexample
            verdict = "error" if outcome.raised else "disagrees"
            counterexample = Counterexample(subject.target, subject.kind.name, self.name, example, outcome)
        ratios = {dtype: tuple(ratios) for dtype, ratios in self.ratios.items()}
        known = tuple(sorted(self.excuses))
        return PropertyReport(self.name, verdict, self.examples, self.worst_ratio, counterexample, known, ratios)


def _rank(tally):
    """The place of a property in a report: the results, the gradients, then the others in the order of their trials."""
    results = ("output", "output_alone", "weights")
    if tally.name in results:
        return (0, results.index(tally.name))
    return (1, 0) if tally.name.startswith("d_") else (2, list(TRIALS).index(tally.trial))


def _replay(subject, tallies, database):
    """Count the examples of the database that disagree now, and those whose trial raised an error."""
    strategy = families(subject.kind, subject.options)
    raised = {trial.__name__: Tally(trial.__name__, trial) for trial in TRIALS}
    for name, tally in {**raised, **tallies}.items():
        found = search.find(subject, tally, strategy, (Phase.reuse,), 0, database)
        if found is not None:
            tallies.setdefault(name, tally).add(*found, ())


def shrink(subject, tallies, seed, database):
    """Find the smallest counterexample of each property that has any; one that serves several is looked for once."""
    tallies = [tally for tally in tallies if tally.disagreements]
    for tally in tallies:
        for other in tallies:
            if other is tally or not other.shrunk:
                continue
            example = other.counterexample[0]
            outcome = search.disagreements(tally.trial, Layers(subject), example).get(tally.name)
            if outcome is not None:
                tally.counterexample = (example, outcome)
                break
        else:
            found = search.smallest(subject, tally, seed, database)
            if found is not None:
                tally.counterexample = (found[0].example, found[1])
            tally.shrunk = True


def first_disagreement(subject, examples, seed):
    """Return the number of the first example that disagrees, and the properties that say so; or all, and none."""
    seen = 0
    layers = Layers(subject)
    found = ()

    def visit(drawn, trials):
        nonlocal seen, found
        if found:  # Hypothesis tries the example once more
            raise search.Enough
        seen += 1
        for trial in trials:
            found += tuple(search.disagreements(trial, layers, drawn.example))
        if found:
            raise search.Enough
        return {}

    try:
        search.walk(subject, visit, examples, seed)
    except search.Enough:
        return seen, found
    return seen, found
