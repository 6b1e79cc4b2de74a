"""Layers are held to golden cases, and to what they gave before."""

import json

import numpy as np
import pytest

import keras_impl
from parity_tests import mutants, subjects
from parity_tests.__main__ import main
from parity_tests.dot_product import ATTENTION
from parity_tests.golden import folder, held, record, translation
from parity_tests.golden.results import Given
from parity_tests.golden.verdict import Truth, verdict
from parity_tests.self_attention import SELF_ATTENTION

TRUTH = Truth(folder.read())
SOME = ("dot_product/causal", "dot_product/batch_and_heads", "dot_product/hidden_queries_and_keys")
AGREES = ("keras_impl:AttentionLayer", "keras_impl:SelfAttention", "keras.layers.Attention")


@pytest.fixture(scope="module")
def few():
    """Golden cases that are soon gone through."""
    return Truth({path: TRUTH.cases[path] for path in SOME})


@pytest.fixture
def few_cases(few, monkeypatch):
    """The command sees these few alone."""
    monkeypatch.setattr(folder, "read", lambda place: few.cases)


def wrong(name, truth):
    """A fault of the gallery, held to cases in float32."""
    fault = getattr(mutants, name)
    kind = SELF_ATTENTION if issubclass(fault, keras_impl.SelfAttention) else ATTENTION
    subject = subjects.Subject(f"parity_tests.mutants:{name}", kind, fault, subjects.options_of(fault, kind))
    return held.layer(truth, subject, ("float32",))


def disagreeing(one):
    """The paths of cases that disagree."""
    return {path for path in one.verdicts if one.worst(path)[1].verdict in ("disagrees", "error")}


@pytest.mark.parametrize("target", AGREES)
def test_registered_layers_give_what_the_cases_expect(target):
    one = held.layer(TRUTH, subjects.find(target))
    assert one.agrees
    assert len(one.verdicts) > 20
    known = {name for dtypes in one.verdicts.values() for found in dtypes.values() for name in found.known}
    assert known == ({"nothing_visible"} if target == "keras.layers.Attention" else set())


def test_the_reference_gives_what_all_cases_expect():
    one = held.reference(TRUTH)
    assert one.agrees
    assert one.verdicts.keys() == TRUTH.cases.keys()


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("CausalBottomRight", "causal_top_left"),
        ("KeyGradientHalved", "scaled"),
        ("LogitsSquared", "scaled"),
        ("MaskAfterSoftmax", "padding"),
        ("NothingVisibleIsNaN", "nothing_visible"),
        ("QueryMaskIgnored", "query_mask"),
        ("SecondItemSeesTheFirst", "batch"),
        ("KeysPastEightIgnored", "many_keys"),
        ("WeightsGradientStopped", "cotangent_on_weights"),
        ("QueryBiasAddedTwice", "projection_biases"),
    ],
)
def test_a_fault_is_found_by_cases_that_hunt_it(name, flag):
    one = wrong(name, TRUTH)
    found = disagreeing(one)
    hunting = {path for path in one.verdicts if flag in TRUTH.cases[path].flags}
    assert found & hunting
    assert len(found & hunting) * len(one.verdicts) >= len(found) * len(hunting)  # no smaller share than of all


def test_a_layer_is_asked_every_case_that_its_kind_can_express():
    reasons = {translation.inexpressible(case, ATTENTION) for case in TRUTH.cases.values()}
    assert reasons == {
        "", "another concept", "another scale", "a bias", "a mask", "a softcap", "a window",
        "causal with an offset", "broadcasting",
    }  # fmt: skip
    reasons = {translation.inexpressible(case, SELF_ATTENTION) for case in TRUTH.cases.values()}
    assert {"values of another depth", "positions hidden as keys alone", "biases"} < reasons


def test_a_gradient_that_is_disconnected_is_0_or_wrong(few):
    path = "dot_product/causal"
    found = verdict(few, path, "float32", Given("float32", {"d_value": None}))
    assert found.verdict == "disagrees"
    assert found.worst.message == "disconnected, though the gradient is not 0"
    nothing = Truth({"x": TRUTH.cases["dot_product/everything_hidden"]})
    assert verdict(nothing, "x", "float32", Given("float32", {"d_value": None})).verdict == "agrees"


