"""What layers are known to do instead is what they do, and is asked of no row but those that it is about."""

from collections import Counter

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity_tests import divergences, subjects
from parity_tests.instead import INSTEAD, mixed_masks, nothing_visible
from parity_tests.judgement import disagreements, judge
from parity_tests.layers import Layers
from parity_tests.multi_head_masks import NO_MASKS
from parity_tests.properties import agreement, symbolic
from parity_tests.strategies import by_generator
from reference.rounding import ARITHMETIC

PLAIN = {"dtype": "float32", "traced": False, "mixed": False, "scores": "integers", "values": "integers"}
OF_HEADS = ("keras.layers.MultiHeadAttention", "keras.layers.GroupQueryAttention")
OF_POSITIONS = ("keras.layers.Attention", "keras.layers.AdditiveAttention")


def example_of(name, seed, **settled):
    subject = subjects.find(name)
    return subject, by_generator(np.random.default_rng(seed), subject.kind, subject.options, PLAIN | settled).example


def test_each_is_the_account_of_an_entry():
    of_entries = {one.instead for one in divergences.read() if one.instead}
    assert of_entries == set(INSTEAD)


def test_masks_that_do_not_fit_are_those_that_keras_refuses():
    refused, mixing = Counter(), "combines masks as if the first axis were attended"
    entries = [one for one in divergences.read() if one.instead == mixing and OF_HEADS[0] in one.subjects]
    same = {"lengths": "free", "depths": "free", "d_k": 2, "d_v": 2}  # as on JAX values of another depth are refused
    for seed in range(90):
        settled = {**same, "attention_axes": (1, 2, None)[seed % 3], "B": 1 + seed % 4, "T": 2 + seed % 2}
        subject, example = example_of(OF_HEADS[0], seed, **settled, S=3, d_weights=False)
        if not any(np.any(one.rows(subject.kind, example)) for one in entries):
            continue
        layer = Layers(subject).of(example)
        try:
            layer.run(example, return_attention_scores=True)
            raised = False
        except Exception:  # whatever the backend raises where shapes do not fit
            raised = True
        assert raised == (mixed_masks.combined(subject.kind, example) is None)
        refused[raised] += 1
    assert min(refused[True], refused[False]) > 5, "too few are refused, or taken, for this to show anything"


def agree(one, other):
    """Where two truths agree, each of which may have been rounded on the way."""
    return np.abs(one.value - other.value) <= one.error + other.error


def truths(name, seed):
    """An example, the truth, that of a layer that attends all where nothing is visible, and where anything is."""
    subject, example = example_of(name, seed, d_weights=False)
    told = nothing_visible.evenly if name in OF_HEADS else nothing_visible.without_the_mask
    expected, arithmetic = subject.kind.expected, ARITHMETIC["float32"]
    visible = subject.kind.visible(example).any(axis=-1)
    visible = visible.reshape(
        *example.judged.shape, *((1,) if visible.ndim == example.judged.ndim else visible.shape[-1:])
    )
    return subject, example, expected(example, arithmetic), told(subject.kind, expected, example, arithmetic), visible


@pytest.mark.parametrize("name", [*OF_HEADS, *OF_POSITIONS])
@given(seed=st.integers(0, 2**32 - 1))
def test_rows_that_may_attend_something_are_as_they_were(name, seed):
    _, _, truth, instead, visible = truths(name, seed)
    assert agree(truth["output"], instead["output"])[visible.all(axis=-1)].all()


@pytest.mark.parametrize("name", [*OF_HEADS, *OF_POSITIONS])
@given(seed=st.integers(0, 2**32 - 1))
def test_where_nothing_is_visible_all_keys_are_attended_as_if_they_were_alike(name, seed):
    subject, example, _, instead, visible = truths(name, seed)
    query, *key, value = example.inputs.values()
    alike = np.zeros_like(key[0] if key else value)
    inputs = {"query": query, "key": alike, "value": value}
    masks = {
        name: mask if name == "query_mask" and subject.known_as in OF_POSITIONS else None
        for name, mask in example.masks.items()
    }
    constructor = {name: option for name, option in example.constructor.items() if name != "sliding_window"}
    other = example._replace(inputs=inputs, masks=masks, causal=False, constructor=constructor, manner={})
    even = subject.kind.expected(other, ARITHMETIC["float32"])["output"]
    assert agree(even, instead["output"])[~visible.any(axis=-1)].all()


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", [*OF_HEADS, *OF_POSITIONS])
def test_gradients_where_nothing_is_visible_are_those_of_the_layer(name):
    padded = {"key_mask given": True, "value_mask given": True, "mask axes": "B T S", "attention_mask given": False}
    settled = {**padded, "causal": True, "attention_axes": None, "dropout": 0.0, "lengths": "free", "T": 4, "S": 4}
    known = Counter()
    for seed in range(8):
        subject, example = example_of(name, seed, **settled, B=3, d_weights=False)
        judged = judge(agreement, Layers(subject), example)
        assert all(outcome.agrees for outcome, _ in judged.values())
        known.update(name for name, (_, excuses) in judged.items() if any("nothing_visible" in one for one in excuses))
    assert known["d_value"] > 2, "in too few is anything learned from rows that may attend nothing"


