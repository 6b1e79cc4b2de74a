"""The notebook, as it is kept: without results, and runnable with what it says it needs."""

import ast
import json
from pathlib import Path

import reference

NOTEBOOK = Path(reference.__file__).parent / "attention_by_hand.ipynb"


def cells(kind):
    return [one for one in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if one["cell_type"] == kind]


def test_no_results_are_kept():
    assert cells("code")
    assert all(one["outputs"] == [] and one["execution_count"] is None for one in cells("code"))


def test_it_imports_numpy_matplotlib_and_the_reference_alone():
    imported = set()
    for one in cells("code"):
        for node in ast.walk(ast.parse("".join(one["source"]))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.partition(".")[0])
    assert imported == {"numpy", "matplotlib", "reference"}


def test_each_cell_of_code_is_told_of_before_it():
    kinds = [one["cell_type"] for one in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]]
    assert kinds[0] == "markdown"
    assert "".join(kind[0] for kind in kinds).count("ccc") == 0


def test_the_files_that_it_names_are_there():
    text = "".join("".join(one["source"]) for one in cells("markdown"))
    names = [part.partition(")")[0] for part in text.split("](")[1:]]
    assert "DERIVATION.md" in names
    assert all((NOTEBOOK.parent / name).exists() for name in names)
