"""What changed between two files of results, or between a file and a layer, is told."""

import json

import pytest

from parity_tests.__main__ import main
from parity_tests.golden import folder
from parity_tests.golden.verdict import Truth
from reference.golden import read_case

SOME = ("dot_product/causal", "dot_product/batch_and_heads")
TRUTH = Truth({path: read_case(folder.HOME / "cases" / f"{path}.json") for path in SOME})
CAUSAL, HEADS = ({"output": TRUTH.cases[path].expected["output"].tolist()} for path in SOME)


@pytest.fixture(autouse=True)
def few_cases(monkeypatch):
    """The command sees these few alone."""
    monkeypatch.setattr(folder, "read", lambda place: TRUTH.cases)


def compare(place, before, now, *options):
    """The exit status of the command for two sets of results."""
    paths = []
    for name, results in (("before", before), ("now", now)):
        paths.append(place / f"{name}.json")
        document = {"schema": 1, "target": name, "results": results}
        paths[-1].write_text(json.dumps(document), encoding="utf-8")
    return main(["golden", "--compare", *map(str, paths), *options])


def test_a_case_that_is_new_is_told_and_is_no_fault(tmp_path, capsys):
    before = {SOME[0]: {"float32": CAUSAL}}
    assert compare(tmp_path, before, {**before, SOME[1]: {"float32": HEADS}}) == 0
    assert capsys.readouterr().out.endswith("of 2 cases, 1 unchanged, 1 new.\n")


def test_a_case_that_is_gone_is_a_fault(tmp_path, capsys):
    now = {SOME[0]: {"float32": CAUSAL}}
    assert compare(tmp_path, {**now, SOME[1]: {"float32": HEADS}}, now) == 1
    assert capsys.readouterr().out.endswith("of 2 cases, 1 unchanged, 1 gone.\n")


def test_a_dtype_that_is_gone_is_a_fault_though_another_changed_within_rounding(tmp_path, capsys):
    nudged = (TRUTH.cases[SOME[0]].expected["output"] * (1 + 2**-24)).tolist()
    before = {SOME[0]: {"float32": CAUSAL, "float64": CAUSAL}}
    assert compare(tmp_path, before, {SOME[0]: {"float32": {"output": nudged}, "float64": CAUSAL}}) == 0
    assert capsys.readouterr().out.endswith("1 changed within rounding.\n")
    assert compare(tmp_path, before, {SOME[0]: {"float32": {"output": nudged}}}) == 1
    assert capsys.readouterr().out.endswith("of 1 cases, 1 gone.\n")


def test_results_that_share_no_case_and_dtype_are_refused(tmp_path, capsys):
    both = {SOME[0]: {"float32": CAUSAL}}
    assert compare(tmp_path, both, both, "--dtype", "float64") == 2
    assert "expected results for a case and dtype on both sides, received none" in capsys.readouterr().err


def test_an_array_that_is_gone_is_a_fault(tmp_path):
    d_key = TRUTH.cases[SOME[0]].expected["d_key"].tolist()
    assert compare(tmp_path, {SOME[0]: {"float32": CAUSAL}}, {SOME[0]: {"float32": {"d_key": d_key}}}) == 1


def test_results_of_a_dtype_that_has_no_bound_are_the_same_or_not(tmp_path, capsys):
    before = {SOME[0]: {"float32": {**CAUSAL, "dtype": "int8"}}}
    assert compare(tmp_path, before, before) == 0
    assert capsys.readouterr().out.endswith("of 1 cases, 1 unchanged.\n")
    now = {SOME[0]: {"float32": {"output": [[7.0]], "dtype": "int8"}}}
    assert compare(tmp_path, before, now) == 1
    assert capsys.readouterr().out.endswith("of 1 cases, 1 changed beyond it.\n")


@pytest.mark.parametrize("name", ["[red]x[/foo]", "my :heart: kernel"])
def test_names_are_shown_as_they_are_written(name, tmp_path, capsys):
    results = {SOME[0]: {"float32": CAUSAL}, SOME[1]: {"float32": {"error": f"{name} is broken"}}}
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"schema": 1, "target": name, "results": results}), encoding="utf-8")
    assert main(["golden", str(path)]) == 1
    printed = capsys.readouterr().out
    assert f"{name}: of 2 cases, 1 agree, 1 raised." in printed
    assert f"call: {name} is broken" in printed
    place = tmp_path / "[bold]"
    place.mkdir()
    assert compare(place, results, results) == 0
    assert f"{place}/before.json and {place}/now.json: of 2 cases, 2 unchanged." in capsys.readouterr().out
