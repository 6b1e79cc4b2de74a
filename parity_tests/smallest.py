"""The smallest counterexample: looked for by Hypothesis, and kept in its database."""

import random
import unittest

import hypothesis
from hypothesis import Phase

from parity_tests.judgement import disagreements
from parity_tests.layers import Layers
from parity_tests.search import constants_left_out, settings
from parity_tests.strategies import families

SEARCHED = 100  # examples among which a smaller counterexample is looked for


def shrink(subject, tallies, seed, database):
    """Find the smallest counterexample of each property that has any; one that serves several is looked for once."""
    tallies = [tally for tally in tallies if tally.disagreements]
    for tally in tallies:
        for other in tallies:
            if other is tally or not other.shrunk:
                continue
            example = other.counterexample[0]
            outcome = disagreements(tally.trial, Layers(subject), example).get(tally.name)
            if outcome is not None:
                tally.counterexample = (example, outcome)
                break
        else:
            found = smallest(subject, tally, seed, database)
            if found is not None:
                tally.counterexample = (found[0].example, found[1])
            tally.shrunk = True


def smallest(subject, tally, seed, database=None):
    """Return the smallest example for which a property disagrees, and its outcome.

    Hypothesis looks among all examples; if it meets none there, among those that share choices with the one at hand;
    and if there is none either, None is returned.
    """
    drawn = tally.first
    for settled in (None, drawn.settled, drawn.choices):
        strategy = families(subject.kind, subject.options, settled=settled)
        found = find(subject, tally, strategy, (Phase.reuse, Phase.generate, Phase.shrink), seed, database)
        if found is not None:
            return found
    return None


def find(subject, tally, strategy, phases, seed, database):
    """Return an example of a strategy for which a property disagrees, and its outcome; None if there is none.

    What is returned disagrees in a new layer too, whatever was called before.
    """
    layers = Layers(subject)

    def disagrees(family):
        return tally.name in disagreements(tally.trial, layers, family[0].example)

    try:
        with constants_left_out():
            (drawn,) = hypothesis.find(
                strategy,
                disagrees,
                settings=settings(SEARCHED, phases, database),
                random=random.Random(seed) if database is None else None,  # Hypothesis keeps nothing of what is seeded
                database_key=f"attention-reference {subject.target} {tally.name}".encode(),
            )
    except (hypothesis.errors.NoSuchExample, hypothesis.errors.Flaky, unittest.SkipTest):  # the last: nothing is kept
        return None
    outcome = disagreements(tally.trial, Layers(subject), drawn.example).get(tally.name)
    return None if outcome is None else (drawn, outcome)
