"""Golden cases as ONNX backend tests, and what runs such models held to them."""

import sys

import numpy as np
import pytest

WHY = "the extra onnx is not installed, which the tests of everything else do without"
onnx = pytest.importorskip("onnx", reason=WHY)
pytest.importorskip("onnxruntime", reason=WHY)

from parity_tests import divergences  # noqa: E402
from parity_tests.golden import folder  # noqa: E402
from parity_tests.golden.to_onnx import run  # noqa: E402
from parity_tests.golden.to_onnx.__main__ import main, write  # noqa: E402
from parity_tests.golden.to_onnx.export import DTYPES, exported, files, inexpressible  # noqa: E402
from parity_tests.golden.translation.batch import depth  # noqa: E402
from parity_tests.golden.verdict import Truth, verdict  # noqa: E402
from reference.golden import work  # noqa: E402

TRUTH = Truth(folder.read())
EXPRESSIBLE = [path for path, case in TRUTH.cases.items() if not inexpressible(case, "float32")]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("target", run.TARGETS)
def test_what_runs_models_agrees_but_for_what_is_known(target, dtype):
    held = run.held(TRUTH, target, (dtype,))
    assert held.agrees
    assert len(held.verdicts) > 110


@pytest.mark.parametrize("entry", divergences.of_cases(), ids=lambda entry: entry.name)
def test_what_is_known_to_differ_still_does(entry):
    for path in entry.cases:
        for dtype in entry.dtypes:
            found = verdict(TRUTH, path, dtype, run.given(entry.subject, TRUTH.cases[path], dtype))
            assert found.verdict != "agrees", f"{path} in {dtype}: gone, remove the entry"
            assert found.verdict == entry.verdict


@pytest.mark.parametrize("entry", divergences.of_cases(), ids=lambda entry: entry.name)
def test_what_is_known_excuses_nothing_of_another_kind(entry, monkeypatch):
    path, dtype = entry.cases[0], entry.dtypes[0]
    truth = Truth({path: TRUTH.cases[path]})
    assert run.held(truth, entry.subject, (dtype,)).agrees
    monkeypatch.setitem(run.TARGETS, entry.subject, ones if entry.verdict == "error" else nothing)
    assert not run.held(truth, entry.subject, (dtype,)).agrees


def ones(made, inputs):
    """Wrong numbers, of the right shapes."""
    shapes = [[axis.dim_value for axis in output.type.tensor_type.shape.dim] for output in made.graph.output]
    return [np.ones(shape, inputs["query"].dtype) for shape in shapes]


def nothing(made, inputs):
    raise RuntimeError("nothing runs")


@pytest.mark.parametrize(
    "entry",
    [entry for entry in divergences.of_cases() if entry.name.endswith("root_in_float32")],
    ids=lambda entry: entry.name,
)
def test_a_root_in_float32_explains_the_numbers_of_every_case(entry):
    for path in entry.cases:
        case = TRUTH.cases[path]
        scale = np.float32(exported(case, "float64").attributes.get("scale", 1 / np.sqrt(np.float32(depth(case)))))
        inputs = {**case.inputs, "scale": np.asarray(float(np.sqrt(scale)) ** 2)}
        altered = case._replace(inputs=inputs)
        numbers = work(altered, lambda array: np.asarray(array, np.longdouble)).results(["output", "weights"])
        expected = {name: array.astype(np.float64) for name, array in numbers.items()}
        truth = Truth({path: altered._replace(expected={**case.expected, **expected})})
        assert verdict(truth, path, "float64", run.given(entry.subject, case, "float64")).verdict == "agrees", path


@pytest.mark.parametrize("path", EXPRESSIBLE)
def test_a_test_reads_back_as_the_case(path):
    case = TRUTH.cases[path]
    contents = files(case, "float64") if not inexpressible(case, "float64") else files(case, "float32")
    onnx.checker.check_model(onnx.load_from_string(contents["model.onnx"]))
    outputs = [
        onnx.numpy_helper.to_array(onnx.TensorProto.FromString(contents[f"test_data_set_0/output_{number}.pb"]))
        for number in range(2)
    ]
    for name, array in zip(("output", "weights"), outputs):
        expected = case.expected[name]
        assert np.array_equal(array.reshape(expected.shape), expected.astype(array.dtype))


def test_tests_are_the_same_bytes_each_time():
    case = TRUTH.cases["dot_product/grouped_queries"]
    assert files(case, "float32") == files(case, "float32")


def test_a_group_of_heads_shares_its_keys_in_the_model_too():
    inputs = exported(TRUTH.cases["dot_product/grouped_queries"], "float32").inputs
    assert [array.shape[1] for array in inputs.values()] == [2, 1, 1]


@pytest.mark.parametrize(
    ("path", "dtype", "reason"),
    [
        ("dot_product/hidden_queries", "float32", "a query mask"),
        ("dot_product/scale_of_each_head", "float32", "a scale that is an array"),
        (
            "dot_product/scale_one_tenth",
            "float64",
            "a scale that no float32, as which a model holds it, is equal to",
        ),
        ("dot_product/scale_one_tenth", "float32", ""),
        ("dot_product/softcap_bias_and_mask", "float32", ""),
    ],
)
def test_what_the_operator_cannot_express_is_said(path, dtype, reason):
    assert inexpressible(TRUTH.cases[path], dtype) == reason


def test_the_command_writes_the_folders_of_backend_tests(tmp_path, capsys):
    assert main([str(tmp_path), "dot_product/causal", "dot_product/hidden_queries", "--dtype", "float16"]) == 0
    printed = capsys.readouterr().out
    assert printed == f"1 of 2 cases written to {tmp_path} in float16.\n1 left out: a query mask.\n"
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert found == [
        "dot_product__causal/model.onnx",
        *(f"dot_product__causal/test_data_set_0/input_{number}.pb" for number in range(3)),
        *(f"dot_product__causal/test_data_set_0/output_{number}.pb" for number in range(2)),
    ]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    for contents in ({"a": b"1", "b/c": b"2"}, {"a": b"3"}):
        write(tmp_path / "test", contents)
    assert [path.name for path in (tmp_path / "test").iterdir()] == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["test"]


def test_the_command_runs_the_cases(capsys):
    assert main(["--run"]) == 0
    printed = capsys.readouterr().out
    assert "onnxruntime.InferenceSession: of 116 cases, 113 agree, 3 known to differ." in printed
    assert "known: onnxruntime.InferenceSession, onnxruntime_scale_not_positive." in printed
    assert "ONNX says: 'Scaling factor applied to" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "folder: expected one to write to, or --run, received neither"),
        (["{place}", "dot_product/nothing"], "name: expected a golden case, such as dot_product/"),
        (["--run", "dot_product/causal"], "folder: expected a folder before the names, received a case"),
        (["/dev/null/x"], "folder: expected a folder that can be written to, received '/dev/null/x'"),
    ],
)
def test_a_command_that_cannot_be_used_is_refused_in_one_line(arguments, message, tmp_path, capsys):
    assert main([argument.format(place=tmp_path) for argument in arguments]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"to_onnx: {message}")
    assert printed.count("\n") == 1


@pytest.mark.parametrize(("missing", "arguments"), [("onnx", ["{place}"]), ("onnxruntime", ["--run"])])
def test_a_package_that_is_missing_is_told_in_one_line(missing, arguments, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    assert main([argument.format(place=tmp_path) for argument in arguments]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"to_onnx: {missing}: expected the packages of the extra onnx, received ")
    assert printed.count("\n") == 1
