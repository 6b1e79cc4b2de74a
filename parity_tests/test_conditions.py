"""Conditions hold where a layer differs, and where it does not they do not."""

import itertools

import keras
import numpy as np
import pytest

from parity_tests import adapters, conditions, mutants, strategies, subjects
from parity_tests.backend import computed_dtype
from parity_tests.conditions import CONDITIONS
from parity_tests.judgement import disagreements, judge
from parity_tests.layers import Layers
from parity_tests.properties import agreement, hidden_positions, outcomes

pytestmark = pytest.mark.backend


def test_hidden_contents_leak_into_keras_only_where_it_is_known():
    # A hidden key whose score of 3e10 is still higher than the other's after 1e9 is taken away.
    subject = adapters.KerasAttention()
    example = subject.kind.plain(subject.options)
    key = np.array([[[1.0] * 3, [1e10] * 3]], "float32")
    mask = np.array([[True, False]])
    example = example._replace(
        inputs={**example.inputs, "key": key}, masks={**example.masks, "key_mask": mask, "value_mask": mask}
    )
    outcome, excuses = judge(hidden_positions, Layers(subject), example)["hidden_positions"]
    assert (outcome.agrees, excuses) == (True, ("hidden_outscores",))


PADDED = {"key_mask given": True, "query_mask given": False, "value_mask given": False}
SIZES = {"lengths": "free", "B": 4, "T": 3, "S": 4, "depths": "free", "d_k": 3, "d_v": 3}
LEAKS = {"LeaksInFloat64": True, "LeaksInFloat64WithoutWeights": False}  # with weights


@pytest.mark.parametrize("name", LEAKS)
def test_what_computes_float64_in_float32_may_not_let_hidden_contents_in(name):
    fault = mutants.GALLERY[name]
    of_call = {"dtype": "float64", "traced": False, "causal": False, "d_weights": LEAKS[name], "dropout": 0.0}
    of_masks = {**PADDED, "attention_mask given": False, "attention_axes": None, "sliding_window": None}
    for layer, agrees in ((fault.__base__, True), (fault, False)):
        subject = subjects.find(layer)
        settled = {**of_call, **of_masks, **SIZES, "values": "integers"}
        example = next(strategies.of_corner(subject.kind, subject.options, settled, seed=0)).example
        other = subject.kind.replace_hidden(example).inputs
        assert any(np.any(array != other[key]) for key, array in example.inputs.items()), "nothing is hidden"
        assert bool(disagreements(hidden_positions, Layers(subject), example)) != agrees


def test_scores_that_overflow_in_float32_are_known_where_float64_is_computed_in_it():
    for kind, in_float32 in (("attention_of_heads", True), ("attention", False)):
        example = subjects.KINDS[kind].plain()
        inputs = {name: 1e5 * array.astype("float64") for name, array in example.inputs.items()}  # scores of 3e10
        example = example._replace(dtype="float64", inputs=inputs, d_weights=None)
        known = conditions.scores.overflowing_scores_without_weights(subjects.KINDS[kind], example).all()
        assert known == (in_float32 or computed_dtype("float64") == "float32")


@pytest.mark.parametrize("d_k", [1, 3, 4])
@pytest.mark.parametrize("scaled", [False, True])
def test_large_scores_are_no_numbers_only_if_they_are_multiplied_last_and_that_is_rounded(d_k, scaled):
    subject = subjects.find("keras_impl:AttentionLayer")
    of_call = {"dtype": "float32", "traced": True, "scaled": scaled, "depths": "free", "d_k": d_k, "lengths": "free"}
    settled = {**of_call, "B": 2, "T": 3, "S": 4, "key_mask given": False, "causal": False, "values": "integers"}
    example = next(strategies.of_corner(subject.kind, subject.options, settled, seed=0)).example
    inputs = {name: np.full_like(array, 1e6) for name, array in example.inputs.items()}  # scores of 1e12
    rows = CONDITIONS["scaled_scores_compiled"](subject.kind, example._replace(inputs=inputs))
    rounded = d_k == 1 or (scaled and d_k == 3)
    assert rows.all() == rows.any() == (rounded and keras.backend.backend() == "jax")


def test_jax_compiles_bfloat16_but_for_the_sizes_that_are_known():
    subject = adapters.KerasDotProductAttention()
    on_jax = keras.backend.backend() == "jax"
    for B, T, S, d_k in itertools.product((1, 2), repeat=4):
        sizes = {"H": 1, "groups": 1, "B": B, "T": T, "S": S, "d_k": d_k, "lengths": "free"}
        settled = {**sizes, "dtype": "bfloat16", "traced": True}
        example = next(strategies.of_corner(subject.kind, subject.options, settled, seed=0)).example
        known = conditions.dtypes.one_number_bfloat16_compiled(subject.kind, example)
        raised = outcomes(agreement, Layers(subject), example).get("agreement")
        assert (raised is not None and "ElementalIrEmitter" in raised.message) == (on_jax and known)


ALIKE = {"T": 3, "S": 3, "B": 2, "lengths": "free", "depths": "free", "use_bias": True, "attention_axes": None}


@pytest.mark.tensorflow
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("bias", [{"H": 3, "d_k": 1, "d_v": 1}, {"H": 2, "d_k": 2, "d_output": 3, "output axes": 2}])
def test_biases_go_along_another_axis_in_a_graph_that_knows_its_sizes(bias, known):
    subject = subjects.find("keras.layers.MultiHeadAttention")
    settled = {**ALIKE, **bias, "dtype": "float32", "traced": True, "sizes known": known}
    example = next(strategies.of_corner(subject.kind, subject.options, settled, seed=0)).example
    assert conditions.options.bias_along_another_axis(subject.kind, example) == known
    found = judge(agreement, Layers(subject), example).values()
    assert any("bias_along_another_axis" in excuses for _, excuses in found) == known
    assert all(outcome.agrees for outcome, _ in found)
