"""Layers are held to golden cases, and to what they gave before."""

import os
import re

import numpy as np
import pytest

from parity_tests import mutants, score, subjects
from parity_tests.__main__ import main
from parity_tests.dot_product import ATTENTION
from parity_tests.golden import folder, held, table, translation
from parity_tests.golden.results import DTYPES, Given
from parity_tests.golden.verdict import Truth, verdict
from parity_tests.self_attention import SELF_ATTENTION

TRUTH = Truth(folder.read())
SOME = ("dot_product/causal", "dot_product/batch_and_heads", "dot_product/hidden_queries_and_keys")
OF_HEADS = {"multi_head_nothing_visible", "scale_in_float32", "bias_along_another_axis"}
KNOWN = {
    "keras_impl:AttentionLayer": set(),
    "keras_impl:SelfAttention": set(),
    "keras_impl:AttentionPooling": set(),
    "keras.layers.Attention": {"nothing_visible"},
    "keras.layers.Attention.concat": {"nothing_visible"},
    "keras.layers.AdditiveAttention": {"nothing_visible"},
    "keras.layers.MultiHeadAttention": OF_HEADS,
    "keras.layers.GroupQueryAttention": OF_HEADS,
    "keras.layers.Softmax": set(),
    "keras.ops.dot_product_attention": {"op_nothing_visible", "scale_in_float32"},
}
MANY = {"dot_product": 20, "self_attention": 20, "additive": 4, "multi_head": 15, "pooling": 10, "softmax": 10}


@pytest.fixture(scope="module")
def few():
    """Golden cases that are soon gone through."""
    return Truth({path: TRUTH.cases[path] for path in SOME})


@pytest.fixture
def few_cases(few, monkeypatch):
    """The command sees these few alone."""
    monkeypatch.setattr(folder, "read", lambda place: few.cases)


def wrong(name, truth, dtypes=("float32",)):
    """A fault of the gallery, held to cases."""
    fault = getattr(mutants, name)
    return held.layer(truth, score.subject_of(name, fault), dtypes)


def disagreeing(one):
    """The paths of cases that disagree."""
    return {path for path in one.verdicts if one.worst(path)[1].verdict in ("disagrees", "error")}


@pytest.mark.parametrize("target", KNOWN)
def test_registered_layers_give_what_the_cases_expect(target):
    one = held.layer(TRUTH, subjects.find(target), DTYPES if os.environ.get("CI") else DTYPES[:2])
    assert one.agrees
    (concept,) = {path.partition("/")[0] for path in one.verdicts}
    assert len(one.verdicts) > MANY[concept]
    known = {name for dtypes in one.verdicts.values() for found in dtypes.values() for name in found.known}
    assert known == KNOWN[target]


def test_without_a_target_layers_are_held_of_which_there_are_cases(few_cases, capsys):
    assert main(["golden", "--dtype", "float32"]) == 0
    printed = capsys.readouterr().out
    assert all(f"{target}: " in printed for target in KNOWN)
    assert "HierarchicalAttention" not in printed


def test_a_layer_of_which_there_are_no_cases_is_refused_in_one_line(capsys):
    assert main(["golden", "keras_impl:HierarchicalAttention"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("parity_tests: target: expected one of the kinds attention, self_attention")
    assert printed.count("\n") == 1


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
        ("LastDepthLeftOut", "tanh"),
        ("SlopeOfTheTanhForgotten", "tanh"),
        ("HeadsMergedBackwards", "many_heads"),
        ("KeyGroupsInTurn", "grouped"),
        ("GateTwice", "gate"),
        ("WindowTooWide", "window"),
        ("AttentionMaskOfTheFirstItem", "mask"),
        ("PaddingTakesItsShare", "padding"),
        ("BiasAfterTanh", "projection_biases"),
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
    excuses = lambda name: ({"some": np.array([[False, False], [True, True]])}, ())  # noqa: E731
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


@pytest.mark.tensorflow
def test_a_case_that_is_known_to_differ_in_one_dtype_shows_how_far_the_others_are_off(monkeypatch, capsys):
    """The depth 2, whose root is rounded to float32, in float64."""
    one, another = "multi_head/one_head", "additive/by_hand"
    monkeypatch.setattr(folder, "read", lambda place: {path: TRUTH.cases[path] for path in (another, one)})
    assert main(["golden", "keras.layers.MultiHeadAttention"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"one_head +0\.\d+ +0\.\d+ \(float64 known\)", printed)
    assert "of 1 cases, 1 known to differ. In all dtypes 3 of 4 results agree." in printed
    assert "additive: worst" not in printed  # nobody but the reference is asked


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


def test_the_example_of_the_documentation_reads_a_case_without_the_reference(tmp_path, capsys):
    text = (folder.HOME / "README.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    assert len(example.strip().splitlines()) <= 20
    path = tmp_path / "results.json"
    home = folder.HOME.as_posix()
    exec(example.replace('"results.json"', f'"{path.as_posix()}"').replace('"parity_tests/golden', f'"{home}'), {})
    assert main(["golden", str(path)]) == 0
    assert "my kernel: of 1 cases, 1 agree." in capsys.readouterr().out


def test_the_documentation_counts_the_cases():
    assert f"{len(TRUTH.cases)} fixed inputs" in (folder.HOME / "README.md").read_text(encoding="utf-8")


def test_weights_in_another_dtype_than_the_output_disagree(few):
    found = wrong("WeightsReturnedInFloat32", few, ("float16",))
    assert {found.worst(path)[1].worst.message for path in SOME} == {"dtype: expected float16, received float32"}


def test_flags_of_which_the_largest_share_disagrees_are_told_first():
    told = table.suspicious(wrong("CausalOffByOne", TRUTH), TRUTH)
    shares = [many / of for _, many, of in told]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1
    assert "causal_top_left" in [flag for flag, _, _ in told]
