"""The notebook, as it is kept: without results, runnable with what it says it needs, its exercises solvable."""

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest

import reference

NOTEBOOK = Path(reference.__file__).parent / "attention_by_hand.ipynb"


def cells(kind=None):
    """The sources by their ids, in the order of the notebook."""
    kept = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return {one["id"]: "".join(one["source"]) for one in kept if kind in (None, one["cell_type"])}


def solution(exercise):
    return re.search(r"<details>.*?```python\n(.*?)```.*?</details>", cells()[exercise], re.DOTALL)[1]


@pytest.fixture
def computed(capsys):
    """All that the cells define which draw nothing; they run in order, with warnings as errors."""
    names = {}
    with np.printoptions():  # which the first cell changes
        for name, source in cells("code").items():
            if not name.endswith("-picture"):
                exec(compile(source, name, "exec"), names)
    names["printed"] = capsys.readouterr().out
    return names


def test_no_results_are_kept():
    kept = [one for one in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if one["cell_type"] == "code"]
    assert kept
    assert all(one["outputs"] == [] and one["execution_count"] is None for one in kept)


def test_a_cell_is_known_by_a_name_of_its_own():
    names = [one["id"] for one in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", name) for name in names)


@pytest.mark.parametrize("name", cells("code"))
def test_each_cell_of_code_compiles(name):
    assert compile(cells("code")[name], name, "exec")


def test_it_imports_numpy_matplotlib_and_the_reference_alone():
    imported = set()
    for source in cells("code").values():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.partition(".")[0])
    assert imported == {"numpy", "matplotlib", "reference"}


def test_each_cell_of_code_is_told_of_before_it():
    kinds = "".join("c" if name in cells("code") else "m" for name in cells())
    assert kinds.startswith("m")
    assert "ccc" not in kinds


def test_the_files_that_it_names_are_there():
    names = re.findall(r"\]\((.+?)\)", "".join(cells("markdown").values()))
    assert "DERIVATION.md" in names
    assert all((NOTEBOOK.parent / name).exists() for name in names)


def test_an_exercise_that_is_left_to_do_says_so(computed):
    assert re.findall(r"Exercise \d is .*?[:.]", computed["printed"]) == [
        "Exercise 1 is left to do:",
        "Exercise 2 is left to do:",
    ]


@pytest.mark.parametrize("exercise", ["exercise-1", "exercise-2"])
def test_the_solution_of_an_exercise_passes_its_check(exercise, computed, capsys):
    exec(solution(exercise), computed)
    exec(cells()[f"{exercise}-check"], computed)
    assert capsys.readouterr().out.endswith("is done.\n")


@pytest.mark.parametrize("exercise", ["exercise-1", "exercise-2"])
def test_an_answer_that_is_right_in_float32_alone_does_not_pass(exercise, computed):
    answer = solution(exercise).partition(" = ")[0]
    exec(solution(exercise), computed)
    computed[answer] = computed[answer].astype("float32")
    with pytest.raises(AssertionError, match=f"^{answer}: expected"):
        exec(cells()[f"{exercise}-check"], computed)
