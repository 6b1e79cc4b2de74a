"""The check as a whole: sound layers agree, reports say what was found."""

import itertools
import json
import os
import subprocess
import sys
from importlib.resources import files

import jsonschema
import keras
import pytest
from hypothesis import given

import keras_impl
import parity_tests
from parity_tests import divergences, search, subjects, tally
from parity_tests.comparison import Outcome
from parity_tests.counterexample import script
from parity_tests.mutants import KeyGradientHalved
from parity_tests.properties import due
from parity_tests.report import Counterexample
from parity_tests.strategies import families

SUBJECTS = list(subjects.registered())


# How many examples, and whether corners: JAX compiles each size.
EXAMPLES = {"tensorflow": (32, True), "torch": (32, True), "jax": (4, False)}[keras.backend.backend()]


@pytest.mark.backend
@pytest.mark.parametrize("target", SUBJECTS)
def test_registered_layers_agree(target, monkeypatch, only_corners):
    examples, corners = EXAMPLES
    monkeypatch.setattr(search, "OF_EACH_CORNER", 1)  # they take most of the time
    number = SUBJECTS.index(target)
    turn = itertools.count(number)  # every other corner, and of the next subject the others
    only_corners(lambda choices: next(turn) % 2 == 0)
    if keras.backend.backend() == "jax" and target.startswith("keras."):  # without trials that compile much
        monkeypatch.setattr(search, "due", lambda example: due(example + 1))
    tallies = tally.gather(subjects.find(target), examples, seed=number, corners=corners)
    assert tallies
    assert not {name: one.counterexample for name, one in tallies.items() if one.disagreements}
    if target.startswith("keras_impl:"):  # of which nothing is known that is not known of Keras
        entries = divergences.read()
        of_keras = {one.name for one in entries if not all(of.startswith("keras_impl:") for of in one.subjects)}
        assert {name for one in tallies.values() for name in one.excuses} <= of_keras


def test_every_property_is_checked(only_corners):
    only_corners(lambda choices: {"dropout", "scaled"} & choices.keys())
    report = parity_tests.check("keras_impl:AttentionLayer", "keras_impl:SelfAttention", examples=5)
    attention, self_attention = ({one.name for one in subject.properties} for subject in report.subjects)
    results = {"output", "output_alone", "weights", "dtype"}
    calls = {"hidden_positions", "permutation", "compute_mask", "repeated_calls", "symbolic", "reloading"}
    dropped = {"dropout", "dropout_rate", "dropout_seed", "weights_in_training", "gradients_in_training"}
    assert attention == results | calls | dropped | {"d_query", "d_key", "d_value"}
    of_weights = {f"d_{letter}_{which}" for letter in "Wb" for which in "qkv"}
    assert self_attention == results | calls | dropped | of_weights | {"d_x"}


def test_the_learned_scale_of_keras_gets_its_gradient_checked():
    report = parity_tests.check("keras.layers.Attention", examples=20, corners=False)
    assert "d_scale" in {one.name for one in report.subjects[0].properties}


def test_the_same_seed_finds_the_same():
    first, second = (
        parity_tests.check(keras_impl.AttentionLayer, examples=10, seed=3, corners=False) for _ in range(2)
    )
    assert first.subjects[0].properties == second.subjects[0].properties


@pytest.fixture(scope="module")
def report():
    """What is said of a layer of which something is known, and of a faulty one."""
    return parity_tests.check("keras.layers.Attention", KeyGradientHalved, examples=30, corners=False)


def test_a_report_keeps_to_its_schema(report):
    schema = json.loads(files("parity_tests").joinpath("report.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(report.to_json()), schema)
    assert [subject["verdict"] for subject in json.loads(report.to_json())["subjects"]] == ["known", "disagrees"]


def test_only_the_faulty_property_disagrees(only_corners):
    only_corners(lambda choices: "dropout" in choices)
    report = parity_tests.check(KeyGradientHalved, kind="attention", examples=30)
    assert [one.name for one in report.subjects[0].properties if one.verdict != "agrees"] == [
        "d_key",
        "gradients_in_training",
    ]
    assert not report.agrees


def test_a_counterexample_is_a_script_that_runs_on_its_own(report, tmp_path):
    counterexample = next(one.counterexample for one in report.subjects[1].properties if one.counterexample)
    path = tmp_path / "counterexample.py"
    path.write_text(script(counterexample), encoding="utf-8")
    finished = subprocess.run([sys.executable, path], capture_output=True, text=True, cwd=tmp_path)
    assert finished.returncode == 1, finished.stderr
    assert "d_key disagrees with the reference at [" in finished.stdout


@pytest.mark.parametrize("kind", subjects.KINDS.values(), ids=list(subjects.KINDS))
def test_a_script_holds_the_example_to_the_bit(kind):
    @given(families(kind, kind.options))
    def holds(family):
        example = family[0].example
        text = script(Counterexample("module:Layer", kind.name, "output", example, Outcome(False)))
        definition = text.partition("from parity_tests")[0] + "example = " + text.partition("example = ")[2]
        names = {"Example": parity_tests.Example}
        exec(definition.partition("raise SystemExit")[0], names)
        again = names["example"]
        for before, after in zip(leaves(example), leaves(again), strict=True):
            assert before.dtype == after.dtype
            assert before.shape == after.shape
            assert before.tobytes() == after.tobytes()
        assert (again.constructor, again.causal, again.policy) == (example.constructor, example.causal, example.policy)
        assert (again.traced, again.sizes_known) == (example.traced, example.sizes_known)

    holds()


def leaves(example):
    fields = (*example.inputs.values(), *example.weights.values(), *example.masks.values())
    return [array for array in (*fields, example.d_output, example.d_weights, example.judged) if array is not None]


def test_a_layer_that_raises_is_an_error():
    class RaisesInFloat64(keras_impl.AttentionLayer):
        def compute_scores(self, query, key):
            if self.compute_dtype == "float64":
                raise RuntimeError("no such kernel")
            return super().compute_scores(query, key)

    report = parity_tests.check(RaisesInFloat64, examples=30, corners=False)
    assert report.subjects[0].verdict == "error"
    agreement = next(one for one in report.subjects[0].properties if one.name == "agreement")
    assert "no such kernel" in agreement.counterexample.outcome.message


@pytest.mark.ci
@pytest.mark.tensorflow
def test_layers_agree_with_onednn_too(tmp_path):
    # Users run with it; it must be set before TensorFlow is imported, so this is a process of its own.
    path = tmp_path / "report.json"
    targets = ["keras_impl:SelfAttention", "keras.ops.dot_product_attention"]
    command = [
        sys.executable,
        "-m",
        "parity_tests",
        "check",
        *targets,
        "--examples",
        "24",
        "--no-corners",
        "--seed",
        "5",
        "--json",
        path,
    ]
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1"}
    finished = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert len(json.loads(path.read_text())["subjects"]) == len(targets)
