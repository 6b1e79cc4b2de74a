"""The kind of a layer is guessed as one would, and what it lacks is said with the guess."""

import keras
import pytest

import keras_impl
import parity_tests
from parity_tests import subjects


class BeginsWithInputs(keras_impl.SelfAttention):
    """Names its sequence as Keras's layers do."""

    def call(self, inputs, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        return super().call(inputs, mask, training, return_attention_scores, use_causal_mask)


class TakesUnits(keras_impl.AttentionLayer):
    """Has the name of a constructor's argument that the kind self_attention has."""

    def __init__(self, scaled=False, units=None, **kwargs):
        super().__init__(scaled=scaled, **kwargs)


class BeginsWithX(keras_impl.AttentionLayer):
    """Names its list of inputs as a layer of the kind self_attention names its sequence."""

    def call(self, x, mask=None, training=None, return_attention_scores=False, use_causal_mask=False):
        return super().call(x, mask, training, return_attention_scores, use_causal_mask)


class KeysFirst(keras_impl.SelfAttention):
    """Has the weights of its kind in another order."""

    @property
    def weights(self):
        W_q, W_k, *others = super().weights
        return [W_k, W_q, *others]


class OtherNames(keras_impl.SelfAttention):
    """Has weights in the right order, under names of its own, and no biases."""

    def __init__(self, units=None, scaled=False, dtype=None):
        super().__init__(units, scaled, dtype=dtype)

    def build(self, input_shape):
        shape = (input_shape[-1], input_shape[-1] if self.units is None else self.units)
        self.W_q, self.W_k, self.W_v = (self.add_weight(shape=shape, name=name) for name in ("b", "c", "a"))
        self.b_q = self.b_k = self.b_v = None
        self.attention.build([(*input_shape[:-1], shape[1])] * 3)


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (keras_impl.AttentionLayer, "attention"),
        (keras_impl.SelfAttention, "self_attention"),
        (BeginsWithInputs, "self_attention"),
        (TakesUnits, "attention"),
        (BeginsWithX, "attention"),
    ],
)
def test_a_layer_is_of_the_kind_whose_contract_it_keeps(layer, kind):
    assert subjects.find(layer).kind.name == kind


def test_a_kind_that_is_named_is_not_guessed():
    with pytest.raises(ValueError, match=r"^target: expected a layer of kind attention, received .*:SelfAttention, "):
        subjects.find(keras_impl.SelfAttention, "attention")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            keras.layers.Dense,
            r"self_attention \(guessed, as its constructor takes units; "
            r"other kinds: attention, attention_pooling, hierarchical_attention\), "
            "received .*:Dense, whose __init__ takes no scaled$",
        ),
        (
            keras.layers.Flatten,
            r"attention \(guessed, as its constructor takes no units and its call begins with inputs; "
            r"other kinds: self_attention, attention_pooling, hierarchical_attention\), "
            "received .*:Flatten, whose __init__ takes no scaled$",
        ),
    ],
)
def test_a_layer_of_no_kind_is_refused_with_the_guess_and_its_reason(layer, message):
    with pytest.raises(ValueError, match=f"^target: expected a layer of kind {message}"):
        subjects.find(layer)


def test_weights_in_another_order_are_refused():
    with pytest.raises(ValueError, match=r"weights: expected W_q \(3, 3\), W_k .*, received W_k .*, in another order$"):
        subjects.find(KeysFirst, "self_attention")


def test_weights_of_other_names_are_taken_in_the_order_that_they_have():
    assert subjects.find(OtherNames, "self_attention").kind.name == "self_attention"


def test_an_adapter_knows_better_than_names_which_weights_are_which():
    class Adapted(subjects.Subject):
        def __init__(self):
            super().__init__("adapted", subjects.SELF_ATTENTION, KeysFirst)

    assert subjects.find(Adapted).layer_class is KeysFirst


class HandsOn(keras_impl.AttentionLayer):
    """Takes what its base takes, and drops nothing."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)

    def compute_output(self, weights, value, training):
        return super().compute_output(weights, value, False)


def test_options_that_are_handed_on_to_a_base_are_checked(only_corners):
    only_corners(lambda choices: "dropout" in choices)
    assert subjects.find(HandsOn).options == {"dropout", "seed"}
    report = parity_tests.check(HandsOn, examples=1)
    assert "dropout" in [one.name for one in report.subjects[0].properties if one.verdict == "disagrees"]
