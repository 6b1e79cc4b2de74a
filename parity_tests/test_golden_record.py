"""Results are recorded and compared with what is given later."""

import json

import numpy as np
import pytest

from parity_tests.__main__ import main
from parity_tests.backend import in_words
from parity_tests.golden import folder, held, record
from parity_tests.golden.results import Given
from parity_tests.golden.verdict import Truth, verdict
from reference.golden import read_case

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
        ("[]", "file: expected an object, received []"),
        ("{}", "file: expected an object with schema, target, results, received one without schema, target, results"),
        ('{"schema": 2, "target": "", "results": {}}', "schema: expected 1, received 2"),
        ('{"schema": true, "target": "", "results": {}}', "schema: expected an integer below 2**53, received true"),
        ('{"schema": 1, "schema": 1}', 'JSON: expected each name once in an object, received "schema" twice'),
        ("[" * 40 + "]" * 40, "JSON: expected at most 32 lists and objects, one in the other, received more"),
        ("[" * 100_000, "JSON: expected at most 32 lists and objects, one in the other, received more"),
        ('{"schema": 1, "target": "", "results": [1]}', "results: expected an object, received [1]"),
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
            'expected names such as d_key, d_query, d_scale, received "outputs"',
        ),
        (
            '{"schema": 1, "target": "", "results": {"dot_product/causal": {"float32": {"output": [[1], [2, 3]]}}}}',
            "dot_product/causal: float32: output: expected an array of numbers, received rows of different lengths",
        ),
    ],
)
@pytest.mark.usefixtures("few_cases")
def test_a_file_that_holds_no_results_is_refused_in_one_line(document, message, tmp_path, capsys):
    assert_refused(document, message, tmp_path, capsys)


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([1], "expected an object, received [1]"),
        ({"error": ""}, 'error: expected a text that says what was raised, received ""'),
        ({"error": None}, "error: expected a text that says what was raised, received null"),
        ({"error": "no", "output": [[1.0]]}, 'expected no names but error, received "output"'),
        ({"output": {"a": 1}}, 'output: expected a number, received {"a": 1}'),
        ({"output": [[True]]}, "output: expected a number, received true"),
        ({"output": [["1"]]}, 'output: expected a number, received "1"'),
        ({"output": [[10**400]]}, "output: expected a number that float64 holds, received 1000"),
        ({"output": [[1.0]], "dtype": ["float32"]}, 'dtype: expected a line of text, received ["float32"]'),
    ],
)
@pytest.mark.usefixtures("few_cases")
def test_results_that_cannot_be_are_refused_in_one_line(results, message, tmp_path, capsys):
    document = {"schema": 1, "target": "", "results": {"dot_product/causal": {"float32": results}}}
    assert_refused(json.dumps(document), f"dot_product/causal: float32: {message}", tmp_path, capsys)


@pytest.mark.parametrize("target", [5, None, ["x"], "two\nlines"])
@pytest.mark.usefixtures("few_cases")
def test_a_target_that_is_no_line_of_text_is_refused(target, tmp_path, capsys):
    document = {"schema": 1, "target": target, "results": {"dot_product/causal": {"float32": {"error": "no"}}}}
    message = f"target: expected a line of text, received {json.dumps(target)}"
    assert_refused(json.dumps(document), message, tmp_path, capsys)


def assert_refused(document, message, tmp_path, capsys):
    """The command ends with 2, and one line that names the file."""
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


def test_an_exception_without_words_is_recorded_with_its_name(few, tmp_path):
    given = {"dot_product/causal": {"float32": Given("float32", {}, in_words(ValueError()))}}
    record.write(tmp_path / "results.json", "somebody's", given)
    found = record.read(tmp_path / "results.json", few)[1]
    assert found["dot_product/causal"]["float32"].error.startswith("ValueError")


@pytest.mark.parametrize("name", ["scores", "weights", "output", "output_alone"])
def test_nothing_in_place_of_a_result_disagrees_even_where_the_truth_is_0(name):
    path = "dot_product/everything_hidden"
    truth = Truth({path: read_case(folder.HOME / "cases" / f"{path}.json")})
    found = verdict(truth, path, "float32", Given("float32", {name: None}))
    assert found.verdict == "disagrees"
    assert found.worst.message == "expected numbers, received none"


@pytest.mark.parametrize(
    ("name", "nested", "agrees"),
    [
        ("weights", [[], []], True),
        ("weights", [], True),
        ("weights", [[]], False),
        ("weights", [[[]], [[]]], False),
        ("d_key", [], True),
        ("d_key", [[[]]], False),
    ],
)
def test_arrays_without_elements_are_nested_as_their_shapes_say_or_not_at_all(name, nested, agrees, tmp_path):
    path, file = "dot_product/no_keys", tmp_path / "results.json"
    truth = Truth({path: read_case(folder.HOME / "cases" / f"{path}.json")})
    file.write_text(json.dumps({"schema": 1, "target": "", "results": {path: {"float32": {name: nested}}}}))
    assert held.file(truth, file).agrees == agrees


def test_targets_and_record_are_not_asked_for_together(capsys):
    assert main(["golden", "keras_impl:AttentionLayer", "--record", "x", "y"]) == 2
    assert "expected targets, --record or --compare, received more than one" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_computed(capsys, monkeypatch):
    monkeypatch.setattr(folder, "read", lambda place: pytest.fail("read"))
    assert main(["golden", "--record", "keras_impl:AttentionLayer", "/no/such/folder/x.json"]) == 2
    assert "record: expected a file in a folder that exists" in capsys.readouterr().err
