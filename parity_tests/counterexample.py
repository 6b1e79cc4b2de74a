"""A disagreement as a script that runs on its own, and what that script calls."""

import re
import sys
from typing import NamedTuple

import keras
import numpy as np

from parity_tests import long, subjects
from parity_tests.backend import name_and_version
from parity_tests.example import Example
from parity_tests.layers import Layers
from parity_tests.properties import TRIALS, outcomes


class Disagreement(NamedTuple):
    """What a person is shown at once.

    Attributes
    ----------
    properties
        Reports of the properties that it concerns: one, or all in which the layer raised the same.
    script
        The program that shows it of the first of them.
    same_as
        The name of the property under which a script with the same example stands already, if there is one.
    """

    properties: tuple
    script: str
    same_as: str | None

    @property
    def description(self):
        """In words what disagrees."""
        return description(self.properties[0].counterexample, _names(self.properties))


def disagreements(subject):
    """Return each `Disagreement` of a `report.SubjectReport`; what was raised is told once, whatever its numbers."""
    groups = {}
    for one in subject.properties:
        if one.counterexample is not None:
            outcome = one.counterexample.outcome
            alike = re.sub(r"\d+", "", outcome.message) if outcome.raised else one.name
            groups.setdefault((outcome.raised, alike), []).append(one)
    found, shown = [], {}
    for group in groups.values():
        text = script(group[0].counterexample, _names(group))
        example = text.partition("example = ")[2].partition("raise SystemExit")[0]
        first = shown.setdefault(example, group[0].name)
        found.append(Disagreement(tuple(group), text, None if first == group[0].name else first))
    return found


def _names(properties):
    return ", ".join(one.name for one in properties)


def script(counterexample, names=None):
    """Return a Python program that makes the layer, calls it, and exits with 1 as long as it disagrees.

    Its heading speaks of the counterexample's property, or of the names that are given.
    """
    target, kind, property_name, example, *_ = counterexample
    heading = "\n".join(f"# {line}" for line in description(counterexample, names).splitlines())
    heading += f"\n# Keras {keras.__version__} on {' '.join(name_and_version())}. Exits with 1 as long as it is so."
    replayed = f"raise SystemExit(replay({target!r}, {property_name!r}, example, kind={kind!r}))"
    if counterexample.again:
        return f"""{heading}
from parity_tests import replay
from parity_tests.long import LongExample

example = {counterexample.again!r}
{replayed}"""
    chosen = {name: getattr(example, name) for name in ("mixed", "traced", "sizes_known", "training", "manner")}
    chosen = {name: value for name, value in chosen.items() if value != Example._field_defaults[name]}
    fields = "".join(f"    {name}={value},\n" for name, value in chosen.items())
    imports = "import ml_dtypes\n" if example.dtype == "bfloat16" else ""
    return f"""{heading}
{imports}import numpy as np

from parity_tests import Example, replay

example = Example(
    constructor={example.constructor!r},
    dtype={example.dtype!r},
    inputs={_arrays(example.inputs, example.dtype)},
    weights={_arrays(example.weights, example.dtype)},
    masks={_arrays(example.masks, example.dtype)},
    causal={example.causal},
    d_output={_array(example.d_output, example.dtype)},
    d_weights={_array(example.d_weights, example.dtype)},
    judged={_array(example.judged, example.dtype)},
{fields})
{replayed}"""


def description(counterexample, names=None):
    """Return in words what disagrees: the element, both values, the error and the bound."""
    target, _, property_name, _, outcome, _ = counterexample
    if outcome.message:
        return f"{target}: {names or property_name}: {' '.join(outcome.message.split())}"
    return (
        f"{target}: {' '.join((property_name, *outcome.where.split()))} disagrees with the reference "
        f"at {list(outcome.index)}\n"
        f"received {outcome.actual!r}, expected {outcome.expected!r}: "
        f"error {outcome.error:.3g}, bound {outcome.bound:.3g}"
    )


def replay(target, property_name, example, kind=None):
    """Check one property of a layer for one example, and print what came of it.

    Parameters
    ----------
    target, kind
        As for `check`.
    property_name
        What the report calls it, such as ``output`` or ``d_query``.
    example
        An `Example`, or a `long.LongExample`, by which one is drawn.

    Returns
    -------
    status
        1 if the layer disagrees, 0 if it agrees, 2 if it cannot be told.
    """
    from parity_tests.report import Counterexample

    try:
        subject = subjects.find(target, kind)
        if isinstance(example, long.LongExample):
            example = long.drawn(subject, *example).example
    except ValueError as error:
        print(f"parity_tests: {error}", file=sys.stderr)
        return 2
    found = (outcomes(trial, Layers(subject), example) for trial in TRIALS)
    outcome = next((one[property_name] for one in found if property_name in one), None)
    if outcome is None:
        print(f"parity_tests: property_name: expected one that it has, received {property_name!r}", file=sys.stderr)
        return 2
    if outcome.agrees:
        print(f"{subject.target}: {property_name} agrees with the reference")
    else:
        print(description(Counterexample(subject.target, subject.kind.name, property_name, example, outcome)))
    return 0 if outcome.agrees else 1


def _arrays(arrays, dtype):
    if not arrays:
        return "{}"
    lines = "".join(f"        {name!r}: {_array(array, dtype)},\n" for name, array in arrays.items())
    return f"{{\n{lines}    }}"


def _array(array, dtype):
    if array is None:
        return "None"
    if array.dtype == bool and array.all():
        return f"np.ones({array.shape}, dtype=bool)"
    if array.size == 0:
        numbers = f"np.zeros({array.shape})"
    else:
        numbers = f"np.array({_numbers(array)})"
    if array.dtype == bool:
        return numbers
    return f"{numbers}.astype({'ml_dtypes.bfloat16' if dtype == 'bfloat16' else repr(dtype)})"


def _numbers(array):
    return array.tolist() if array.dtype == bool else array.astype(np.float64).tolist()
