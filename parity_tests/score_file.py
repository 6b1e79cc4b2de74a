"""The score of the gallery as a file: how it is written, the one that is kept, and a fault found again by it."""

import json
from importlib.resources import files

import keras

from parity_tests.mutants import HIDDEN, category
from parity_tests.score import Finding, by_category, find

SCHEMA = 1
KEPT = files("parity_tests.mutants") / "score.json"


def to_json(findings):
    """The findings as text in the schema of ``mutants.schema.json``, a fault or category a line."""
    document = {
        "schema": SCHEMA,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "faults": [_fault(one) for one in findings],
        "categories": [_category(score) for score in by_category(findings)],
    }
    return "{" + ",".join(f"\n{json.dumps(name)}: {_by_lines(value)}" for name, value in document.items()) + "\n}"


def _by_lines(value):
    lines = [json.dumps(one, allow_nan=False) for one in value] if isinstance(value, list) else None
    return json.dumps(value) if lines is None else "[\n" + ",\n".join(lines) + "\n]"


def _fault(finding):
    return {
        "name": finding.name,
        "category": category(finding.name),
        "kind": finding.kind,
        "sentence": finding.sentence,
        "hidden_by": HIDDEN.get(finding.name),
        "found": finding.found,
        "properties": list(finding.properties),
        "examples": finding.examples,
        "seconds": round(finding.seconds, 3),
    }


def _category(score):
    numbers = {}
    for field in ("examples", "seconds"):
        median, most = score.median_and_most(field)
        numbers[f"median_{field}"] = None if median is None else round(median, 3)
        numbers[f"most_{field}"] = None if most is None else round(most, 3)
    return {"name": score.name, "found": score.found, "total": len(score.findings), **numbers}


def kept():
    """The findings of the whole gallery by the fault's name, as ``mutants --json`` last wrote them to `KEPT`."""
    document = json.loads(KEPT.read_text(encoding="utf-8"))
    return {
        fault["name"]: Finding(
            *(fault[field] for field in ("name", "sentence", "kind")),
            tuple(fault["properties"]),
            fault["examples"],
            fault["seconds"],
        )
        for fault in document["faults"]
    }


def find_again(name, by=None, examples=300):
    """What `score.find` finds from the example on that showed the fault when the score was kept; else of all of them.

    On another backend than that of the score its number is only a place to begin.
    """
    before = kept().get(name)
    finding = find(name, examples, by=by, first=before.examples if before else 1)
    return finding if finding.found else find(name, examples, by=by)
