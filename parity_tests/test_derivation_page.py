"""The page reference/DERIVATION.md: every equation has its test, and every exercise its answer."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import reference
from parity_tests.mutants import GALLERY

PAGE = Path(reference.__file__).parent / "DERIVATION.md"
HERE = Path(__file__).parent
MODULES = (
    "test_derivation",
    *(f"test_derivation_{of}" for of in ("additive", "positions", "heads", "pooling", "blockwise")),
)


def test_every_equation_of_the_page_has_its_number_and_its_test():
    page = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(
        r"```math\n(.*?)```\n\nChecked by \[`(\w+)`\]\(\.\./parity_tests/(\w+)\.py\)\.\n", page, re.DOTALL
    )
    assert len(blocks) == page.count("```math")
    assert [int(re.search(r"\\qquad \((\d+)\)\n$", math)[1]) for math, _, _ in blocks] == list(
        range(1, len(blocks) + 1)
    )
    tests = [
        (name, module)
        for module in MODULES
        for name in re.findall(r"^def (test_\w+)\(", (HERE / f"{module}.py").read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert [(name, module) for _, name, module in blocks] == tests


def test_every_exercise_of_the_page_has_its_answer():
    page = PAGE.read_text(encoding="utf-8")
    asked = re.findall(r"^(\d+)\. ", page, re.MULTILINE)
    answers = re.findall(r"\[Answer\]\(\.\./parity_tests/test_exercises\.py\): `(\w+)`\.", page)
    assert answers == [f"test_exercise_{number}" for number in asked]
    given_answers = (HERE / "test_exercises.py").read_text(encoding="utf-8")
    assert re.findall(r"^def (test_exercise_\d+)\(", given_answers, re.MULTILINE) == answers


@pytest.mark.parametrize("fault", ["ValuesByTheWrongAxis", "GlobalShift"])
def test_what_the_page_says_of_a_fault_is_so(fault):
    told = PAGE.read_text(encoding="utf-8").partition(f"check parity_tests.mutants:{fault}\n")[2].partition("```")[0]
    index = tuple(map(int, re.search(r"reference at \[(.*)\]", told)[1].split(", ")))
    received, expected = re.search(r"received (\S+), expected (\S+):", told).groups()
    arrays = [np.array(ast.literal_eval(rows), "float32") for rows in re.findall(r"np\.array\((.*?)\)\.astype", told)]
    assert str(float(GALLERY[fault]()(arrays)[index])) == received
    truth = reference.dot_product_attention(*arrays).output[index]
    assert np.float32(truth) == np.float32(expected)
