"""The kind of a layer is guessed as one would, and what it lacks is said with the guess."""

import keras
import pytest

import keras_impl
import parity_tests
from parity_tests import mutants, subjects


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


class Unchanged(keras.layers.Attention):
    """Has both modes of its base."""


class DotOnly(keras.layers.Attention):
    """Does not let its mode be chosen."""

    def __init__(self, use_scale=False, dropout=0.0, seed=None, dtype=None):
        super().__init__(use_scale=use_scale, dropout=dropout, seed=seed, dtype=dtype)


class RefusesConcat(keras.layers.Attention):
    """Takes a mode, and refuses one of the two."""

    def __init__(self, score_mode="dot", **options):
        if score_mode == "concat":
            raise ValueError("no such mode")
        super().__init__(score_mode=score_mode, **options)


UNCHANGED = f"{__name__}:Unchanged"


def modes(*targets, kind=None):
    return [(subject.target, subject.kind.name) for subject in subjects.chosen(targets, kind)]


@pytest.mark.parametrize("target", [Unchanged, UNCHANGED])
def test_a_layer_that_is_derived_from_one_with_two_modes_is_checked_in_both(target):
    assert modes(target) == [(UNCHANGED, "attention"), (f"{UNCHANGED}.concat", "additive_attention")]
    report = parity_tests.check(target, examples=5, corners=False)
    assert report.agrees
    assert len(report.subjects) == 2


@pytest.mark.parametrize("kind", ["attention", "additive_attention"])
def test_with_a_kind_it_is_checked_in_that_mode_alone(kind):
    assert modes(UNCHANGED, kind=kind) == [(UNCHANGED, kind)]
    assert parity_tests.check(UNCHANGED, kind=kind, examples=5, corners=False).agrees


def test_its_other_mode_is_a_target_of_its_own():
    assert modes(f"{UNCHANGED}.concat") == [(f"{UNCHANGED}.concat", "additive_attention")]
    with pytest.raises(ValueError, match=r"^kind: expected additive_attention for .*:Unchanged.concat, received"):
        subjects.find(f"{UNCHANGED}.concat", "attention")


def test_a_layer_of_one_mode_has_no_other():
    assert [kind for _, kind in modes(DotOnly)] == ["attention"]
    with pytest.raises(ValueError, match=r"^target: expected a class with the mode concat, received"):
        subjects.find("keras.layers:AdditiveAttention.concat")


def test_a_mode_that_fails_is_refused_with_the_way_to_leave_it_out():
    with pytest.raises(ValueError, match=r"its other mode, which --kind attention leaves out.*: no such mode$"):
        subjects.chosen([RefusesConcat])
    assert [kind for _, kind in modes(RefusesConcat, kind="attention")] == ["attention"]


@pytest.mark.parametrize("fault", [mutants.QueryForgottenInConcat, mutants.ForgetsItsScoreMode])
def test_a_fault_of_the_other_mode_is_found_without_a_kind(fault, only_corners):
    only_corners(lambda choices: choices.get("d_k") == 1)
    in_dot, in_concat = parity_tests.check(fault, examples=1).subjects
    assert in_dot.verdict in ("agrees", "known")
    assert in_concat.verdict in ("disagrees", "error")
