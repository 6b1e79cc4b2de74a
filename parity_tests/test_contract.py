"""What cannot be checked is refused before anything is, in one line that says why."""

import keras
import pytest

import keras_impl
import parity_tests
from parity_tests.subject import Subject


class IgnoresTheQuestion(keras_impl.AttentionLayer):
    """Returns the output alone, whatever was asked for."""

    def call(self, inputs, mask=None, return_attention_scores=False, use_causal_mask=False):
        return super().call(inputs, mask=mask, use_causal_mask=use_causal_mask)


class AlwaysReturnsBoth(keras_impl.AttentionLayer):
    """Returns the weights too, whatever was asked for."""

    def call(self, inputs, mask=None, return_attention_scores=False, use_causal_mask=False):
        return super().call(inputs, mask=mask, return_attention_scores=True, use_causal_mask=use_causal_mask)


class HasAnExtraWeight(keras_impl.AttentionLayer):
    """Learns a gain, which starts out at 1."""

    def build(self, input_shape):
        super().build(input_shape)
        self.gain = self.add_weight(name="gain", shape=(), initializer="ones")

    def compute_output(self, weights, value, training):
        return self.gain * super().compute_output(weights, value, training)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (IgnoresTheQuestion, r"results: expected \(output, weights\), received a tensor of shape \(1, 2, 3\)"),
        (AlwaysReturnsBoth, "results: expected the output alone, received 2 results"),
        (HasAnExtraWeight, "weights: expected none, received gain"),
    ],
)
def test_a_layer_that_breaks_the_contract_is_refused(layer, message):
    with pytest.raises(ValueError, match=message):
        parity_tests.check(layer, kind="attention", examples=1)


class HasAGainBesideItsBiases(keras_impl.SelfAttention):
    """Breaks the contract with an option only."""

    def build(self, input_shape):
        super().build(input_shape)
        if self.use_bias:
            self.gain = self.add_weight(name="gain", shape=(), initializer="ones")


def test_a_layer_that_breaks_the_contract_with_an_option_is_refused():
    with pytest.raises(ValueError, match=r"weights: expected W_q .* b_v \(3,\), received .* gain \(\)"):
        parity_tests.check(HasAGainBesideItsBiases, kind="self_attention", examples=1)


class IgnoresTheMask(keras.layers.Layer):
    """Has no masks."""

    def __init__(self, scaled=False, **kwargs):
        super().__init__(**kwargs)

    def call(self, inputs, return_attention_scores=False):
        return inputs[0]


class Raises(keras_impl.AttentionLayer):
    """Cannot be called."""

    def compute_scores(self, query, key):
        raise RuntimeError("no kernel")


def test_an_adapter_that_cannot_be_made_is_refused_in_one_line():
    class NeedsMore(Subject):
        pass

    with pytest.raises(ValueError, match="expected a Subject that is made without arguments") as error:
        parity_tests.check(NeedsMore, examples=1)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("target", "kind", "message"),
    [
        ("nonsense", None, "expected package.module:LayerClass or one of keras_impl:AttentionLayer"),
        ("no.such.module:Layer", None, "No module named 'no'"),
        ("keras_impl:NoSuchLayer", None, "has no attribute 'NoSuchLayer'"),
        ("keras_impl:AttentionLayer", "no_such_kind", "expected one of attention, self_attention, attention_pooling"),
        ("keras_impl:AttentionLayer", "self_attention", "expected attention for keras_impl:AttentionLayer"),
        ("collections:OrderedDict", None, "expected a keras.layers.Layer or a Subject"),
        (keras.layers.Dense, None, "whose __init__ takes no scaled"),
        (IgnoresTheMask, "attention", "whose call takes no mask and no use_causal_mask"),
        (Raises, "attention", "which cannot be called as one: RuntimeError: Exception encountered .*no kernel$"),
    ],
)
def test_a_target_that_cannot_be_used_is_refused_in_one_line(target, kind, message):
    with pytest.raises(ValueError, match=message) as error:
        parity_tests.check(target, kind=kind, examples=1)
    assert "\n" not in str(error.value)


def test_another_backend_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    with pytest.raises(ValueError, match=r"^backend: expected one of tensorflow, jax, torch, received numpy$"):
        parity_tests.check("keras_impl:AttentionLayer", examples=1)


def test_no_examples_are_refused():
    with pytest.raises(ValueError, match="examples: expected at least 1, received 0"):
        parity_tests.check(examples=0)
