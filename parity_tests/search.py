"""The search: fixed corners, then examples that a generator draws, or Hypothesis where it is to look for worse ones."""

import itertools
from contextlib import contextmanager, suppress

import hypothesis
import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity

from parity_tests.backend import graphs_know_sizes
from parity_tests.pairs import Pairs
from parity_tests.properties import TRIALS, due
from parity_tests.strategies import DTYPES, OF_EACH_CORNER, by_generator, families, family, of_corner

CHEAP = 35  # the number of an example that takes part in the trials that cost little
OF_THE_CONSTRUCTOR = {"scaled", "H", "sliding_window", "axis"}
CASES = 16  # examples of a family, where there are so many that its likeness does no harm
CASES_OF_A_SIZE = 128  # where a graph is compiled for each set of sizes, which takes as long as these
AT_LEAST_OF_A_SIZE = 2
MANY = 1000


class Enough(Exception):
    """Tells that no more examples are wanted."""


def walk(subject, visit, examples, seed, corners=True, drive=False):
    """Show the corners of a subject's kind, then so many examples, to a visitor.

    Of each dtype there are as many examples. Half of them are traced; of 1,000 and more, seven eighths, as tracing
    pays then, and on JAX always, where an eager call on arrays of new sizes compiles each operation by itself. On JAX,
    of fewer than 32 examples all but one are traced, of a dtype that the seed chooses.

    Parameters
    ----------
    subject
        A `Subject`.
    visit
        Called with each `strategies.Drawn` and the trials that it takes part in; returns the worst error / bound of
        each property.
    examples
        How many, beside the corners.
    seed
        The same seed draws the same examples.
    corners
        Whether the corners are shown.
    drive
        Whether Hypothesis looks for larger ratios near the largest, instead of drawing all examples alike. It begins
        halfway through as many families as there are examples, so a family is then one example, and none is traced;
        where sizes are compiled, all are, and families are as large as without.
    """
    pairs = Pairs(subject.kind)
    if corners:
        walk_corners(subject, lambda drawn, trials: visit(pairs.meet(drawn), trials), seed)
    by_sizes = graphs_know_sizes()
    ways = (False, *7 * (True,)) if by_sizes or examples >= MANY else (False, True)
    strata = list(itertools.product(DTYPES, (by_sizes,) if drive else ways))
    if by_sizes and examples < len(strata):
        eager = len(strata) // len(DTYPES) * (seed % len(DTYPES))
        strata = [(dtype, traced or number != eager) for number, (dtype, traced) in enumerate(strata)]
    if by_sizes:
        cases = max(AT_LEAST_OF_A_SIZE, min(CASES_OF_A_SIZE, examples // 16))
    else:
        cases = 1 if drive else max(1, min(CASES, examples // 64))
    for stratum, group in itertools.groupby(range(examples), lambda number: strata[number * len(strata) // examples]):
        settled = dict(zip(("dtype", "traced"), stratum))
        numbers = list(group)
        if drive:
            strategy = families(subject.kind, subject.options, cases=cases, settled=settled, salt=seed)
            drive_stratum(strategy, visit, numbers, seed + numbers[0])
        else:
            walk_stratum(subject, visit, numbers, [seed, numbers[0]], settled, cases, pairs)


def walk_stratum(subject, visit, numbers, seed, settled, cases, pairs):
    """Show as many examples with some choices settled as there are numbers, each of which tells the trials due."""
    rng = np.random.default_rng(seed)
    while numbers:
        first = pairs.newest(lambda: by_generator(rng, subject.kind, subject.options, settled))
        shown = family(first, rng, subject.kind, subject.options, cases)
        for drawn, number in zip(shown, numbers):
            visit(pairs.meet(drawn), due(number))
        numbers = numbers[len(shown) :]


def drive_stratum(strategy, visit, numbers, seed):
    """Show as many examples of a strategy, in which Hypothesis looks for larger ratios near the largest."""
    left = iter(numbers)
    simplest = True

    def of_family(family):
        nonlocal simplest
        if simplest:  # with which Hypothesis begins, and which shows nothing that the corners do not
            simplest = False
            return
        worst = {}
        for drawn in family:
            number = next(left, None)
            if number is None:
                raise Enough
            for name, ratio in visit(drawn, due(number)).items():
                worst[name] = max(ratio, worst.get(name, 0.0))
        for name, ratio in worst.items():
            if np.isfinite(ratio):
                hypothesis.target(ratio, label=name)

    with suppress(Enough):
        run(strategy, of_family, len(numbers) + 1, seed, (Phase.generate, Phase.target))


def walk_corners(subject, visit, seed):
    """Show an example of each corner, then a second one of each, so that what one corner alone shows is met early.

    The first of those about the constructor take part in all trials, the others in those that cost little. What a
    corner leaves open depends on its name, lest all corners leave it alike.
    """
    corners = [
        (of_corner(subject.kind, subject.options, settled, [seed, *name.encode()]), _is_of_the_constructor(settled))
        for name, settled in subject.kind.corners.items()
    ]
    for number in range(OF_EACH_CORNER):
        for examples, of_the_constructor in corners:
            visit(next(examples), list(TRIALS) if of_the_constructor and number == 0 else due(CHEAP))


def _is_of_the_constructor(settled):
    return any(settled.get(name) is not None for name in OF_THE_CONSTRUCTOR)


def run(strategy, test, examples, seed, phases):
    """Run a test on examples of a strategy."""

    @hypothesis.seed(seed)
    @settings(examples, phases)
    @hypothesis.given(strategy)
    def tested(drawn):
        test(drawn)

    with constants_left_out():
        tested()


@contextmanager
def constants_left_out():
    """Without the numbers that Hypothesis takes from the source of whatever modules happen to be loaded.

    The same seed is to draw the same examples in every process. Hypothesis has no setting for that; versions before
    6.131 take none.
    """
    try:
        from hypothesis.internal.conjecture import providers

        loaded = providers._get_local_constants
    except (ImportError, AttributeError):
        yield
        return
    providers._get_local_constants = lambda: providers.Constants()
    providers.CONSTANTS_CACHE.cache.clear()
    try:
        yield
    finally:
        providers._get_local_constants = loaded
        providers.CONSTANTS_CACHE.cache.clear()


def settings(examples, phases, database=None):
    """What every search has in common."""
    return hypothesis.settings(
        max_examples=examples,
        phases=phases,
        database=database,
        derandomize=False,  # whatever a profile says: there is a seed or a database, which it would refuse
        deadline=None,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
