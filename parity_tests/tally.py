"""What each property has said so far of a layer, one example after the other."""

from collections import Counter

from parity_tests import judgement, long, search
from parity_tests.layers import Layers
from parity_tests.properties import TRIALS
from parity_tests.report import Counterexample, PropertyReport


def gather(subject, examples, seed, on_example=None, long_ones=False, **how):
    """Return the `Tally` of each property over a walk, which further arguments are for, or over the long examples."""
    tallies = {}
    layers = Layers(subject)

    def visit(drawn, trials):
        ratios = {}
        for trial in trials:
            for name, (outcome, excuses) in judgement.judge(trial, layers, drawn.example).items():
                tallies.setdefault(name, Tally(name, trial)).add(drawn, outcome, excuses)
                ratios[name] = 0.0 if excuses else outcome.ratio
        if on_example is not None:
            on_example(subject.target)
        return ratios

    if long_ones:
        long.walk(subject, visit, seed)
    else:
        search.walk(subject, visit, examples, seed, **how)
    return dict(sorted(tallies.items(), key=lambda item: rank(item[1])))


def rank(tally):
    """The place of a property in a report: the results, the gradients, then the others in the order of their trials."""
    results = ("output", "output_alone", "weights")
    if tally.name in results:
        return (0, results.index(tally.name))
    return (1, 0) if tally.name.startswith("d_") else (2, list(TRIALS).index(tally.trial))


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
            again = self.first.again
            counterexample = Counterexample(subject.target, subject.kind.name, self.name, example, outcome, again)
        ratios = {dtype: tuple(ratios) for dtype, ratios in self.ratios.items()}
        known = tuple(sorted(self.excuses))
        return PropertyReport(self.name, verdict, self.examples, self.worst_ratio, counterexample, known, ratios)
