"""The reference gives what the golden cases expect, though their oracle shares nothing with it."""

import json

import numpy as np
import pytest

from parity_tests.comparison import compare
from parity_tests.golden import catalogue, generate
from reference.__main__ import main
from reference.golden import bounds, read_case, visible, work
from reference.rounding import FLOAT64

CASES = generate.HOME / "cases"
HIDING = ("mask", "key_mask", "causal", "window")


def edited(tmp_path, path, edit):
    """A copy of a case in which something is changed."""
    document = json.loads((CASES / f"{path}.json").read_text(encoding="utf-8"))
    edit(document)
    file = tmp_path / "case.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


@pytest.mark.parametrize("path", catalogue.PLANS)
def test_the_reference_gives_what_a_case_expects(path):
    case = read_case(CASES / f"{path}.json")
    results = work(case).results(case.expected)
    assert np.array_equal(
        np.broadcast_to(results.pop("visible"), case.expected["visible"].shape), case.expected["visible"]
    )
    for name, bound in bounds(case, FLOAT64).items():
        expected, actual = case.expected[name], np.broadcast_to(results[name], case.expected[name].shape)
        hidden = np.isneginf(expected)
        assert np.array_equal(np.isneginf(actual), hidden)
        outcome = compare(np.where(hidden, 0.0, actual), np.where(hidden, 0.0, expected), bound)
        assert outcome.agrees, (name, outcome)


@pytest.mark.parametrize("path", catalogue.PLANS)
def test_a_case_is_worked_through(path, capsys):
    assert main(["golden", str(CASES / f"{path}.json")]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(catalogue.PLANS[path]["description"])
    assert printed.endswith("All agree.\n")


@pytest.mark.parametrize("name", ["weights", "output", "d_W_k", "d_b_v"])
def test_a_number_that_is_wrong_by_twice_its_bound_disagrees(name, tmp_path, capsys):
    path = "self_attention/causal_scaled_with_biases"
    bound = bounds(read_case(CASES / f"{path}.json"), FLOAT64)[name]

    def edit(document):
        row = document["expected"][name]
        while isinstance(row[0], list):
            row = row[-1]
        row[0] += 2 * bound.max()

    assert main(["golden", str(edited(tmp_path, path, edit))]) == 1
    assert capsys.readouterr().out.endswith("They disagree.\n")


def test_a_key_that_is_said_to_be_visible_and_is_not_disagrees(tmp_path, capsys):
    path = edited(tmp_path, "dot_product/window", lambda document: document["expected"]["visible"][0].reverse())
    assert main(["golden", str(path)]) == 1
    assert capsys.readouterr().out.endswith("They disagree.\n")


def test_a_file_that_is_no_case_is_refused_in_one_line(tmp_path, capsys):
    path = edited(tmp_path, "dot_product/window", lambda document: document.pop("masks"))
    assert main(["golden", str(path)]) == 2
    assert capsys.readouterr().err == f"reference: {path}: expected a golden case, received a file without 'masks'\n"


def test_a_file_that_is_cut_short_is_refused_in_one_line(tmp_path, capsys):
    path = tmp_path / "case.json"
    path.write_text((CASES / "dot_product/window.json").read_text(encoding="utf-8")[:500], encoding="utf-8")
    assert main(["golden", str(path)]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"reference: {path}: expected a golden case, received a damaged file: ")
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    "path", [path for path in catalogue.PLANS if "masks_together" in catalogue.given(path)["flags"]]
)
def test_each_of_several_masks_hides_what_no_other_hides(path):
    case = read_case(CASES / f"{path}.json")
    parts = [(part, name) for part in ("masks", "options") for name in getattr(case, part) if name in HIDING]
    assert len(parts) > 1
    for part, name in parts:
        others = {one: thing for one, thing in getattr(case, part).items() if one != name}
        assert (visible(case._replace(**{part: others})) != visible(case)).any(), name