def test_another_dtype_than_that_asked_for_disagrees(few):
    arrays = {"output": few.cases[SOME[0]].expected["output"]}
    assert verdict(few, SOME[0], "float64", Given("float64", arrays)).verdict == "agrees"
    assert verdict(few, SOME[0], "float32", Given("float64", arrays)).verdict == "disagrees"


def test_nan_and_another_shape_disagree(few):
    output = few.cases[SOME[0]].expected["output"]
    for actual in (np.full_like(output, np.nan), output.mT):
        assert verdict(few, SOME[0], "float32", Given("float32", {"output": actual})).verdict == "disagrees"


def test_known_rows_are_excused_and_others_are_not():
    path = "dot_product/item_hidden"
    truth = Truth({path: TRUTH.cases[path]})
    expected = truth.cases[path].expected["output"]
    excuses = lambda name: {"some": np.array([[False, False], [True, True]])}  # noqa: E731
    for item, word in ((1, "known"), (0, "disagrees")):
        output = expected.copy()
        output[item] += 1
        assert verdict(truth, path, "float32", Given("float32", {"output": output}), excuses).verdict == word


@pytest.mark.usefixtures("few_cases")
def test_the_command_shows_all_targets_and_exits_with_0(capsys):
    assert main(["golden", "keras_impl:AttentionLayer", "--dtype", "float32"]) == 0
    printed = capsys.readouterr().out
    assert "keras_impl:AttentionLayer: of 3 cases, 3 agree." in printed
    assert "reference: of 3 cases, 3 agree." in printed


@pytest.mark.usefixtures("few_cases")
def test_the_command_tells_a_fault_and_exits_with_1(capsys):
    assert main(["golden", "parity_tests.mutants:CausalOffByOne", "--dtype", "float32"]) == 1
    printed = capsys.readouterr().out
    assert "parity_tests.mutants:CausalOffByOne: dot_product/causal, float32: weights[0, 0, 1]: received " in printed
    assert "causal_top_left: 1 of 1 cases disagree. Hunts: The causal mask off by one" in printed
    assert "parity_tests.mutants:CausalOffByOne: of 3 cases, 2 agree, 1 disagree." in printed


@pytest.mark.usefixtures("few_cases")
def test_a_layer_that_raises_is_told(capsys, monkeypatch):
    def broken(self, inputs, **options):
        raise TypeError("no such thing")

    monkeypatch.setattr(mutants.LogitsSquared, "call", broken, raising=True)
    monkeypatch.setattr(subjects, "check_contract", lambda subject, guessed="": None)
    assert main(["golden", "parity_tests.mutants:LogitsSquared", "--kind", "attention", "--dtype", "float32"]) == 1
    printed = capsys.readouterr().out
    assert "dot_product/causal, float32: call: TypeError: " in printed
    assert "no such thing" in printed


@pytest.mark.usefixtures("few_cases")
def test_a_layer_compared_with_itself_has_not_changed(tmp_path, capsys):
    path = str(tmp_path / "before.json")
    assert main(["golden", "--record", "keras_impl:AttentionLayer", path, "--dtype", "bfloat16"]) == 0
    assert main(["golden", "--compare", path, "keras_impl:AttentionLayer", "--dtype", "bfloat16"]) == 0
    assert capsys.readouterr().out.endswith(f"{path} and keras_impl:AttentionLayer: of 3 results, 3 nothing.\n")


@pytest.mark.parametrize(
    ("target", "word", "status"),
    [
        ("parity_tests.mutants:ScalesTheQuery", "within rounding", 0),
        ("parity_tests.mutants:KeyGradientHalved", "beyond", 1),
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
        ("{", "a file with Expecting property name"),
        ("{}", "a file with no 'schema'"),
        ('{"schema": 2}', "schema: expected 1, received 2"),
        ('{"schema": 1, "target": "", "results": {"x": {}}}', "case: expected one of 3, such as dot_product/causal"),
        (
            '{"schema": 1, "target": "", "results": {"dot_product/causal": {"int8": {}}}}',
            "dtype: expected one of float32",
        ),
        (
            '{"schema": 1, "target": "", "results": {"dot_product/causal": {"float32": {"outputs": []}}}}',
            "expected names such as d_key, d_query, d_scale, received 'outputs'",
        ),
        (
            '{"schema": 1, "target": "", "results": {"dot_product/causal": {"float32": {"output": [[1], [2, 3]]}}}}',
            "a file with setting an array element with a sequence",
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
