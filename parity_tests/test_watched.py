"""What a call does to the tensors that it is handed is seen, whatever it returns."""

import keras
import numpy as np
import pytest
from keras.src.backend import set_keras_mask  # for which there is nothing public

from parity_tests import adapters, subjects
from parity_tests.judgement import judge
from parity_tests.layers import Layers
from parity_tests.properties import outcomes, repeated_calls
from parity_tests.trials.watched import watch


def masked():
    tensor = keras.ops.ones((1, 2, 3))
    set_keras_mask(tensor, keras.ops.convert_to_tensor([[True, False]]))
    return tensor


class Called:
    """A function in a layer's place."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *tensors):
        return self.function(*tensors)


def watched(function, *tensors):
    layer = Called(function)
    with watch(layer) as one:
        layer(*tensors)
    return one


@pytest.mark.backend
def test_a_call_that_leaves_all_as_it_was_is_seen_to():
    one = watched(lambda tensor: tensor + 1, masked())
    assert one.unchanged().agrees
    assert one.masks_kept().agrees


@pytest.mark.backend
def test_without_masks_nothing_is_said_of_them():
    assert watched(lambda tensor: tensor + 1, keras.ops.ones((1, 2, 3))).masks_kept() is None


@pytest.mark.backend
def test_a_mask_that_is_taken_away_is_seen():
    one = watched(lambda tensor: set_keras_mask(tensor, None), masked())
    assert one.unchanged().agrees
    assert not one.masks_kept().agrees


@pytest.mark.backend
@pytest.mark.parametrize("tensor", [masked, lambda: keras.ops.ones((1, 2, 3))], ids=["masked", "without a mask"])
def test_another_mask_that_is_left_is_seen(tensor):
    one = watched(lambda tensor: set_keras_mask(tensor, keras.ops.convert_to_tensor([[True, True]])), tensor())
    assert not one.unchanged().agrees


def test_contents_that_are_changed_are_seen():
    array = np.ones((1, 2, 3))
    assert not watched(lambda array: np.copyto(array, 2.0), array).unchanged().agrees


def test_what_is_no_number_is_unchanged():
    assert watched(lambda array: None, np.full(3, np.nan)).unchanged().agrees


@pytest.mark.backend
def test_what_is_watched_is_the_layer_itself_and_is_so_no_longer_than_it_is_watched():
    layer = keras.layers.Dense(2)
    with watch(layer) as one:
        assert isinstance(layer, keras.layers.Dense)
        layer.note = "kept"
        layer(keras.ops.ones((1, 3)))
    assert (type(layer), layer.note, len(one.seen)) == (keras.layers.Dense, "kept", 1)
    layer(keras.ops.ones((1, 3)))
    assert len(one.seen) == 1


class Around(keras.layers.Layer):
    """A layer with another in it."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def call(self, inputs):
        return self.layer(inputs)


class InAModel(adapters.KerasSoftmax):
    """Keras's layer, which is called as a part of another, and that as a part of a model."""

    def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask):
        assert isinstance(layer, keras.layers.Softmax)
        layer.note = "kept"
        scores = keras.Input(batch_shape=inputs[0].shape)
        return keras.Model(scores, Around(layer)(scores))(inputs[0])


@pytest.mark.backend
def test_an_adapter_may_do_with_what_is_watched_what_it_may_with_any_layer():
    subject = InAModel()
    outcome = outcomes(repeated_calls, Layers(subject), subject.kind.plain())["repeated_calls"]
    assert outcome.agrees, outcome.message


@pytest.mark.backend
def test_the_masks_that_multi_head_attention_takes_away_are_known_and_its_calls_are_checked_all_the_same():
    subject = subjects.find("keras.layers.MultiHeadAttention")
    example = subject.kind.plain(subject.options)
    example = example._replace(masks={**example.masks, "query_mask": np.ones((1, 2), dtype=bool)})
    judged = judge(repeated_calls, Layers(subject), example)
    assert judged["masks_kept"][1] == ("mask_taken_away",)
    assert judged["repeated_calls"] == (judged["repeated_calls"][0], ())
    assert judged["repeated_calls"][0].agrees
