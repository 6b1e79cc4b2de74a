"""The models: what goes in and comes out, what sees what, and that a trained layer is what the reference says."""

import keras
import numpy as np
import pytest

from keras_impl import SelfAttention, digits, models
from parity_tests.backend import differentiate
from parity_tests.comparison import within_bound
from parity_tests.example import Example
from parity_tests.self_attention import SELF_ATTENTION
from reference.rounding import FLOAT32

OF_SEQUENCES = [
    models.attention_classifier,
    models.self_attention_classifier,
    models.lstm_attention_classifier,
    models.gru_attention_classifier,
    models.multi_head_attention_classifier,
]
CLASSIFIERS = [*OF_SEQUENCES, models.hierarchical_attention_classifier]


def sequences(builder, *sizes, depth=6):
    """Numbers that a classifier takes; the hierarchical one has words of its own in each position."""
    words = (2,) if builder is models.hierarchical_attention_classifier else ()
    return np.random.default_rng(0).normal(size=(*sizes, *words, depth)).astype("float32")


def tokens(*sizes):
    return np.random.default_rng(1).integers(1, 9, sizes).astype("int32")


def other(array, where):
    """The same array with other contents in one position of every item."""
    changed = array.copy()
    changed[:, where] = np.roll(changed[:, where], 1, axis=-1) + 1
    return changed


