"""The check finds every fault of the gallery, and finds none in the layers that the faults were planted in."""

import io
import json
from importlib.resources import files

import jsonschema
import pytest
from rich.console import Console

import keras_impl
from parity_tests import mutants, score, score_file, score_table, subjects
from parity_tests.__main__ import main
from parity_tests.mutants import CATEGORIES, GALLERY, HIDDEN
from parity_tests.score import Finding, by_category
from parity_tests.score_file import to_json

TO_BE_FOUND = [name for name in GALLERY if name not in HIDDEN]


# Some that are found soon, as JAX compiles each example.
ON_EVERY_BACKEND = {
    "LogitsSquared", "MaskAfterSoftmax", "CausalOffByOne", "RawScoresReturned", "KeyGradientHalved",
    "WeightsReturnedInFloat32", "GlobalShift", "DroppedNotRescaled", "SameDropoutForAllItems", "ForgetsScaled",
    "SymbolicWeightsTransposed", "DriftsWithEveryCall",
}  # fmt: skip


# Each example of 4,201 queries and keys takes a quarter of a minute, and of these faults one is enough.
OF_AS_MANY_QUERIES_AS_KEYS = (
    "LateQueriesSeeNothingAhead", "PaddingBeyond4096Attended", "SeesNoFartherAheadThan4096", "ScaleForgottenBeyond4096",
)  # fmt: skip
SHORTER = 32  # times


def marked(name):
    return pytest.param(name, marks=pytest.mark.backend if name in ON_EVERY_BACKEND else ())


@pytest.mark.parametrize("name", [marked(name) for name in TO_BE_FOUND])
def test_every_fault_is_found(name, shorter):
    if name in OF_AS_MANY_QUERIES_AS_KEYS:
        shorter(SHORTER)
    finding = score_file.find_again(name)
    assert finding.found, f"{name} was not found in {finding.examples} examples"
    assert "agreement" not in finding.properties, f"{name} does not compute anything wrong; it raises"


def test_a_search_from_a_later_example_finds_what_that_one_shows():
    number = score.find("CausalOffByOne").examples
    later = score.find("CausalOffByOne", first=number + 1)
    assert later.found
    assert later.examples > number
    assert score.find("CausalOffByOne", first=later.examples)[:-1] == later[:-1]  # but for the seconds


def _rounds_much(choices):
    return "values" in choices or max(choices["S"], choices["d_k"]) >= 64


@pytest.mark.parametrize("name", HIDDEN)
def test_what_cannot_be_told_from_rounding_is_not_found(name, only_corners):
    only_corners(_rounds_much)
    finding = score.find(name, examples=16)
    assert finding.properties == ()
    assert finding.examples > 16


@pytest.mark.parametrize("name", GALLERY)
def test_every_fault_has_one_sentence(name):
    sentence = GALLERY[name].__doc__
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("name", GALLERY)
def test_every_fault_overrides_something_of_a_sound_layer(name):
    fault = GALLERY[name]
    derived = subjects.derived(name, fault)
    sound = score.sound_one(fault).layer_class if derived is None else type(derived).adapts
    own = [name for name in vars(fault) if name == "__init__" or not name.startswith("__")]
    assert any(getattr(fault, attribute) is not getattr(sound, attribute, None) for attribute in own)


@pytest.mark.parametrize("layer", [keras_impl.AttentionLayer, keras_impl.SelfAttention])
def test_a_layer_without_a_fault_is_not_found(layer, monkeypatch, only_corners):
    only_corners(lambda choices: "dropout" in choices)
    monkeypatch.setitem(GALLERY, "Sound", layer)
    finding = score.find("Sound", examples=20)
    assert finding.properties == ()
    assert finding.examples >= 20


def test_the_gallery_has_faults_of_every_kind():
    kinds = {score.subject_of(name, fault).kind.name for name, fault in GALLERY.items()}
    assert kinds == set(subjects.KINDS)
    assert len(GALLERY) >= 90


def test_every_fault_is_in_one_category():
    assert sorted(name for names in CATEGORIES.values() for name in names) == sorted(GALLERY)
    assert [mutants.category(name) for name in ("LogitsSquared", "ForgetsUnits")] == ["forward", "configuration"]


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_has_several_faults(category):
    assert len(CATEGORIES[category]) >= 4


def test_every_fault_that_is_hidden_has_a_bound_that_hides_it():
    assert set(HIDDEN) == set(CATEGORIES["equivalent"])
    assert all(bound.endswith(".") for bound in HIDDEN.values())


def test_every_fault_is_a_target_by_its_name():
    assert all(getattr(mutants, name) is fault for name, fault in GALLERY.items())


RENEW = f"the score is another; keep it anew, as CONTRIBUTING says: {score_file.KEPT}"


