"""The smallest counterexample: looked for by Hypothesis, and kept in its database."""

import json
import random
import unittest

import hypothesis
from hypothesis import Phase

from parity_tests.judgement import disagreements
from parity_tests.layers import Layers
from parity_tests.search import constants_left_out, settings
from parity_tests.strategies import families

OFTEN = ("element", "cotangent")  # choices that are made several times for an example, and not alike
SEARCHED = 100  # examples among which a smaller counterexample is looked for


def shrink(subject, tallies, seed, database):
    """Find the smallest counterexample of each property that has any; one that serves several is looked for once."""
    tallies = [tally for tally in tallies if tally.disagreements and not tally.first.again]  # what is long stays so
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
    and if there is none either, None is returned. In a database it is kept with the choices that were settled.
    """
    drawn = tally.first
    once = {name: made for name, made in drawn.choices.items() if name not in OFTEN}
    for settled in ({}, drawn.settled or {}, once):
        found = find(subject, tally, settled, (Phase.reuse, Phase.generate, Phase.shrink), seed, database)
        if found is not None:
            if database is not None:
                database.save(_key(subject, tally), json.dumps(settled).encode())
            return found
    return None


def kept(subject, tally, database):
    """The examples of a database for which a property disagrees now, as drawn."""
    for settled in sorted(database.fetch(_key(subject, tally))):
        found = find(subject, tally, json.loads(settled), (Phase.reuse,), 0, database)
        if found is not None:
            yield found[0]


def find(subject, tally, settled, phases, seed, database):
    """Return an example with some choices settled for which a property disagrees, and its outcome; or None.

    What is returned disagrees in a new layer too, whatever was called before.
    """
    layers = Layers(subject)

    def disagrees(family):
        return tally.name in disagreements(tally.trial, layers, family[0].example)

    try:
        with constants_left_out():
            (drawn,) = hypothesis.find(
                families(subject.kind, subject.options, settled=settled),
                disagrees,
                settings=settings(SEARCHED, phases, database),
                random=random.Random(seed) if database is None else None,  # Hypothesis keeps nothing of what is seeded
                database_key=_key(subject, tally, settled),
            )
    except (hypothesis.errors.NoSuchExample, hypothesis.errors.Flaky, unittest.SkipTest):  # the last: nothing is kept
        return None
    outcome = disagreements(tally.trial, Layers(subject), drawn.example).get(tally.name)
    return None if outcome is None else (drawn, outcome)


def _key(subject, tally, settled=None):
    """Where a database keeps the examples with some choices settled, or else what was settled in any of them."""
    which = "" if settled is None else json.dumps(settled, sort_keys=True)
    return f"attention-reference {subject.target} {tally.name} {which}".encode()