def test_a_scale_that_is_rounded_to_float32_is_that_of_the_truth():
    subject, example = example_of("keras.ops.dot_product_attention", 0, dtype="float64", scale=0.3)
    seen = INSTEAD["rounds the scale to float32"].sees(subject.kind, example)
    assert seen.constructor["scale"] == float(np.float32(0.3)) != 0.3


@pytest.mark.backend
@pytest.mark.parametrize("scaled", [False, True])
def test_of_float64_an_output_may_be_of_another_dtype_than_its_weights(scaled):
    of_inputs = {"key_mask given": False, "B": 2, "T": 3, "S": 4, "lengths": "free"}
    subject, example = example_of(OF_POSITIONS[1], 0, **of_inputs, dtype="float64", scaled=scaled, d_weights=True)
    assert not disagreements(agreement, Layers(subject), example)


@pytest.mark.backend
@pytest.mark.parametrize("name", subjects.registered())
def test_what_is_said_of_float64_before_there_are_numbers_is_as_it_is_known(name):
    subject, example = example_of(name, 0, dtype="float64")
    assert not disagreements(symbolic, Layers(subject), example)


@pytest.mark.tensorflow
def test_what_else_is_known_is_asked_of_the_masks_that_the_layer_makes():
    masks = {"attention_mask given": True, "mask axes": "B H T S", "padding besides": True, "value_mask given": True}
    settled = {**masks, "attention_axes": None, "values": "wide", "dtype": "float64", "lengths": "free", "B": 3}
    for seed in range(8):
        subject, example = example_of(OF_HEADS[1], seed, **settled, T=3, S=3, d_weights=True)
        judged = judge(agreement, Layers(subject), example)
        assert all(outcome.agrees for outcome, _ in judged.values())


class OrderAlongTheAttendedAxis(keras.layers.MultiHeadAttention):
    """Mends one of Keras's differences: the causal mask lies along axis 2 if that is attended."""

    def _compute_causal_mask(self, query, value=None):
        if self._attention_axes == (2,):
            query, value = (keras.ops.swapaxes(array, 1, 2) for array in (query, value))
        return super()._compute_causal_mask(query, value)


@pytest.mark.tensorflow
def test_a_layer_that_mends_one_difference_may_have_the_others():
    alone = {
        "attention_mask given": False,
        "query_mask given": False,
        "key_mask given": False,
        "value_mask given": False,
    }
    settled = {
        **alone,
        "attention_axes": 2,
        "window of axis 1": False,
        "causal": True,
        "B": 3,
        "T": 3,
        "S": 4,
        "d_k": 3,
    }
    subject = subjects.find(OrderAlongTheAttendedAxis)
    _, example = example_of(OF_HEADS[0], 0, **{**settled, "dtype": "float64", "lengths": "free", "depths": "free"})
    judged = judge(agreement, Layers(subject), example)
    assert all(outcome.agrees for outcome, _ in judged.values())
    assert judged["output"][1] == ("scale_in_float32",)


class RefusesMasksAlongAxis2(keras.layers.MultiHeadAttention):
    """Refuses each causal call along axis 2, also where the masks fit."""

    def _compute_causal_mask(self, query, value=None):
        if self._attention_axes == (2,):
            raise ValueError("masks: expected another shape")
        return super()._compute_causal_mask(query, value)


@pytest.mark.tensorflow
@pytest.mark.parametrize(("T", "S", "refused"), [(2, 2, False), (3, 4, True)])  # axis 1 has two items
def test_a_call_that_keras_takes_must_not_be_refused(T, S, refused):
    settled = {"attention_axes": 2, "window of axis 1": False, "causal": True, "B": 4, "T": T, "S": S}
    _, example = example_of(OF_HEADS[0], 0, **settled, **NO_MASKS, lengths="free", depths="free")
    outcome, excuses = judge(agreement, Layers(subjects.find(RefusesMasksAlongAxis2)), example)["agreement"]
    assert (outcome.agrees, "causal_along_another_axis" in excuses) == (refused, refused)
