"""Attention weights, taken out of a model."""

import keras
import numpy as np
import pytest

from keras_impl import SelfAttention, attention_weights, models


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    "builder", [models.self_attention_classifier, models.lstm_attention_classifier, models.gru_attention_classifier]
)
def test_the_weights_are_those_that_the_layer_itself_returns(builder):
    model, x = builder(features=6, units=4), numbers(2, 5, 6)
    layer = model.get_layer("self_attention")
    _, expected = layer(keras.Model(model.input, layer.input)(x), return_attention_scores=True)
    assert np.array_equal(attention_weights(model, x)["self_attention"], expected)


def test_every_attention_of_a_model_is_told_by_its_name():
    model = models.multi_head_attention_classifier(features=6, units=4, heads=3)
    weights = attention_weights(model, numbers(2, 5, 6))
    assert list(weights) == ["head_1", "head_2", "head_3"]
    assert {one.shape for one in weights.values()} == {(2, 5, 5)}
    assert not np.array_equal(weights["head_1"], weights["head_2"])


def test_the_words_of_each_sentence_are_told_sentence_by_sentence():
    model, document = models.hierarchical_attention_classifier(features=6, units=4), numbers(2, 3, 5, 6)
    weights = attention_weights(model, document)
    assert {name: one.shape for name, one in weights.items()} == {
        "word_pooling": (2, 3, 5),
        "sentence_attention": (2, 3, 3),
    }
    sentence = model.get_layer("sentences").layer
    for number in range(3):
        alone = attention_weights(sentence, document[:, number])["word_pooling"]
        assert np.array_equal(weights["word_pooling"][:, number], alone)


def test_the_weights_within_a_model_within_a_model_are_told():
    sequence = keras.Input((None, 6))
    inner = keras.Sequential([keras.Input((None, 6)), SelfAttention(name="within")], name="inner")
    outer = keras.Model(sequence, SelfAttention(name="after")(inner(sequence)))
    x = numbers(2, 5, 6)
    weights = attention_weights(outer, x)
    assert list(weights) == ["within", "after"]
    assert np.array_equal(weights["within"], attention_weights(inner, x)["within"])
    assert np.array_equal(weights["after"], outer.get_layer("after")(inner(x), return_attention_scores=True)[1])


def test_a_layer_that_is_called_twice_tells_both():
    sequence, layer = keras.Input((None, 6)), SelfAttention(name="twice")
    weights = attention_weights(keras.Model(sequence, layer(layer(sequence))), x := numbers(2, 5, 6))
    first, second = layer(x, return_attention_scores=True)
    assert np.array_equal(weights["twice"], second)
    assert np.array_equal(weights["twice@2"], layer(first, return_attention_scores=True)[1])


def test_padding_of_the_source_is_attended_by_no_token():
    model = models.translator(9, 9, units=4)
    source = np.array([[3, 4, 5, 0, 0], [3, 4, 5, 6, 7]], "int32")
    weights = attention_weights(model, [source, np.ones((2, 3), "int32")])["attention"]
    assert weights.shape == (2, 3, 5)
    assert np.array_equal(weights == 0, np.broadcast_to((source == 0)[:, None], weights.shape))


def test_a_model_is_left_as_it_was():
    model, x = models.attention_classifier(features=6, units=4), numbers(2, 5, 6)
    before, config = np.asarray(model(x)), model.get_config()
    attention_weights(model, x)
    assert np.array_equal(model(x), before)
    assert model.get_config() == config
    assert model.get_layer("attention").output.shape == (None, None, 4)  # refused by Keras if it were called again


def test_a_model_without_attention_is_refused():
    model = models.attention_classifier(features=6, attention=False)
    with pytest.raises(ValueError, match=r"Expected a model with AttentionLayer .* value \(Dense\)"):
        attention_weights(model, numbers(1, 2, 6))
