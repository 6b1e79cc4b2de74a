"""Every property sees a fault that is its own, and none in a sound layer."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_impl
from parity_tests import adapters, score, score_file, search, smallest, strategies, subjects, tally, verdict
from parity_tests.built_layer import BuiltLayer
from parity_tests.layers import Layers
from parity_tests.properties import TRIALS, agreement, due, hidden_positions, outcomes, permutation, reloading
from parity_tests.trials import chance
from parity_tests.trials.chance import at_random, unlikely

SEEN_BY = {
    "output": "MaskAfterSoftmax",
    "output_alone": "OtherOutputWithoutWeights",
    "weights": "RawScoresReturned",
    "dtype": "WeightsReturnedInFloat32",
    "d_query": "QueryGradientReversed",
    "d_key": "KeyGradientHalved",
    "d_value": "ValueGradientStopped",
    "d_x": "InputGradientWithoutTheKeys",
    "d_W_q": "QueryWeightsGradientHalved",
    "d_W_k": "KeyWeightsGradientOfTheFirstItem",
    "d_W_v": "ValueWeightsFrozen",
    "d_b_q": "QueryBiasGradientAveraged",
    "d_b_v": "ValueBiasFrozen",
    "hidden_positions": "GlobalShift",
    "permutation": "LogitsSquared",
    "compute_mask": "MaskNotPassedOn",
    "repeated_calls": "DriftsWithEveryCall",
    "masks_kept": "MaskOfTheValuesTakenAway",
    "symbolic": "SymbolicWeightsTransposed",
    "reloading": "ForgetsScaled",
    "dropout": "DroppedNotRescaled",
    "dropout_rate": "SameDropoutForAllItems",
    "dropout_seed": "ForgetsItsSeed",
    "gradients_in_training": "ValueGradientOfAllWeights",
    "weights_in_training": "DroppedWeightsReturned",
}


@pytest.mark.parametrize("name", SEEN_BY)
def test_every_property_sees_a_fault(name):
    assert name in score_file.find_again(SEEN_BY[name], by=name, examples=60).properties


class ScaleGradientHalved(keras.layers.Attention):
    """Learns its scale half as fast as it should."""

    def _calculate_scores(self, query, key):
        scores = super()._calculate_scores(query, key)
        if self.scale is None:
            return scores
        of_scale = super()._calculate_scores(ops.stop_gradient(query), ops.stop_gradient(key))
        return scores - of_scale / 2 + ops.stop_gradient(of_scale / 2)


def test_a_wrong_gradient_of_a_learned_scale_is_seen(monkeypatch):
    # As the layer that it is derived from, which has no fault of that kind, but known differences.
    monkeypatch.setattr(smallest, "smallest", lambda *arguments: None)
    subject = adapters.KerasAttention()
    subject.layer_class = ScaleGradientHalved
    report = verdict.check_subject(subject, 60, 0, corners=False)
    wrong = {one.name for one in report.properties if one.verdict not in ("agrees", "known")}
    assert wrong <= {"d_scale", "gradients_in_training"}
    assert next(one.verdict for one in report.properties if one.name == "d_scale") == "disagrees"


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.__name__)
@pytest.mark.parametrize("target", ["keras_impl:AttentionLayer", "keras_impl:SelfAttention"])
def test_every_trial_has_something_to_say_of_a_plain_example(trial, target):
    subject = subjects.find(target)
    example = subject.kind.plain()
    example = example._replace(constructor={**example.constructor, "dropout": 0.5})
    found = outcomes(trial, Layers(subject), example)
    assert found
    assert all(outcome.agrees for outcome in found.values()), found


def test_all_trials_are_due_sooner_or_later_and_agreement_always():
    assert all(due(number)[0].__name__ == "agreement" for number in range(100))
    assert {trial for number in range(100) for trial in due(number)} == set(TRIALS)


@pytest.mark.tensorflow
def test_what_is_wrong_in_a_graph_only_is_found_in_a_graph():
    subject = subjects.find("parity_tests.mutants:CausalLostWhenTraced")
    found = tally.gather(subject, 24, seed=0, corners=False).values()
    disagreeing = [example for example, _ in (one.counterexample for one in found if one.disagreements)]
    assert disagreeing
    assert all(example.traced and example.causal for example in disagreeing)


@pytest.mark.tensorflow
def test_a_graph_knows_no_size_but_the_depths_unless_it_is_to():
    seen = []

    class Looks(keras_impl.AttentionLayer):
        def compute_scores(self, query, key):
            seen.append((tuple(query.shape), tuple(key.shape)))
            return super().compute_scores(query, key)

    example = subjects.KINDS["attention"].plain()._replace(traced=True)
    layer = BuiltLayer(subjects.find(Looks), example)
    seen.clear()
    layer.run_with_gradients(example)
    layer.run_with_gradients(example.taken(np.array([0, 0])))
    assert seen == [((None, None, 3), (None, None, 3))]
    seen.clear()
    layer.run_with_gradients(example._replace(sizes_known=True))
    assert seen == [((1, 2, 3), (1, 2, 3))]


def test_a_layer_is_built_by_a_call_of_another_size():
    sizes = []

    class Looks(keras_impl.AttentionLayer):
        def compute_scores(self, query, key):
            sizes.append(tuple(query.shape))
            return super().compute_scores(query, key)

    example = subjects.KINDS["attention"].plain().taken(np.array([0, 0, 0]))
    BuiltLayer(subjects.find(Looks), example)
    assert (1, 2, 3) == sizes[-1] != example.inputs["query"].shape


def test_a_layer_of_mixed_precision_keeps_its_weights_in_float32():
    example = subjects.KINDS["self_attention"].plain()
    halves = {name: array.astype("float16") for name, array in example.inputs.items()}
    layer = BuiltLayer(
        subjects.find("keras_impl:SelfAttention"), example._replace(dtype="float16", mixed=True, inputs=halves)
    ).layer
    assert {keras.backend.standardize_dtype(weight.dtype) for weight in layer.weights} == {"float32"}
    assert layer.compute_dtype == "float16"


@pytest.mark.parametrize(("kept", "total"), [(0, 60), (60, 60), (300, 1024)])
def test_a_share_far_from_the_rate_is_unlikely(kept, total):
    assert unlikely(kept, total, 0.5)


@pytest.mark.parametrize(("kept", "total"), [(0, 0), (0, 40), (512, 1024), (450, 1024)])
def test_a_share_near_the_rate_is_not_unlikely(kept, total):
    assert not unlikely(kept, total, 0.5)


def test_the_chance_of_an_unlikely_share_is_less_than_that_of_fifty_heads_in_a_row():
    # All heads are exactly as rare as the bound says.
    assert not unlikely(50, 50, 0.5)
    assert unlikely(51, 51, 0.5)


def corners_of(target):
    """The corners in the order in which they are met, and by the name of each the trials of its examples."""
    subject, met = subjects.find(target), []
    search.walk_corners(subject, lambda drawn, trials: met.append((drawn.settled, trials)), seed=0)
    corners = subject.kind.corners
    trials = {name: [trials for _, trials in met[number :: len(corners)]] for number, name in enumerate(corners)}
    return [settled for settled, _ in met], list(corners.values()), trials


@pytest.mark.tensorflow  # elsewhere a corner may settle that the call is compiled too
@pytest.mark.parametrize("target", subjects.registered())
def test_every_corner_is_met_before_any_is_met_again(target):
    met, corners, _ = corners_of(target)
    assert met == corners * strategies.OF_EACH_CORNER


def test_a_corner_takes_part_in_all_trials_once_and_only_if_it_gives_the_constructor_something():
    _, _, trials = corners_of("keras.layers.MultiHeadAttention")
    first, second = trials["a window"]
    assert first == list(TRIALS)
    assert {agreement, hidden_positions, permutation} <= set(second) < set(TRIALS)
    first, second = trials["causal without a mask"]  # which settles that there is no window
    assert reloading not in first
    assert reloading not in second


def test_the_median_fault_is_found_among_the_first_corners():
    names = (
        "ScaleMissing",
        "CausalOffByOne",
        "DroppedWeightsReturned",
        "SymbolicLengthLost",
        "LongSequencesInBfloat16",
    )
    assert all(score.find(name).examples < 50 for name in names)


SHAPE = (4, 16, 16)
REPEATED = {
    "items in pairs": lambda b, t, s: (b // 2, t, s),
    "items in pairs from the second": lambda b, t, s: ((b + 1) // 2, t, s),
    "queries in pairs": lambda b, t, s: (b, t // 2, s),
    "queries in pairs from the second": lambda b, t, s: (b, (t + 1) // 2, s),
    "keys in pairs from the second": lambda b, t, s: (b, t, (s + 1) // 2),
    "every third query": lambda b, t, s: (b, t % 3, s),
    "every eighth key": lambda b, t, s: (b, t, s % 8),
    "along the diagonal": lambda b, t, s: (b, 0 * t, (s - t) % 16),
    "against the diagonal": lambda b, t, s: (b, 0 * t, (s + t) % 16),
    "items, a key further each": lambda b, t, s: (0 * b, t, (s - b) % 16),
    "items, a query further each": lambda b, t, s: (0 * b, (t - b) % 16, s),
}


@pytest.mark.parametrize("name", REPEATED)
def test_what_repeats_is_not_random(name):
    kept, again = np.random.default_rng(0).random((2, *SHAPE)) < 0.5
    everything = np.ones(SHAPE, dtype=bool)
    assert at_random(kept, again, everything, 0.5).agrees
    outcome = at_random(kept[REPEATED[name](*np.indices(SHAPE))], again, everything, 0.5)
    assert not outcome.agrees
    assert "drop the same" in outcome.message


def test_what_is_random_is_called_otherwise_as_seldom_as_the_bound_says(monkeypatch):
    """With a bound that is not as strict, so that some are."""
    monkeypatch.setattr(chance, "RARE", 14 * np.log(2))
    rng, tails = np.random.default_rng(1), 300
    found = 0
    for share in (0.5, 0.75) * 100:
        kept, again, readable = rng.random((3, *SHAPE)) < share
        found += not at_random(kept, again, readable, share).agrees
    assert found / 200 < tails * 2.0**-14


@pytest.mark.tensorflow
def test_products_are_asked_for_in_full_float32_while_a_trial_runs():
    import tensorflow as tf

    seen, asked_for = [], tf.config.experimental.tensor_float_32_execution_enabled

    class Looks(keras_impl.AttentionLayer):
        def compute_scores(self, query, key):
            seen.append(asked_for())
            return super().compute_scores(query, key)

    before = asked_for()
    subject = subjects.find(Looks)
    seen.clear()
    outcomes(agreement, Layers(subject), subject.kind.plain())
    assert set(seen) == {False}
    assert asked_for() == before
