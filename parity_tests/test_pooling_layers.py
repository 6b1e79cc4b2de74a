"""What makes the layers that pool good citizens of Keras: masks, dynamic lengths, saving, clear errors."""

import keras
import numpy as np
import pytest

from keras_impl import AttentionPooling, HierarchicalAttention
from parity_tests.backend import to_numpy
from parity_tests.comparison import within_bound
from reference import attention_pooling, hierarchical_attention
from reference.rounding import FLOAT32, track

pytestmark = pytest.mark.backend


def random(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def tracked(layer):
    """The weights of a layer, whose error is followed."""
    return [track(to_numpy(weight), FLOAT32) for weight in layer.weights]


def test_a_model_takes_sequences_of_any_length():
    sequence = keras.Input((None, 3))
    layer = AttentionPooling(units=2)
    model = keras.Model(sequence, layer(sequence, return_attention_scores=True))
    assert [output.shape for output in model.outputs] == [(None, 3), (None, None)]
    W_a, context, b_a = tracked(layer)
    for T in (1, 4, 7):
        x = random(2, T, 3)
        truth = attention_pooling(track(x, FLOAT32), W_a, context, b_a=b_a)
        output, weights = model.predict(x, verbose=0)
        assert within_bound(output, truth.output).agrees
        assert within_bound(weights, truth.weights).agrees


def test_padding_of_embedded_words_is_no_part_of_a_document():
    tokens = keras.Input((None, None), dtype="int32")
    embedding, layer = keras.layers.Embedding(9, 4, mask_zero=True), HierarchicalAttention()
    model = keras.Model(tokens, layer(embedding(tokens), return_attention_scores=True))
    document = np.array([[[1, 2, 0], [0, 0, 0], [3, 0, 0]]])
    output, weights = model(document)
    assert np.array_equal(to_numpy(weights) > 0, document > 0)
    W_word, context_word, b_word, W_sentence, context_sentence, b_sentence = tracked(layer)
    x = track(to_numpy(embedding.embeddings)[document], FLOAT32)
    truth = hierarchical_attention(
        x, W_word, context_word, W_sentence, context_sentence, b_word=b_word, b_sentence=b_sentence, mask=document > 0
    )
    assert within_bound(to_numpy(output), truth.output).agrees


def test_what_is_pooled_of_several_sequences_has_the_mask_of_those_that_are_not_empty():
    mask = np.array([[[True, False], [False, False]]])
    assert np.array_equal(AttentionPooling().compute_mask(random(1, 2, 2, 3), mask), [[True, False]])
    assert AttentionPooling().compute_mask(random(1, 2, 3), mask[0]) is None
    assert HierarchicalAttention().compute_mask(random(1, 2, 2, 3), mask) is None


@pytest.mark.parametrize(
    "layer",
    [
        AttentionPooling(units=4, use_bias=False, kernel_initializer="he_normal", context_initializer="ones"),
        HierarchicalAttention(units=4, use_bias=False),
    ],
)
def test_a_configuration_comes_back_as_it_was(layer):
    again = layer.__class__.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def test_weights_of_words_come_before_those_of_sentences():
    layer = HierarchicalAttention(units=2)
    layer.build((None, None, None, 3))
    assert [weight.path.partition("/")[2] for weight in layer.weights] == [
        "words/W_a", "words/context", "words/b_a", "sentences/W_a", "sentences/context", "sentences/b_a",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (AttentionPooling, (2, 3), r"AttentionPooling expects x to have shape \(B, ..., T, d\). Received: x.shape="),
        (HierarchicalAttention, (2, 3, 4), r"HierarchicalAttention expects x to have shape \(B, N, T, d\). Received"),
        (HierarchicalAttention, (2, 3, 4, 5, 6), r"expects x to have shape \(B, N, T, d\). Received: x.shape="),
    ],
)
def test_a_wrong_rank_is_refused(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer()(random(*shape))


@pytest.mark.parametrize(
    ("layer", "shape", "of_mask"),
    [(AttentionPooling, (2, 4, 3), (2, 3)), (HierarchicalAttention, (2, 4, 5, 3), (2, 4))],
)
def test_a_mask_that_does_not_fit_is_refused(layer, shape, of_mask):
    with pytest.raises(ValueError, match=r"expects mask to be a tensor of shape .* Received: a tensor of shape"):
        layer()(random(*shape), mask=np.ones(of_mask, dtype=bool))


@pytest.mark.parametrize("layer", [AttentionPooling, HierarchicalAttention])
def test_impossible_units_are_refused(layer):
    with pytest.raises(ValueError, match=r"Expected a positive integer or None. Received: units=0"):
        layer(units=0)
