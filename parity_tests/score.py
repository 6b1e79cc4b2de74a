"""The check's own score: which faults of the gallery it finds, and how fast."""

import difflib
import statistics
import time
from typing import NamedTuple

from parity_tests import long, search, subjects
from parity_tests.backend import check_backend
from parity_tests.judgement import disagreements
from parity_tests.layers import Layers
from parity_tests.mutants import CATEGORIES, GALLERY, HIDDEN


class Finding(NamedTuple):
    """Whether the check finds a fault: by which properties of which example, and in what time."""

    name: str
    sentence: str
    kind: str
    properties: tuple[str, ...]
    examples: int
    seconds: float

    @property
    def found(self):
        """Whether any property disagrees."""
        return bool(self.properties)

    @property
    def as_it_should_be(self):
        """Whether it is found, or cannot be told from rounding and is not."""
        return self.found != (self.name in HIDDEN)


class CategoryScore(NamedTuple):
    """How many faults of a category are found, and what those took."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def found(self):
        """How many are found."""
        return sum(one.found for one in self.findings)

    def median_and_most(self, field):
        """The median and the largest number of ``examples`` or ``seconds`` of those found; None twice if none is."""
        numbers = [getattr(one, field) for one in self.findings if one.found]
        return (statistics.median(numbers), max(numbers)) if numbers else (None, None)


def find(name, examples=300, seed=0, by=None, first=1):
    """Run the check on one fault until the first example that shows it, in the property ``by`` if one is named.

    With ``first``, examples of lower numbers are drawn but not shown. The check shows them too, and finds what is found
    then, unless that is something which a layer remembers of earlier calls.
    """
    check_names([name])
    fault = GALLERY[name]
    subject = subject_of(name, fault)
    start = time.perf_counter()
    number, properties = first_disagreement(subject, examples, seed, by, name in CATEGORIES["long"], first)
    return Finding(name, fault.__doc__, subject.kind.name, properties, number, time.perf_counter() - start)


def subject_of(name, fault):
    """A fault as a subject, of the kind of the layer that it is derived from."""
    target = f"parity_tests.mutants:{name}"
    derived = subjects.derived(target, fault, getattr(fault, "kind", None))
    if derived is not None:
        return derived
    contract = sound_one(fault).kind
    return subjects.Subject(target, contract, fault, subjects.options_of(fault, contract))


def sound_one(fault):
    """The layer of ours that a fault is planted in, as a subject."""
    ours = (subject for subject in subjects.registered().values() if not subject.adapted)
    return next(subject for subject in ours if issubclass(fault, subject.layer_class))


def first_disagreement(subject, examples, seed, by=None, long_ones=False, first=1):
    """Return the number of the first example that disagrees, and the properties that say so; or all, and none.

    If ``by`` is a property, what counts is that this one disagrees. The examples are those of a check, or of one with
    ``--long``, from the number ``first`` on.
    """
    seen = 0
    layers = Layers(subject)
    found = ()

    def visit(drawn, trials):
        nonlocal seen, found
        seen += 1
        if seen < first:
            return {}
        properties = [name for trial in trials for name in disagreements(trial, layers, drawn.example)]
        if properties and by in (None, *properties):
            found = tuple(properties)
            raise search.Enough
        return {}

    try:
        if long_ones:
            long.walk(subject, visit, seed)
        else:
            search.walk(subject, visit, examples, seed)
    except search.Enough:
        return seen, found
    return seen, found


def find_all(examples=300, seed=0, on_mutant=None, names=()):
    """Run the check on every fault of the gallery, or on the named ones.

    Raises
    ------
    ValueError
        If a name is not in the gallery, there are no examples, or Keras runs on a backend that is not
        TensorFlow, JAX or PyTorch.
    """
    if examples < 1:
        raise ValueError(f"examples: expected at least 1, received {examples}")
    if seed < 0:
        raise ValueError(f"seed: expected at least 0, received {seed}")
    check_names(names)
    check_backend()
    findings = []
    for name in names or GALLERY:
        name = name.removeprefix("parity_tests.mutants:")
        findings.append(find(name, examples, seed))
        if on_mutant is not None:
            on_mutant(name)
    return findings


def check_names(names):
    """Refuse a name that is not in the gallery."""
    for name in names:
        if name.removeprefix("parity_tests.mutants:") not in GALLERY:
            similar = difflib.get_close_matches(name, GALLERY, n=1, cutoff=0) or list(GALLERY)[:1]
            raise ValueError(f"fault: expected a name of the gallery, such as {similar[0]}, received {name!r}")


def by_category(findings):
    """The score of each category that has any of the findings, those apart that cannot be told from rounding."""
    visible = [one for one in findings if one.name not in HIDDEN]
    scores = (
        CategoryScore(name, tuple(one for one in visible if one.name in names)) for name, names in CATEGORIES.items()
    )
    return [score for score in scores if score.findings]