@pytest.fixture
def in_double():
    """Models that compute in float64; what differs by rounding alone is then equal in float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy(before)


def to_single(tensor):
    return np.asarray(tensor).astype("float32")


def small(builder, **options):
    return builder(features=6, classes=3, units=4, **options)


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("builder", CLASSIFIERS)
def test_a_classifier_gives_probabilities_for_sequences_of_any_length(builder, pooled, attention):
    model = small(builder, pooled=pooled, attention=attention)
    for length in (1, 5):
        probabilities = np.asarray(model(sequences(builder, 2, length)))
        assert probabilities.shape == ((2, 3) if pooled else (2, length, 3))
        assert ((probabilities > 0) & (probabilities < 1)).all()
    assert model.output_shape == ((None, 3) if pooled else (None, None, 3))


@pytest.mark.parametrize("builder", CLASSIFIERS)
def test_a_saved_model_comes_back_and_computes_the_same(builder, tmp_path):
    model, x = small(builder), sequences(builder, 2, 4)
    model.save(tmp_path / "model.keras")
    assert np.array_equal(keras.saving.load_model(tmp_path / "model.keras")(x), model(x))


@pytest.mark.parametrize("builder", CLASSIFIERS)
def test_every_layer_in_a_summary_has_a_name_of_ours(builder):
    lines = []
    model = small(builder)
    model.summary(print_fn=lines.append)
    assert not [layer.name for layer in model.layers if layer.name[-1].isdigit() and "head_" not in layer.name]
    assert all(layer.name in "".join(lines) for layer in model.layers)


@pytest.mark.parametrize("builder", CLASSIFIERS)
def test_with_attention_each_position_sees_the_others(builder):
    model, x = small(builder), sequences(builder, 2, 4)
    assert (np.asarray(model(x))[:, 0] != np.asarray(model(other(x, 3)))[:, 0]).any()


@pytest.mark.parametrize(
    "builder",
    [
        models.attention_classifier,
        models.self_attention_classifier,
        models.multi_head_attention_classifier,
        models.hierarchical_attention_classifier,
    ],
)
def test_without_attention_each_position_sees_itself_alone(builder):
    model, x = small(builder, attention=False), sequences(builder, 2, 4)
    assert np.array_equal(np.asarray(model(x))[:, :3], np.asarray(model(other(x, 3)))[:, :3])


@pytest.mark.parametrize("builder", OF_SEQUENCES)
def test_without_attention_the_values_are_the_same_and_nothing_asks_for_them(builder):
    with_it, without = (small(builder, attention=attention) for attention in (True, False))
    assert with_it.count_params() > without.count_params()
    x = sequences(builder, 2, 1)  # a single position attends itself alone, so both do the same
    values = [weight for weight in with_it.weights if "query" not in weight.path and "key" not in weight.path]
    values = [weight for weight in values if weight.name not in ("W_q", "W_k")]
    without.set_weights([weight.numpy() for weight in values])
    assert np.array_equal(with_it(x), without(x))


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("builder", OF_SEQUENCES)
def test_padding_has_no_influence(builder, pooled, in_double):
    model, x = small(builder, pooled=pooled, mask_zero=True), sequences(builder, 2, 6)
    x[1, 4:] = 0
    alone, padded = (to_single(model(one))[-1] for one in (x[1:, :4], x))
    assert np.array_equal(padded if pooled else padded[:4], alone)


@pytest.mark.parametrize(
    ("builder", "options", "message"),
    [
        (models.lstm_attention_classifier, {"recurrent": "rnn"}, "Expected one of 'lstm', 'gru'. Received: .*'rnn'"),
        (models.multi_head_attention_classifier, {"heads": 0}, "Expected a positive integer. Received: heads=0"),
    ],
)
def test_what_no_model_can_be_built_of_is_refused(builder, options, message):
    with pytest.raises(ValueError, match=message):
        builder(**options)


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize("recurrent", ["gru", "lstm"])
def test_a_translator_tells_the_next_token_from_those_before_it(recurrent, attention):
    model = models.translator(9, 9, units=4, recurrent=recurrent, attention=attention)
    source, target = tokens(2, 7), tokens(2, 5)
    later = target.copy()
    later[:, 3] = target[:, 3] % 8 + 1
    before, after = (np.asarray(model([source, one])) for one in (target, later))
    assert before.shape == (2, 5, 9)
    assert np.array_equal(before[:, :3], after[:, :3])
    assert (before[:, 3] != after[:, 3]).any()


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize("recurrent", ["gru", "lstm"])
def test_a_translator_reads_the_source_up_to_its_padding(recurrent, attention, in_double):
    model = models.translator(9, 9, units=4, recurrent=recurrent, attention=attention)
    source, target = tokens(1, 4), tokens(1, 5)
    alone, with_padding, shortened = (
        to_single(model([one, target])) for one in (source, np.pad(source, ((0, 0), (0, 3))), source[:, :3])
    )
    assert np.array_equal(with_padding, alone)
    assert (shortened != alone).any()


@pytest.fixture(scope="module")
def trained():
    """A model whose self-attention was trained on real digits, and a few of them."""
    keras.utils.set_random_seed(0)
    model = models.lstm_attention_classifier(units=32)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*digits.sequences("train", 640), epochs=2, verbose=0)
    return model, digits.sequences("test", 3)


def test_the_reference_reproduces_a_trained_layer(trained):
    model, (images, labels) = trained
    layer = model.get_layer("self_attention")
    assert isinstance(layer, SelfAttention)
    x = keras.Model(model.input, layer.input)(images)
    d_output = gradient_of_the_loss(model.get_layer("probabilities"), layer(x), labels)

    def call(inputs, masks):
        return (*layer(inputs[0], return_attention_scores=True),)

    d_weights = np.zeros((*x.shape[:2], x.shape[1]), "float32")  # the loss of a classifier asks for the output alone
    results, gradients = differentiate(call, layer.trainable_weights, [x], [], [d_output, d_weights])
    weights = {weight.name: weight.numpy() for weight in layer.weights}
    expected = SELF_ATTENTION.expected(example(np.asarray(x), weights, d_output), FLOAT32)
    computed = dict(zip(("output", "weights", "d_x", *(f"d_{name}" for name in weights)), (*results, *gradients)))
    outcomes = {name: within_bound(np.asarray(array), expected[name]) for name, array in computed.items()}
    assert set(outcomes) == {"output", "weights", "d_x", "d_W_q", "d_W_k", "d_W_v"}
    assert all(outcome.agrees for outcome in outcomes.values()), outcomes
    assert all(np.abs(expected[name].value).max() > expected[name].error.max() for name in outcomes)


def gradient_of_the_loss(head, output, labels):
    """What training sends down to the attention: of the mean cross-entropy with respect to its output."""
    rows = np.full(labels.shape, 1 / labels.size, "float32")

    def loss(inputs, masks):
        return (keras.losses.sparse_categorical_crossentropy(labels, head(inputs[0])),)

    _, (gradient,) = differentiate(loss, [], [output], [], [rows])
    return np.asarray(gradient)


def example(x, weights, d_output):
    return Example(
        constructor={"units": None, "scaled": False},
        dtype="float32",
        inputs={"x": x},
        weights=weights,
        masks={"mask": None},
        causal=False,
        d_output=d_output,
        d_weights=None,
        judged=np.ones(x.shape[:2], dtype=bool),
    )
