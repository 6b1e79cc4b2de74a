"""Known differences are still there, are as narrow as they say, and excuse nothing else."""

import keras
import numpy as np
import pytest

import parity_tests
from parity_tests import divergences, properties, subjects
from parity_tests.backend import BACKENDS
from parity_tests.dot_product import ATTENTION, plain
from parity_tests.dropout import dropout
from parity_tests.judgement import judge
from parity_tests.layers import Layers
from parity_tests.properties import agreement, hidden_positions

KNOWN = {
    divergence.name: divergence for divergence in divergences.read() if keras.backend.backend() in divergence.backend
}


def without_visible_keys():
    """Two keys, both hidden, of values 1 and 3: the reference's output is 0."""
    example = plain()
    value = np.array([[[1.0] * 3, [3.0] * 3]], "float32")
    hidden = np.zeros((1, 2), bool)
    return example._replace(
        inputs={**example.inputs, "value": value}, masks={**example.masks, "key_mask": hidden, "value_mask": hidden}
    )


def with_a_high_hidden_score():
    """A hidden key whose score of 3e10 is still higher than the other's after 1e9 is taken away."""
    example = plain()
    key = np.array([[[1.0] * 3, [1e10] * 3]], "float32")
    mask = np.array([[True, False]])
    return example._replace(
        inputs={**example.inputs, "key": key}, masks={**example.masks, "key_mask": mask, "value_mask": mask}
    )


def with_low_scores_in_float16():
    """No visible key, and scores of -30, in a row that the loss does not depend on."""
    example = without_visible_keys()
    inputs = {name: array.astype("float16") for name, array in example.inputs.items()}
    low = example._replace(dtype="float16", inputs={**inputs, "key": -10 * inputs["key"]})
    return low.without_rows(np.ones((1, 2), bool))


def in_float16():
    """No visible key, in a row that the loss does not depend on."""
    example = without_visible_keys()
    inputs = {name: array.astype("float16") for name, array in example.inputs.items()}
    return example._replace(dtype="float16", inputs=inputs).without_rows(np.ones((1, 2), bool))


def with_large_scaled_scores():
    """Two rows whose scores of some 1e10 are scaled by the root of 1/3, in a graph."""
    example = plain()
    query = np.array([[[1.0] * 3, [1.3] * 3]], "float32")
    inputs = {**example.inputs, "query": query, "key": np.array([[[1e10] * 3, [1.7e10] * 3]], "float32")}
    return example._replace(inputs=inputs, constructor={"scaled": True}, weights={}, traced=True)


def in_float64():
    """Three arrays of ones in float64."""
    example = plain()
    inputs = {name: array.astype("float64") for name, array in example.inputs.items()}
    return example._replace(dtype="float64", inputs=inputs)


def with_dropout():
    """A layer that drops half of the weights in training."""
    example = plain()
    return example._replace(constructor={**example.constructor, "dropout": 0.5})


SMALLEST = {
    "nothing_visible": (agreement, without_visible_keys),
    "nothing_visible_float16": (agreement, with_low_scores_in_float16),
    "nothing_visible_float16_on_torch": (agreement, in_float16),
    "scaled_scores_compiled": (agreement, with_large_scaled_scores),
    "float64_in_float32": (agreement, in_float64),
    "hidden_outscores": (agreement, with_a_high_hidden_score),
    "weights_after_dropout": (dropout, with_dropout),
}


@pytest.mark.parametrize("name", KNOWN)
def test_it_is_still_true(name):
    trial, example = SMALLEST[name]
    found = properties.outcomes(trial, Layers(subject_of(KNOWN[name])), example())
    wrong = [one for one in KNOWN[name].properties if one in found and not found[one].agrees]
    assert wrong, f"gone in Keras {keras.__version__}: remove {name} from divergences.toml"


@pytest.mark.parametrize("name", KNOWN)
def test_it_is_excused_in_its_subject_alone(name):
    everywhere = KNOWN[name].subject == divergences.EVERY
    for subject, excused in ((subject_of(KNOWN[name]), True), (Impostor(), everywhere)):
        trial, example = SMALLEST[name]
        judged = judge(trial, Layers(subject), example())
        excuses = {excuse for _, excuses in judged.values() for excuse in excuses}
        assert (name in excuses) == excused
        assert all(outcome.agrees for outcome, _ in judged.values()) == excused


def subject_of(divergence):
    """A subject that differs so."""
    return subjects.KerasAttention() if divergence.subject == divergences.EVERY else subjects.find(divergence.subject)


class Impostor(subjects.KerasAttention):
    """Does as Keras's layer does, under another name."""

    def __init__(self):
        super().__init__()
        self.target = "impostor"


@pytest.mark.parametrize("name", KNOWN)
def test_it_covers_no_row_of_a_plain_example(name):
    assert not KNOWN[name].rows(ATTENTION, plain()).any()


def test_a_row_that_is_excused_excuses_no_other():
    class FaultyBesides(subjects.KerasAttention):
        def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask, **training):
            query, key, value = inputs
            doubled = [2 * query, key, value]
            return super().call(layer, doubled, masks, return_attention_scores, use_causal_mask, **training)

    # With two keys, causal, the first hidden: row 0 sees nothing, row 1 one key, row 2 two of them.
    example = parity_tests.Example(
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
    _, excuses = judge(agreement, Layers(subjects.KerasAttention()), example)["output"]
    assert excuses == ("nothing_visible",)
    outcome, excuses = judge(agreement, Layers(FaultyBesides()), example)["output"]
    assert (outcome.agrees, excuses) == (False, ())


def test_what_is_excused_of_a_whole_example_excuses_nothing_else_of_it(monkeypatch):
    entry = divergences.read()[0]._replace(name="whole", properties=("dtype",), condition="drops", excuses="examples")
    monkeypatch.setattr(divergences, "known", lambda target: [entry])
    drops = {"drops": lambda kind, example: np.array(bool(example.constructor.get("dropout")))}
    monkeypatch.setattr(divergences, "CONDITIONS", drops)

    class Faulty(subjects.KerasAttention):
        def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask, **training):
            both = super().call(layer, inputs, masks, True, use_causal_mask, **training)
            output, weights = (keras.ops.cast(2 * one, "float16") for one in both)
            return (output, weights) if return_attention_scores else output

    def excuses(example):
        return {name: excuse for name, (_, excuse) in judge(agreement, Layers(Faulty()), example).items() if excuse}

    assert excuses(with_dropout()) == {"dtype": ("whole",)}
    assert excuses(plain()) == {}


def test_hidden_contents_leak_into_keras_only_where_it_is_known():
    example = with_a_high_hidden_score()
    outcome, excuses = judge(hidden_positions, Layers(subjects.KerasAttention()), example)["hidden_positions"]
    assert (outcome.agrees, excuses) == (True, ("hidden_outscores",))


def test_every_entry_was_seen_in_a_version_that_has_been():
    for divergence in divergences.read():
        assert divergence.condition in divergences.CONDITIONS
        assert divergence.subject in (*subjects.registered(), divergences.EVERY)
        assert set(divergence.backend) <= set(BACKENDS)
        assert divergence.sentence.endswith(".")
        seen = tuple(int(part) for part in divergence.keras.split("."))
        assert seen <= tuple(int(part) for part in keras.__version__.split(".")[:3])
