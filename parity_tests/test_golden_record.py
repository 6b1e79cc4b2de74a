"""Results are recorded and compared with what is given later."""

import json

import numpy as np
import pytest

from parity_tests.__main__ import main
from parity_tests.golden import folder, record
from parity_tests.golden.results import Given
from parity_tests.golden.verdict import Truth

SOME = ("dot_product/causal", "dot_product/batch_and_heads", "dot_product/hidden_queries_and_keys")


@pytest.fixture(scope="module")
def few():
    """Golden cases that are soon gone through."""
    cases = folder.read()
    return Truth({path: cases[path] for path in SOME})


@pytest.fixture
def few_cases(few, monkeypatch):
    """The command sees these few alone."""
    monkeypatch.setattr(folder, "read", lambda place: few.cases)


@pytest.mark.usefixtures("few_cases")
def test_a_layer_compared_with_itself_has_not_changed(tmp_path, capsys):
    path = str(tmp_path / "before.json")
    assert main(["golden", "--record", "keras_impl:AttentionLayer", path, "--dtype", "bfloat16"]) == 0
    assert main(["golden", "--compare", path, "keras_impl:AttentionLayer", "--dtype", "bfloat16"]) == 0
    assert capsys.readouterr().out.endswith(f"{path} and keras_impl:AttentionLayer: of 3 cases, 3 unchanged.\n")


@pytest.mark.parametrize(
    ("target", "word", "status"),
    [
        ("parity_tests.mutants:ScalesTheQuery", "within rounding", 0),
        ("parity_tests.mutants:KeyGradientHalved", "changed beyond it", 1),
    ],
)
@pytest.mark.usefixtures("few_cases")
def test_a_change_is_told_in_units_of_the_bound(target, word, status, tmp_path, capsys):
    path = str(tmp_path / "before.json")
    main(["golden", "--record", "keras_impl:AttentionLayer", path, "--dtype", "float32"])
    assert main(["golden", "--compare", path, target, "--dtype", "float32"]) == status
    printed = capsys.readouterr().out
    assert "dot_product/causal" in printed
    assert f" {word}" in printed.splitlines()[-1]


@pytest.mark.usefixtures("few_cases")
def test_a_file_of_results_is_held_to_the_cases(few, tmp_path, capsys):
    case = few.cases["dot_product/causal"]
    path = tmp_path / "kernel.json"
    for output, status in ((case.expected["output"], 0), (case.expected["output"] + 1, 1)):
        results = {"dot_product/causal": {"float32": {"output": output.tolist()}}}
        path.write_text(json.dumps({"schema": 1, "target": "my kernel", "results": results}), encoding="utf-8")
        assert main(["golden", str(path)]) == status
        assert f"my kernel: of 1 cases, 1 {'dis' * status}agree." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "a damaged file: Expecting property name"),
        ("{}", "a damaged file: no 'schema'"),
        ('{"schema": 2}', "schema: expected 1, received 2"),
        ('{"schema": 1, "target": "", "results": {}}', "results: expected one case at least, received none"),
        ('{"schema": 1, "target": "", "results": {"dot_product/causal": {}}}', "expected a dtype with results"),
        (
            '{"schema": 1, "target": "", "results": {"dot_product/causal": {"float32": {"dtype": "float32"}}}}',
            "dot_product/causal: float32: expected results, received none",
        ),
        ('{"schema": 1, "target": "", "results": {"x": {}}}', "case: expected one of 3, such as dot_product/causal"),
        (
            '{"schema": 1, "target": "", "results": {"dot_product/causal": {"int8": {"output": []}}}}',
            "dtype: expected one of float32",
        ),
        (
            '{"schema": 1, "target": "", "results": {"dot_product/causal": {"float32": {"outputs": []}}}}',
            "expected names such as d_key, d_query, d_scale, received 'outputs'",
        ),
        (
            '{"schema": 1, "target": "", "results": {"dot_product/causal": {"float32": {"output": [[1], [2, 3]]}}}}',
            "a damaged file: setting an array element with a sequence",
        ),
    ],
)
@pytest.mark.usefixtures("few_cases")
def test_a_file_that_holds_no_results_is_refused_in_one_line(document, message, tmp_path, capsys):
    path = tmp_path / "kernel.json"
    path.write_text(document, encoding="utf-8")
    assert main(["golden", str(path)]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"parity_tests: {path}: expected results for golden cases, received ")
    assert message in printed
    assert printed.count("\n") == 1


def test_results_come_back_from_a_file_as_they_were(few, tmp_path):
    expected = few.cases["dot_product/causal"].expected["output"]
    odd = expected.copy()
    odd[0, 0] = [np.nan, np.inf]
    given = {
        "dot_product/causal": {
            "float32": Given("float32", {"output": odd.astype("float32"), "d_value": None}),
            "float16": Given("float16", {}, "TypeError: no"),
        }
    }
    record.write(tmp_path / "results.json", "somebody's", given)
    target, found = record.read(tmp_path / "results.json", few)
    assert target == "somebody's"
    one = found["dot_product/causal"]["float32"]
    assert np.array_equal(one.arrays["output"], odd.astype("float32"), equal_nan=True)
    assert one.arrays["d_value"] is None
    assert found["dot_product/causal"]["float16"].error == "TypeError: no"


def test_targets_and_record_are_not_asked_for_together(capsys):
    assert main(["golden", "keras_impl:AttentionLayer", "--record", "x", "y"]) == 2
    assert "expected targets, --record or --compare, received more than one" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_computed(capsys, monkeypatch):
    monkeypatch.setattr(folder, "read", lambda place: pytest.fail("read"))
    assert main(["golden", "--record", "keras_impl:AttentionLayer", "/no/such/folder/x.json"]) == 2
    assert "record: expected a file in a folder that exists" in capsys.readouterr().err


@pytest.mark.usefixtures("few_cases")
def test_what_one_side_lacks_is_not_compared(few, tmp_path, capsys):
    case = few.cases["dot_product/causal"].expected
    second = {"float32": {"output": few.cases[SOME[1]].expected["output"].tolist()}}
    both, one = ({"float32": {"output": case["output"].tolist()}}, {"float32": {"d_key": case["d_key"].tolist()}})
    paths = []
    for name, results in (("a", {"dot_product/causal": both}), ("b", {"dot_product/causal": both, SOME[1]: second})):
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(json.dumps({"schema": 1, "target": name, "results": results}), encoding="utf-8")
    assert main(["golden", "--compare", *map(str, paths)]) == 0
    assert main(["golden", "--compare", *map(str, paths), "--dtype", "float64"]) == 2
    assert "expected results for a case and dtype on both sides, received none" in capsys.readouterr().err
    lost = {"schema": 1, "target": "c", "results": {"dot_product/causal": one}}
    paths[1].write_text(json.dumps(lost), encoding="utf-8")
    assert main(["golden", "--compare", *map(str, paths)]) == 1  # the output is gone
