"""Nine ways in which a green attention test proves nothing, and that this suite goes none of them.

Each test says in what share of a check's examples something can be seen at all. The shares are those of the check as
it is by default, a little rounded down.
"""

import subprocess
import sys

import numpy as np
import pytest

from parity_tests import judgement, search, smallest, subjects, verdict
from parity_tests.built_layer import BuiltLayer
from parity_tests.comparison import compare, within_bound
from reference.rounding import ARITHMETIC, FLOAT32, track

TARGETS = ("keras_impl:AttentionLayer", "keras_impl:SelfAttention")
EXAMPLES = {}


@pytest.fixture(params=TARGETS)
def subject(request):
    return subjects.find(request.param)


@pytest.fixture
def examples(subject):
    """What a check shows to a layer."""
    if subject.target not in EXAMPLES:
        shown = EXAMPLES[subject.target] = []
        search.walk(subject, lambda drawn, trials: (shown.append(drawn.example), {})[1], 300, 0)
    return EXAMPLES[subject.target]


@pytest.fixture
def truths(subject, examples):
    """The reference's results for them."""
    return [subject.kind.expected(example, ARITHMETIC[example.dtype]) for example in examples]


def share(flags):
    flags = list(flags)
    return sum(flags) / len(flags)


def values_of(example):
    """The values, (B, S, d_v)."""
    inputs = example.inputs
    return inputs["value"].astype(float) if "value" in inputs else inputs["x"] @ example.weights["W_v"].astype(float)


def test_1_most_rows_see_more_than_one_key(subject, examples):
    rows = [subject.kind.visible(example).sum(axis=-1) for example in examples]
    assert share((visible > 1).mean() > 0.5 for visible in rows if visible.size) > 0.6


def test_2_values_are_far_from_constant(examples):
    spreads = (np.ptp(values_of(example), axis=1) for example in examples if values_of(example).shape[1] > 1)
    assert share(bool((spread > 0.5).any()) for spread in spreads) > 0.8


def test_3_weights_are_neither_flat_nor_one_hot(examples, truths):
    def tells(weights):
        """Whether in some row two keys have a part, and not the same."""
        if weights.shape[-1] < 2:
            return False
        second, largest = np.moveaxis(np.sort(weights.astype(float), axis=-1)[..., -2:], -1, 0)
        return bool(np.any((largest - second > 0.05) & (second > 0.05)))

    assert share(tells(truth["weights"].value) for truth in truths) > 0.4


def test_3_a_scale_that_is_off_by_one_percent_is_beyond_the_bound_of_most_examples_in_float32_and_float64(
    subject, examples, truths
):
    def seen(example, truth):
        first = next(iter(example.inputs))
        inputs = {**example.inputs, first: example.inputs[first].astype(float) * 1.01}
        other = subject.kind.expected(example._replace(inputs=inputs), ARITHMETIC["float64"])
        return bool(np.any(np.abs(other["weights"].value - truth["weights"].value) > truth["weights"].error))

    pairs = zip(examples, truths, strict=True)
    assert share(seen(*pair) for pair in pairs if pair[0].dtype in ("float32", "float64")) > 0.5


def test_4_sizes_are_equal_in_some_examples_and_all_but_one_distinct_in_others(subject, examples):
    def sizes(example):
        arrays = {**example.inputs, **example.weights}.values()
        return [size for array in arrays for size in array.shape]

    assert share(len(set(sizes(example))) == 1 for example in examples) > 0.05
    axes = {"attention": "B T S d_k d_v", "self_attention": "B T d units"}[subject.kind.name].split()
    assert share(len(set(sizes(example))) >= len(axes) - 1 for example in examples) > 0.4


def test_5_no_cotangent_is_constant(examples):
    cotangents = [array for example in examples for array in (example.d_output, example.d_weights) if array is not None]
    assert share(np.unique(array.astype(float)).size > 1 for array in cotangents if array.size > 8) == 1


def test_5_a_loss_depends_on_the_weights_directly_in_some_examples_and_not_in_others(examples):
    assert 0.4 < share(example.d_weights is not None for example in examples) < 0.8


