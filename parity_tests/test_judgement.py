"""What is known of a layer excuses that, and nothing else of it."""

import keras
import numpy as np
import pytest

import parity_tests
from parity_tests import adapters, mutants, strategies, subjects
from parity_tests.judgement import disagreements, judge
from parity_tests.layers import Layers
from parity_tests.properties import agreement, reloading

pytestmark = pytest.mark.backend


def causal_and_its_first_key_hidden():
    """Three positions: the first sees nothing, the second one key, the third two."""
    return parity_tests.Example(
        constructor={"scaled": False},
        dtype="float32",
        inputs={name: np.arange(9, dtype="float32").reshape(1, 3, 3) / 8 for name in ("query", "key", "value")},
        weights={},
        masks={"query_mask": None, "key_mask": np.array([[False, True, True]]), "value_mask": None},
        causal=True,
        d_output=np.arange(9, dtype="float32").reshape(1, 3, 3),
        d_weights=np.zeros((1, 3, 3), "float32"),
        judged=np.ones((1, 3), bool),
    )


def test_a_row_that_is_excused_excuses_no_other():
    class FaultyBesides(adapters.KerasAttention):
        def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask, **training):
            query, key, value = inputs
            doubled = [2 * query, key, value]
            return super().call(layer, doubled, masks, return_attention_scores, use_causal_mask, **training)

    example = causal_and_its_first_key_hidden()
    _, excuses = judge(agreement, Layers(adapters.KerasAttention()), example)["output"]
    assert excuses == ("nothing_visible",)
    outcome, excuses = judge(agreement, Layers(FaultyBesides()), example)["output"]
    assert (outcome.agrees, excuses) == (False, ())


def test_a_loss_of_precision_excuses_nothing_that_is_larger():
    class OffByATenth(keras.layers.Softmax):
        def call(self, inputs, mask=None):
            return 1.1 * super().call(inputs, mask=mask)

    settled = {"axis": (2, 3), "scores": "large", "dtype": "float32", "traced": False, "S": 8, "lengths": "free"}
    for layer, agrees in ((keras.layers.Softmax, True), (OffByATenth, False)):
        subject = subjects.find(layer)
        (drawn, *_) = strategies.of_corner(subject.kind, subject.options, settled, seed=0)
        outcome, excuses = judge(agreement, Layers(subject), drawn.example)["output_alone"]
        assert (outcome.agrees, excuses) == (agrees, ("softmax_over_several_axes",) if agrees else ())


@pytest.mark.tensorflow
def test_a_scale_that_is_known_to_be_rounded_excuses_no_other():
    plain = {"attention_axes": None, "causal": False, "sliding_window": None, "attention_mask given": False}
    settled = {**plain, "dtype": "float64", "traced": False, "d_k": 3, "values": "moderate", "T": 4, "S": 5}
    for layer, agrees in ((keras.layers.MultiHeadAttention, True), (mutants.ScaleOfAllHeads, False)):
        subject = subjects.find(layer)
        (drawn, *_) = strategies.of_corner(subject.kind, subject.options, settled, seed=0)
        outcome, excuses = judge(agreement, Layers(subject), drawn.example)["d_W_q"]
        assert (outcome.agrees, excuses) == (agrees, ("scale_in_float32",) if agrees else ())


def test_an_error_that_is_not_the_known_one_is_not_excused():
    class Refusing(adapters.KerasMultiHeadAttention):
        def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask, **how):
            raise ValueError("something else")

    settled = {"attention_axes": 2, "causal": True, "B": 4, "T": 3, "S": 5, "lengths": "free", "traced": False}
    excused = []
    for subject in (adapters.KerasMultiHeadAttention(), Refusing()):
        (drawn, *_) = strategies.of_corner(subject.kind, subject.options, settled, seed=0)
        layers = Layers(adapters.KerasMultiHeadAttention())
        made = layers.of(drawn.example)  # a layer that could be called, and made its weights
        layers.subject = made.subject = subject
        outcome, excuses = judge(agreement, layers, drawn.example)["agreement"]
        excused.append((outcome.agrees, "causal_along_another_axis" in excuses))
    assert excused == [(True, True), (False, False)]


def test_what_excuses_gradients_excuses_no_output():
    class FaultyInOneItem(adapters.KerasAttention):
        def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask, **training):
            results = super().call(layer, inputs, masks, return_attention_scores, use_causal_mask, **training)
            output, weights = results if return_attention_scores else (results, None)
            output = 2 * output
            return (output, weights) if return_attention_scores else output

    # In float16, a query that sees nothing and whose scores lie below -16 spoils the gradients of its whole item.
    example = causal_and_its_first_key_hidden()
    halves = {name: (array + 4).astype("float16") for name, array in example.inputs.items()}
    halves["query"] = -halves["query"]
    d_output, d_weights = example.d_output.astype("float16"), example.d_weights.astype("float16")
    example = example._replace(dtype="float16", inputs=halves, d_output=d_output, d_weights=d_weights)
    outcome, excuses = judge(agreement, Layers(FaultyInOneItem()), example)["output"]
    assert (outcome.agrees, excuses) == (False, ())


def test_a_layer_is_excused_by_what_it_is_derived_from_and_no_other_is():
    class Derived(keras.layers.Attention):
        pass

    class Impostor(adapters.KerasAttention):
        def __init__(self):
            super().__init__()
            self.known_as = "impostor"

    for subject, excused in ((subjects.find(Derived), True), (Impostor(), False)):
        outcome, excuses = judge(agreement, Layers(subject), causal_and_its_first_key_hidden())["output"]
        assert (outcome.agrees, bool(excuses)) == (excused, excused)


def test_an_example_that_is_excused_as_a_whole_may_have_no_items():
    subject = adapters.KerasDotProductAttention()
    settled = {"H": 2, "groups": 2, "B": 0, "lengths": "free", "traced": False}
    (drawn, *_) = strategies.of_corner(subject.kind, subject.options, settled, seed=0)
    assert all(outcome.agrees for outcome, _ in judge(agreement, Layers(subject), drawn.example).values())


def test_what_is_no_number_where_nothing_is_visible_is_none_when_reloaded_either():
    example = subjects.KINDS["attention"].plain()
    halves = {name: array.astype("float16") for name, array in example.inputs.items()}
    masks = {**example.masks, "key_mask": np.zeros((1, 2), dtype=bool)}  # on PyTorch the output is then NaN
    example = example._replace(dtype="float16", inputs=halves, masks=masks, weights={})
    assert not disagreements(reloading, Layers(adapters.KerasAttention()), example)
