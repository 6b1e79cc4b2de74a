"""Known differences between a layer and the reference: read them, and tell which rows they excuse."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import keras

from parity_tests.backend import quiet
from parity_tests.conditions import CONDITIONS
from parity_tests.instead import INSTEAD
from reference.rounding import FLOAT32

OF_ROWS = ("output", "output_alone", "weights", "permutation")  # properties of rows, none of which spoils another
GRADIENTS = "gradients"  # stands for the gradients of all inputs and weights
ANYWHERE = "any"  # stands for all backends
EVERY = "every layer"
NATURES = ("defect", "undocumented", "choice")
# What a layer may lose beside what the arithmetic of its dtype does.
LOSSES = {
    "to float32": lambda machine: max(machine, FLOAT32, key=lambda one: one.unit_roundoff),
    "by log_sum_exp": lambda machine: machine._replace(log_sum_exp=True),
}


class Divergence(NamedTuple):
    """An entry of ``divergences.toml``, which says what the fields mean."""

    name: str
    subjects: tuple[str, ...]
    nature: str
    keras: str
    backend: tuple[str, ...]
    sentence: str
    documented: str
    reproduction: str
    properties: tuple[str, ...] = ()
    condition: str = ""
    excuses: str = "rows"
    loses: str = ""
    instead: str = ""
    whose: str = "Keras"
    raises: tuple[str, ...] = ()

    @property
    def is_here(self):
        """Whether it was seen on the backend in use."""
        return ANYWHERE in self.backend or keras.backend.backend() in self.backend

    def covers(self, property_name):
        """Whether it may make a property disagree."""
        return property_name in self.properties or (property_name.startswith("d_") and GRADIENTS in self.properties)

    def may_be_why(self, outcome):
        """Whether it may be why something disagrees: a call that fails, as it is known to fail, or one that does not.

        One that is known to fail is why nothing else disagrees, but what it says that is received instead.
        """
        if outcome.raised:
            return any(part in outcome.message for part in self.raises)
        return not self.raises or bool(self.instead)

    @property
    def account(self):
        """What the layer does instead, if it says so."""
        return INSTEAD[self.instead]

    def tells(self, property_name):
        """Whether it says what is received in a property, so that it excuses nothing else."""
        if not self.instead or (property_name == "permutation" and self.account.knows_order):
            return False
        return bool(self.raises) or self.account.tells(property_name)

    def sees_another(self, property_name):
        """Whether it tells what is received by the example that the layer computes, which is not what it is given."""
        return self.tells(property_name) and self.account.sees is not None

    def may_raise(self, kind, example):
        """Whether the layer may raise an error: where it says what is received, only if nothing can be."""
        return not self.instead or self.account.sees is None or self.account.sees(kind, example) is None

    def rows(self, kind, example):
        """The rows of an example, as ``judged`` has them, in which the layer may differ; or whether it may in any."""
        with quiet():
            return CONDITIONS[self.condition](kind, example)

    def loss(self, machine):
        """The arithmetic of a machine that loses what the layer does."""
        return LOSSES[self.loses](machine)

    def narrowed(self, example, rows):
        """The example without what some rows excuse."""
        if self.excuses == "items":
            return example.without_items(rows.any(axis=tuple(range(1, rows.ndim))))
        return example.without_rows(rows)


class CaseDivergence(NamedTuple):
    """An entry about golden cases: what runs ONNX models differs in these, in these dtypes."""

    name: str
    subject: str
    cases: tuple[str, ...]
    dtypes: tuple[str, ...]
    verdict: str
    version: str
    sentence: str
    documented: str

    @property
    def subjects(self):
        """What differs, as of other entries."""
        return (self.subject,)


def of_cases(target=None):
    """Return the entries about golden cases, those of a target if one is named."""
    found = [CaseDivergence(name=name, **_fields(entry)) for name, entry in _entries().items() if "cases" in entry]
    return [one for one in found if target in (None, one.subject)]


def known(subject):
    """Return the divergences of a `Subject` on the backend in use that excuse something."""
    named = {subject.known_as, EVERY}
    return [one for one in read() if one.is_here and one.condition and not named.isdisjoint(one.subjects)]


@cache
def read():
    """Return the entries of ``divergences.toml`` about layers."""
    return tuple(Divergence(name=name, **_fields(entry)) for name, entry in _entries().items() if "cases" not in entry)


def _fields(entry):
    return {name: tuple(field) if isinstance(field, list) else field for name, field in entry.items()}


def _entries():
    return tomllib.loads(files("parity_tests").joinpath("divergences.toml").read_text(encoding="utf-8"))