def test_6_a_layer_has_the_examples_weights_and_not_its_initial_ones():
    subject = subjects.find("keras_impl:SelfAttention")
    shown = []
    search.walk(subject, lambda drawn, trials: (shown.append(drawn.example), {})[1], 20, 0)
    for example in (one for one in shown if one.constructor["use_bias"]):
        for variable, array in zip(BuiltLayer(subject, example).layer.weights, example.weights.values(), strict=True):
            assert np.array_equal(variable.numpy().astype(float), array.astype(float))
    biases = [one.weights["b_q"].astype(float) for one in shown if one.constructor["use_bias"]]
    assert biases
    assert share(np.any(bias != 0) for bias in biases) > 0.9


def test_6_a_learned_scale_is_not_1():
    subject, shown = subjects.find("keras.layers.Attention"), []
    search.walk(subject, lambda drawn, trials: (shown.append(drawn.example), {})[1], 20, 0)
    scaled = [example for example in shown if example.constructor["scaled"]]
    assert {float(example.weights["scale"]) for example in scaled}.isdisjoint({0.0, 1.0})
    layer = BuiltLayer(subject, scaled[0]).layer
    assert layer.scale.numpy().astype(float) == scaled[0].weights["scale"].astype(float)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_7_what_is_no_number_agrees_with_nothing(wrong):
    assert not compare(np.array([wrong]), np.array([1.0]), np.array([1.0])).agrees
    assert not within_bound(np.array([wrong]), track([1.0], FLOAT32)).agrees


def test_7_every_outcome_counts(monkeypatch):
    subject = subjects.find("keras_impl:AttentionLayer")
    dropped = subject.kind.corners["weights dropped"]
    corners = {str(given): {**dropped, "d_weights": given} for given in (False, True)}
    subject.kind = subject.kind._replace(corners=corners)
    judged_in_truth, recorded = judgement.judge, []

    def recording(*arguments):
        recorded.append(judged_in_truth(*arguments))
        return recorded[-1]

    monkeypatch.setattr(judgement, "judge", recording)
    monkeypatch.setattr(smallest, "smallest", lambda *arguments: None)
    names = {one.name for one in verdict.check_subject(subject, 1, 0).properties}
    assert {"output", "output_alone", "d_key", "dropout_rate", "symbolic"} < names
    for wrong in names:
        left = iter(recorded)  # the same seed shows the same examples again

        def judge(trial, layers, example, wrong=wrong, left=left):
            return {name: (outcome._replace(agrees=name != wrong), ()) for name, (outcome, _) in next(left).items()}

        monkeypatch.setattr(judgement, "judge", judge)
        report = verdict.check_subject(subject, 1, 0)
        assert report.verdict == "disagrees"
        assert [one.name for one in report.properties if one.verdict != "agrees"] == [wrong]


def test_8_masks_hide_what_the_causal_mask_does_not(subject, examples):
    def hides(example):
        causal_alone = subject.kind.visible(example._replace(masks=dict.fromkeys(example.masks)))
        return bool((causal_alone & ~subject.kind.visible(example)).any())

    def masked(example):
        return any(mask is not None for name, mask in example.masks.items() if name != "query_mask")

    both = [example for example in examples if example.causal and masked(example)]
    assert len(both) > 30
    assert share(hides(example) for example in both) > 0.7


def test_8_items_of_a_batch_have_masks_of_their_own(examples):
    masks = [mask for example in examples for mask in example.masks.values() if mask is not None]
    several = [mask for mask in masks if mask.shape[0] > 1 and mask.shape[1] > 1]
    assert share((mask != mask[:1]).any() for mask in several) > 0.8


def test_9_the_reference_knows_nothing_of_what_it_judges():
    imported = "import sys, reference; print(*{name.partition('.')[0] for name in sys.modules})"
    finished = subprocess.run([sys.executable, "-c", imported], capture_output=True, text=True, check=True)
    assert {"keras", "tensorflow", "keras_impl", "parity_tests"}.isdisjoint(finished.stdout.split())
    assert "numpy" in finished.stdout.split()


def test_9_the_layers_know_nothing_of_the_reference():
    imported = "import sys, keras_impl; print(*{name.partition('.')[0] for name in sys.modules})"
    finished = subprocess.run([sys.executable, "-c", imported], capture_output=True, text=True, check=True)
    assert {"reference", "parity_tests"}.isdisjoint(finished.stdout.split())
    assert "keras_impl" in finished.stdout.split()
