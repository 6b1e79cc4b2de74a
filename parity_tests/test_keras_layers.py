"""What makes a layer a good citizen of Keras: masks, dynamic lengths, saving, precision, clear errors."""

import keras
import numpy as np
import pytest

from keras_impl import AttentionLayer, SelfAttention
from parity_tests.backend import to_numpy
from parity_tests.comparison import compare, within_bound
from reference import dot_product_attention, scaled_dot_product_attention
from reference.rounding import FLOAT32, track

pytestmark = pytest.mark.backend


def ones(*shape):
    return np.ones(shape, "float32")


def random(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def attention_model(layer):
    """A functional model of dynamic lengths that returns output and weights."""
    query, key, value = (keras.Input((None, depth)) for depth in (3, 3, 5))
    return keras.Model([query, key, value], layer([query, key, value], return_attention_scores=True))


def test_a_model_takes_sequences_of_any_length():
    model = attention_model(AttentionLayer())
    for T, S in ((1, 2), (4, 7)):
        output, weights = model([random(2, T, 3), random(2, S, 3), random(2, S, 5)])
        assert (tuple(output.shape), tuple(weights.shape)) == ((2, T, 5), (2, T, S))


def test_symbolic_shapes_are_those_of_the_arrays():
    output, weights = attention_model(AttentionLayer()).outputs
    assert (output.shape, weights.shape) == ((None, None, 5), (None, None, None))
    assert SelfAttention(units=4)(keras.Input((7, 3))).shape == (None, 7, 4)
    assert SelfAttention(units=4).compute_output_shape((None, 7, 3)) == (None, 7, 4)


def test_a_traced_model_is_as_right_as_the_layer():
    arrays = [random(2, 4, 3), random(2, 6, 3), random(2, 6, 5)]
    truth = scaled_dot_product_attention(*(track(array, FLOAT32) for array in arrays))
    traced, weights = attention_model(AttentionLayer(scaled=True)).predict(arrays, verbose=0)
    assert within_bound(traced, truth.output).agrees
    assert within_bound(weights, truth.weights).agrees


def test_the_mask_of_an_embedding_hides_padding_and_goes_on():
    tokens = keras.Input((None,), dtype="int32")
    embedded = keras.layers.Embedding(9, 4, mask_zero=True)(tokens)
    model = keras.Model(tokens, SelfAttention()(embedded, return_attention_scores=True))
    output, weights = model(np.array([[1, 2, 0]]))
    assert np.array_equal(to_numpy(weights)[0, :, 2], [0, 0, 0])
    assert np.array_equal(to_numpy(output)[0, 2], [0, 0, 0, 0])
    assert np.array_equal(output._keras_mask, [[True, True, False]])


def test_the_mask_of_the_query_goes_on():
    mask = np.array([[True, False]])
    layer = AttentionLayer()
    assert layer.compute_mask([ones(1, 2, 3)] * 3, [mask, None, None]) is mask
    assert layer.compute_mask([ones(1, 2, 3)] * 3) is None
    assert SelfAttention().compute_mask(ones(1, 2, 3), mask) is mask


def test_a_value_mask_alone_hides_its_keys():
    layer = AttentionLayer()
    mask = np.array([[True, False]])
    _, weights = layer([ones(1, 2, 3)] * 3, mask=[None, None, mask], return_attention_scores=True)
    assert np.array_equal(weights, [[[1, 0], [1, 0]]])


@pytest.mark.parametrize(
    "layer",
    [
        AttentionLayer(scaled=True, dropout=0.25, seed=7),
        SelfAttention(units=4, scaled=True, use_bias=True, kernel_initializer="he_normal", dropout=0.25, seed=7),
    ],
)
def test_a_configuration_comes_back_as_it_was(layer):
    again = layer.__class__.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def test_biases_are_saved_and_loaded(tmp_path):
    sequence = keras.Input((None, 3))
    layer = SelfAttention(units=2, use_bias=True)
    model = keras.Model(sequence, layer(sequence))
    layer.set_weights([random(*weight.shape) for weight in layer.weights])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(*(to_numpy(one(random(1, 4, 3))) for one in (again, model)))


def test_weights_come_in_the_order_of_the_projections():
    layer = SelfAttention(units=2, use_bias=True)
    layer.build((None, None, 3))
    assert [weight.name for weight in layer.weights] == ["W_q", "W_k", "W_v", "b_q", "b_k", "b_v"]
    assert [tuple(weight.shape) for weight in layer.weights] == [(3, 2)] * 3 + [(2,)] * 3


@pytest.mark.parametrize("seed", [None, 3, keras.random.SeedGenerator(3)], ids=["no seed", "seed", "generator"])
def test_the_projections_start_out_different(seed):
    layer = SelfAttention(kernel_initializer=keras.initializers.RandomNormal(seed=seed))
    layer.build((None, None, 3))
    W_q, W_k, W_v = (weight.numpy().tobytes() for weight in layer.weights)
    assert len({W_q, W_k, W_v}) == 3


def test_mixed_precision_computes_in_half_and_keeps_full_weights():
    layer = SelfAttention(dtype="mixed_float16")
    output, weights = layer(random(1, 4, 3), return_attention_scores=True)
    assert {keras.backend.standardize_dtype(array.dtype) for array in (output, weights)} == {"float16"}
    assert {weight.dtype for weight in layer.weights} == {"float32"}


def test_dropout_leaves_inference_alone():
    arrays = [random(1, 8, 3)] * 3
    assert np.array_equal(AttentionLayer(dropout=0.5, seed=1)(arrays), AttentionLayer()(arrays))
    dropped = AttentionLayer(dropout=0.5, seed=1)(arrays, training=True)
    assert not np.array_equal(dropped, AttentionLayer()(arrays))


def test_dropout_scales_up_what_it_keeps():
    # Of equal weights 1/4 and values 1, each one that is kept adds 1/4 * 2 to the output.
    arrays = [ones(1, 64, 2), ones(1, 4, 2), ones(1, 4, 1)]
    output = np.asarray(AttentionLayer(dropout=0.5, seed=1)(arrays, training=True))
    bound = 2 * dot_product_attention(*(track(array, FLOAT32) for array in arrays)).output.error
    kept = np.round(2 * output)
    assert compare(output, kept / 2, bound).agrees
    assert set(np.ravel(kept)) <= {0, 1, 2, 3, 4}
    assert len(set(np.ravel(kept))) > 2


def test_returned_weights_are_those_before_dropout():
    arrays = [random(1, 8, 3)] * 3
    _, expected = AttentionLayer()(arrays, return_attention_scores=True)
    _, weights = AttentionLayer(dropout=0.5, seed=1)(arrays, training=True, return_attention_scores=True)
    assert np.array_equal(weights, expected)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([ones(1, 2, 3)] * 2, r"inputs to be a list, \[query, key, value\]. Received: inputs=a list of length 2"),
        (ones(2, 3, 4), r"inputs to be a list, \[query, key, value\]. Received: inputs of shape \(2, 3, 4\)"),
        ([ones(1, 2, 0)] * 3, "query to have a depth of at least 1. Received: query.shape="),
        ([ones(2, 3)] * 3, r"query to have shape \(B, T, d_k\). Received: query.shape=\(2, 3\)"),
        ([ones(1, 2, 3), ones(1, 2, 4), ones(1, 2, 3)], "query and key to have the same depth. Received: query.shape="),
        ([ones(1, 2, 3), ones(1, 4, 3), ones(1, 2, 3)], "key and value to have the same length. Received: query.shape"),
        ([ones(2, 2, 3), ones(1, 2, 3), ones(1, 2, 3)], "query and key to have the same batch size. Received: query"),
    ],
)
def test_wrong_inputs_are_refused(inputs, message):
    with pytest.raises(ValueError, match=f"AttentionLayer expects {message}"):
        AttentionLayer()(inputs)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ([None, None], r"mask to be a list, \[query_mask, key_mask, value_mask\]. Received: mask=a list of length 2"),
        (
            [None, np.ones((1, 3), bool), None],
            r"key_mask to be a tensor of shape \(1, 2\), .* Received: a tensor of shape \(1, 3\)",
        ),
        (
            [np.ones((2,), bool), None, None],
            r"query_mask to be a tensor of shape \(1, 2\), .* Received: a tensor of shape \(2,\)",
        ),
        (
            [[[True, False]], None, None],
            r"query_mask to be a tensor of shape \(1, 2\), .* Received: \[\[True, False\]\]",
        ),
    ],
)
def test_wrong_masks_are_refused(mask, message):
    with pytest.raises(ValueError, match=f"AttentionLayer expects {message}"):
        AttentionLayer()([ones(1, 2, 3)] * 3, mask=mask)


def test_a_sequence_of_wrong_rank_is_refused():
    with pytest.raises(ValueError, match=r"SelfAttention expects x to have shape \(B, T, d\). Received: x.shape="):
        SelfAttention()(ones(2, 3))


def test_another_depth_than_the_weights_were_made_for_is_refused():
    layer = SelfAttention(3)
    layer(ones(1, 2, 4))
    with pytest.raises(ValueError, match="incompatible with the layer"):
        layer(ones(1, 2, 5))


@pytest.mark.parametrize("dropout", [-0.1, 1, "much", True, None])
def test_an_impossible_dropout_is_refused(dropout):
    with pytest.raises(ValueError, match=r"Expected a number of at least 0 and less than 1. Received: dropout="):
        AttentionLayer(dropout=dropout)


@pytest.mark.parametrize("units", [0, -1, 2.5, True])
def test_impossible_units_are_refused(units):
    with pytest.raises(ValueError, match=r"Expected a positive integer or None. Received: units="):
        SelfAttention(units=units)
