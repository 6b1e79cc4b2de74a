"""The check of layers: everything that was seen of them, as a report."""

import time

import keras

from parity_tests import subjects
from parity_tests.backend import check_backend, device, name_and_version
from parity_tests.judgement import disagreements
from parity_tests.layers import Layers
from parity_tests.properties import TRIALS
from parity_tests.report import Report, SubjectReport
from parity_tests.smallest import kept, shrink
from parity_tests.tally import Tally, gather, rank


def check(*targets, kind=None, examples=300, seed=0, corners=True, on_example=None, database=None, long=False):
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
        The same seed draws the same examples. With a database, the smallest counterexample may differ all the same.
    corners
        Whether two examples of each corner are checked too, before the others: where faults hide that drawn examples
        seldom show. In a short check they take most of the time.
    on_example
        Called with the target after each example, to show progress.
    database
        A ``hypothesis.database.ExampleDatabase`` of examples that once disagreed: they are tried too, and those
        that disagree now are added.
    long
        Whether a few examples of thousands of positions are checked instead of all others: seconds to minutes a layer.

    Returns
    -------
    Report
        ``report.agrees`` tells whether there was no disagreement but known ones.

    Raises
    ------
    ValueError
        If a target cannot be used, a number is too small, or Keras runs on a backend that is not TensorFlow, JAX or
        PyTorch.

    Examples
    --------
    >>> import keras_impl
    >>> check(keras_impl.AttentionLayer, kind="attention", examples=5).agrees
    True
    """
    if examples < 1:
        raise ValueError(f"examples: expected at least 1, received {examples}")
    if seed < 0:
        raise ValueError(f"seed: expected at least 0, received {seed}")
    check_backend()
    found = subjects.chosen(targets, kind)
    backend, version = name_and_version()
    return Report(
        keras=keras.__version__,
        backend=backend,
        backend_version=version,
        device=device(),
        subjects=tuple(
            check_subject(subject, examples, seed, corners, on_example, database, long) for subject in found
        ),
    )


def check_subject(subject, examples, seed, corners=True, on_example=None, database=None, long=False):
    """Hold one layer to the reference."""
    start = time.perf_counter()
    tallies = gather(subject, examples, seed, on_example, long_ones=long, corners=corners)
    if database is not None and not long:
        _replay(subject, tallies, database)
    shrink(subject, tallies.values(), seed, database)
    properties = tuple(tally.report(subject) for tally in sorted(tallies.values(), key=rank))
    return SubjectReport(subject.target, subject.kind.name, time.perf_counter() - start, properties)


def _replay(subject, tallies, database):
    """Count the examples of the database that disagree now, in whatever properties they do, each property once."""
    raised = {trial.__name__: Tally(trial.__name__, trial) for trial in TRIALS}
    replayed, layers = set(), Layers(subject)
    for name, kept_by in {**raised, **tallies}.items():
        for drawn in () if name in replayed else kept(subject, kept_by, database):
            for trial in TRIALS:
                for seen, outcome in disagreements(trial, layers, drawn.example).items():
                    if seen not in replayed:
                        tallies.setdefault(seen, Tally(seen, trial)).add(drawn, outcome, ())
                        replayed.add(seen)
