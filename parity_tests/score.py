"""The check's own score: which faults of the gallery it finds, and how fast."""

import time
from typing import NamedTuple

from rich import box
from rich.table import Table

import keras_impl
from parity_tests import subjects
from parity_tests.mutants import GALLERY
from parity_tests.properties import TRIALS
from parity_tests.verdict import first_disagreement


class Finding(NamedTuple):
    """Whether the check finds a fault: by which properties of which example, and in what time."""

    name: str
    sentence: str
    kind: str
    properties: tuple[str, ...]
    examples: int
    seconds: float


def find(name, examples=100, seed=0):
    """Run the check on one fault until the first example that shows it."""
    fault = GALLERY[name]
    kind = "self_attention" if issubclass(fault, keras_impl.SelfAttention) else "attention"
    contract = subjects.KINDS[kind]
    subject = subjects.Subject(f"{fault.__module__}:{name}", contract, fault, subjects.options_of(fault, contract))
    start = time.perf_counter()
    number, properties = first_disagreement(subject, examples, seed)
    return Finding(name, fault.__doc__, kind, properties, number, time.perf_counter() - start)


def find_all(examples=100, seed=0, on_mutant=None):
    """Run the check on every fault of the gallery."""
    findings = []
    for name in GALLERY:
        findings.append(find(name, examples, seed))
        if on_mutant is not None:
            on_mutant(name)
    return findings


def results(findings):
    """The table: fault, found by, examples, seconds."""
    table = Table(
        "fault", "found by", title=f"Faults, held to {len(TRIALS)} trials", title_justify="left", box=box.SIMPLE_HEAD
    )
    table.add_column("examples", justify="right")
    table.add_column("seconds", justify="right")
    for one in findings:
        found = ", ".join(one.properties) if one.properties else "[bold red]not found[/]"
        table.add_row(f"{one.name}\n[dim]{one.sentence}[/]", found, str(one.examples), f"{one.seconds:.2f}")
    return table