def test_the_score_that_is_kept_is_that_of_this_gallery(schema):
    document = json.loads(score_file.KEPT.read_text(encoding="utf-8"))
    jsonschema.validate(document, schema)
    assert document["backend"] == "tensorflow"
    kept = score_file.kept()
    assert {name: one.sentence for name, one in kept.items()} == {n: one.__doc__ for n, one in GALLERY.items()}, RENEW
    assert all(one.as_it_should_be for one in kept.values())


@pytest.mark.tensorflow
def test_the_score_that_is_kept_is_that_of_these_examples():
    """Of a fault a category that does not show at once, but soon; of one or another rounding may decide when."""
    kept = score_file.kept()
    chosen = [[name for name in names if kept[name].examples in range(2, 7)][:1] for names in CATEGORIES.values()]
    same = [score.find(name)[:-1] == kept[name][:-1] for names in chosen for name in names if name not in HIDDEN]
    assert len(same) > 15
    assert sum(same) > 0.8 * len(same), RENEW


def finding(name, *properties, examples=1, seconds=0.5):
    return Finding(name, GALLERY[name].__doc__, "attention", properties, examples, seconds)


FINDINGS = [
    finding("LogitsSquared", "output", "weights", examples=1, seconds=0.25),
    finding("ScaleMissing", "output", examples=6, seconds=2.0),
    finding("ScaleAppliedTwice", examples=100, seconds=9.0),
    finding("CausalStrict", examples=100, seconds=9.0),
    finding("ScalesTheQuery", examples=100, seconds=9.0),
]


def test_a_category_is_scored_by_the_faults_that_are_found():
    forward, causal = by_category(FINDINGS)
    assert (forward.name, forward.found, len(forward.findings)) == ("forward", 2, 3)
    assert forward.median_and_most("examples") == (3.5, 6)
    assert forward.median_and_most("seconds") == (1.125, 2.0)
    assert (causal.found, causal.median_and_most("examples")) == (0, (None, None))


def test_a_fault_that_is_hidden_is_as_it_should_be_if_it_is_not_found():
    assert [one.as_it_should_be for one in FINDINGS] == [True, True, False, False, True]
    assert not finding("ScalesTheQuery", "output").as_it_should_be


@pytest.fixture
def schema():
    return json.loads(files("parity_tests").joinpath("mutants.schema.json").read_text(encoding="utf-8"))


def test_the_findings_are_in_their_schema(schema):
    document = json.loads(to_json(FINDINGS))
    jsonschema.validate(document, schema)
    assert [fault["name"] for fault in document["faults"]] == [one.name for one in FINDINGS]
    assert document["faults"][-1]["hidden_by"] == HIDDEN["ScalesTheQuery"]
    assert [(one["name"], one["found"]) for one in document["categories"]] == [("forward", 2), ("causal", 0)]


def test_findings_that_contradict_themselves_are_not_in_the_schema(schema):
    document = json.loads(to_json(FINDINGS))
    document["faults"][0]["properties"] = []
    with pytest.raises(jsonschema.ValidationError, match="minItems"):
        jsonschema.validate(document, schema)


def test_a_table_fits_into_80_columns():
    console = Console(width=80, record=True, file=io.StringIO())
    longest = max(GALLERY, key=len)
    score_table.show([finding(longest, "hidden_positions", *"abcdefghijklm", examples=1000, seconds=99.5)], console)
    rows = [line.split() for line in console.export_text().splitlines()]
    assert [longest, "hidden_positions", "and", "13", "more", "1000", "99.50"] in rows


def test_the_command_writes_what_it_found(tmp_path, capsys, schema):
    path = tmp_path / "mutants.json"
    assert main(["mutants", "LogitsSquared", "ScalesTheQuery", "--examples", "5", "--json", str(path)]) == 0
    jsonschema.validate(json.loads(path.read_text()), schema)
    assert "1 of 1 found. None of 1 that cannot be told from rounding is found." in capsys.readouterr().out


def test_a_fault_that_is_not_found_exits_with_1(monkeypatch, capsys):
    monkeypatch.setattr(score, "first_disagreement", lambda subject, examples, *others: (examples, ()))
    assert main(["mutants", "LogitsSquared"]) == 1
    assert "0 of 1 found." in capsys.readouterr().out


def test_a_hidden_fault_that_is_found_exits_with_1(monkeypatch, capsys):
    monkeypatch.setattr(score, "first_disagreement", lambda *others: (1, ("output",)))
    assert main(["mutants", "ScalesTheQuery"]) == 1
    assert "the list of them is wrong" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["LogitSquared"], ["--examples", "0"], ["LogitsSquared", "--json", "/no/such/folder/mutants.json"]],
)
def test_what_cannot_be_used_exits_with_2_and_one_line(arguments, capsys):
    assert main(["mutants", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1


def test_an_unknown_fault_is_told_one_that_is_like_it():
    with pytest.raises(
        ValueError, match="expected a name of the gallery, such as LogitsSquared, received 'LogitSquared'"
    ):
        score.find("LogitSquared")
