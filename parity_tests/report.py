"""What a check found, as records and as JSON."""

import json
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from keras_impl.files import replacing
from parity_tests.comparison import Outcome
from parity_tests.example import Example
from reference.rounding import ARITHMETIC

SCHEMA = 1


class Counterexample(NamedTuple):
    """An example for which a property of a layer disagrees; if it is long, the name and seed that draw it again."""

    target: str
    kind: str
    property: str
    example: Example
    outcome: Outcome
    again: tuple[str, int] | None = None


class PropertyReport(NamedTuple):
    """What one property said of one layer.

    ``ratios`` holds for each dtype the largest error / bound of each example, 0 where all is exact.
    """

    name: str
    verdict: str  # agrees, disagrees, known or error
    examples: int
    worst_ratio: float
    counterexample: Counterexample | None
    known: tuple[str, ...]
    ratios: Mapping[str, tuple[float, ...]] = MappingProxyType({})


class SubjectReport(NamedTuple):
    """What all properties said of one layer."""

    target: str
    kind: str
    seconds: float
    properties: tuple[PropertyReport, ...]

    @property
    def verdict(self):
        """The worst verdict of all properties."""
        verdicts = {one.verdict for one in self.properties}
        return next(verdict for verdict in ("error", "disagrees", "known", "agrees") if verdict in verdicts)

    @property
    def compared(self):
        """Whether any output was: every example may raise an error that is known."""
        return any(one.name.startswith("output") for one in self.properties)


class Report(NamedTuple):
    """What a check found."""

    keras: str
    backend: str
    backend_version: str
    device: str
    subjects: tuple[SubjectReport, ...]

    @property
    def platform(self):
        """What the layers ran on, in words."""
        return f"Keras {self.keras} on {self.backend} {self.backend_version}, {self.device}"

    @property
    def dtypes(self):
        """What the layers were asked to compute in, in the order of `reference.rounding.ARITHMETIC`."""
        seen = {dtype for subject in self.subjects for one in subject.properties for dtype in one.ratios}
        return tuple(dtype for dtype in ARITHMETIC if dtype in seen)

    @property
    def agrees(self):
        """Whether nothing disagrees but what is known to."""
        return all(subject.verdict in ("agrees", "known") for subject in self.subjects)

    def to_json(self):
        """The report as text in the schema of ``report.schema.json``."""
        return json.dumps(
            {
                "schema": SCHEMA,
                "keras": self.keras,
                "backend": self.backend,
                "backend_version": self.backend_version,
                "device": self.device,
                "dtypes": list(self.dtypes),
                "subjects": [_subject(subject) for subject in self.subjects],
            },
            indent=2,
            allow_nan=False,
        )


def _subject(subject):
    return {
        "target": subject.target,
        "kind": subject.kind,
        "verdict": subject.verdict,
        "seconds": round(subject.seconds, 3),
        "properties": [
            {
                "name": one.name,
                "verdict": one.verdict,
                "examples": one.examples,
                "worst_ratio": json_number(one.worst_ratio),
                "counterexample": _counterexample(one.counterexample),
                "known": list(one.known),
            }
            for one in subject.properties
        ],
    }


def _counterexample(counterexample):
    if counterexample is None:
        return None
    from parity_tests.counterexample import script

    outcome = counterexample.outcome
    return {
        "index": list(outcome.index),
        "actual": json_number(outcome.actual),
        "expected": json_number(outcome.expected),
        "error": json_number(outcome.error),
        "bound": json_number(outcome.bound),
        "message": outcome.message,
        "script": script(counterexample),
    }


def json_number(value):
    """JSON has no infinity and no NaN; they are written as the words that every language parses."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def write_atomically(path, text):
    """Replace a file as a whole, so that nobody ever reads half of it."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
