"""Examples of thousands of positions: their truth in blocks is that of all at once, and each is drawn again."""

import itertools
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

import keras_impl
import parity_tests
from parity_tests import divergences, long, mutants, query_blocks, subjects
from parity_tests.benchmarks import long_checks, processes
from parity_tests.counterexample import script
from parity_tests.score import first_disagreement, subject_of
from parity_tests.strategies import by_generator
from reference.rounding import ARITHMETIC

SHORT = {"dtype": "float32", "d_weights": False, "same tensor": False, "bias given": False}
OF_HEADS = ("keras.layers.MultiHeadAttention", "keras.layers.GroupQueryAttention")
IN_BLOCKS = ("keras_impl:AttentionLayer", "keras_impl:SelfAttention", "keras.layers.Attention",
             "keras.layers.AdditiveAttention", *OF_HEADS)  # fmt: skip


@pytest.mark.parametrize("name", IN_BLOCKS)
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1))
def test_in_blocks_the_truth_is_what_it_is_at_once(name, seed):
    subject = subjects.find(name)
    example = by_generator(np.random.default_rng(seed), subject.kind, subject.options, SHORT).example
    at_once = subject.kind.expected(example, ARITHMETIC["float32"])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(query_blocks, "MANY_SCORES", 0)
        patched.setattr(query_blocks, "AT_ONCE", 5)
        in_blocks = subject.kind.expected(example, ARITHMETIC["float32"])
        in_blocks["scores"].tracked  # noqa: B018  which is computed when it is asked for
    for name, truth in at_once.items():
        if name != "weights":
            found = in_blocks[name]
            assert found.shape == truth.shape, name
            assert (np.abs(found.value - truth.value) <= found.error + truth.error).all(), name


@pytest.mark.parametrize("name", IN_BLOCKS)
def test_in_blocks_nobody_asks_for_scores(name, monkeypatch):
    subject = subjects.find(name)
    example = by_generator(np.random.default_rng(0), subject.kind, subject.options, SHORT).example
    monkeypatch.setattr(query_blocks, "MANY_SCORES", 0)
    monkeypatch.setattr(query_blocks, "_scores", lambda records, mask: pytest.fail("they are as large as the weights"))
    assert "scores" in subject.kind.expected(example, ARITHMETIC["float32"])


@given(seed=st.integers(0, 2**32 - 1))
def test_the_bound_of_scores_covers_that_they_are_kept_in_float32(seed):
    subject = subjects.find("keras_impl:AttentionLayer")
    settled = {**SHORT, "dtype": "float64", "B": 1}
    example = by_generator(np.random.default_rng(seed), subject.kind, subject.options, settled).example
    at_once = subject.kind.expected(example, ARITHMETIC["float64"])["scores"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(query_blocks, "MANY_SCORES", 0)
        in_blocks = subject.kind.expected(example, ARITHMETIC["float64"])["scores"]
        assert (np.abs(in_blocks.value - at_once.value) + at_once.error <= in_blocks.error).all()


@pytest.mark.parametrize("kind", subjects.KINDS)
def test_every_kind_has_examples_beyond_4096_positions(kind):
    assert long.LONG[kind]
    subject = next(one for one in subjects.registered().values() if one.kind.name == kind)
    for name in long.LONG[kind]:
        example = long.drawn(subject, name, 0).example
        assert max(max(array.shape[:3]) for array in example.inputs.values()) > 4096


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in long.LONG for name in long.LONG[kind] if "hidden" in name]
)
def test_some_positions_are_hidden_and_some_are_not_on_both_sides_of_4096(kind, name, seed):
    subject = next(one for one in subjects.registered().values() if one.kind.name == kind)
    example = long.drawn(subject, name, seed).example
    masks = [mask for mask in example.masks.values() if mask is not None and max(mask.shape) > 4096]
    assert masks
    for mask in masks:
        axis = int(np.argmax(mask.shape))
        for part in np.split(mask, [4096], axis):
            assert part.any()
            assert not part.all()


@pytest.mark.parametrize("name", [name for name, one in subjects.registered().items() if one.adapted])
def test_no_long_example_is_refused_on_any_backend(name):
    subject = subjects.find(name)
    refusing = [one for one in divergences.read() if subject.known_as in one.subjects and one.covers("agreement")]
    for again, seed in itertools.product(long.LONG[subject.kind.name], range(3)):
        example = long.drawn(subject, again, seed).example
        assert not [one.name for one in refusing if np.any(one.rows(subject.kind, example))], again


def test_an_example_is_drawn_again_by_its_name_and_seed():
    softmax = subjects.find("keras.layers.Softmax")
    first, second = (long.drawn(softmax, "8,209 keys", seed=3).example for _ in range(2))
    assert np.array_equal(first.inputs["scores"], second.inputs["scores"])


def test_another_name_or_seed_draws_another_example():
    names = ("8,209 keys", "8,209 keys, some hidden")
    softmax = subjects.find("keras.layers.Softmax")
    drawn = [long.drawn(softmax, name, seed).example.inputs["scores"] for name in names for seed in (3, 4)]
    assert all(not np.array_equal(one, other) for one, other in itertools.combinations(drawn, 2))


def test_what_was_compiled_for_an_example_is_forgotten_before_the_next(monkeypatch):
    happened = []
    monkeypatch.setattr(long, "forget_compiled", lambda: happened.append("forgotten"))
    long.walk(subjects.find("keras.layers.Softmax"), lambda drawn, trials: happened.append(drawn.again[0]), seed=0)
    assert happened == [one for name in long.LONG["softmax"] for one in (name, "forgotten")]


def test_a_long_counterexample_is_a_short_script_that_runs_on_its_own():
    report = parity_tests.check(mutants.PositionsBeyond4096NotPooled, long=True)
    (subject,) = report.subjects
    counterexample = next(one.counterexample for one in subject.properties if one.name == "output_alone")
    program = script(counterexample)
    assert len(program) < 1000
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "output_alone disagrees" in done.stdout


@pytest.mark.parametrize(
    ("target", "name", "message"),
    [
        ("no.such.module:Layer", "8,209 keys", "target: expected a class to import, received 'no.such.module:Layer'"),
        ("keras.layers.Softmax", "8,210 keys", "name: expected one of '8,209 keys', "),
    ],
)
def test_a_long_counterexample_that_cannot_be_told_exits_with_2(target, name, message, capsys):
    assert parity_tests.replay(target, "output", long.LongExample(name, 0)) == 2
    assert capsys.readouterr().err.startswith(f"parity_tests: {message}")


def test_what_shows_beyond_4096_positions_alone_does_not_show_in_others():
    subject = subject_of("PositionsBeyond4096NotPooled", mutants.PositionsBeyond4096NotPooled)
    assert first_disagreement(subject, examples=30, seed=0)[1] == ()


def late(array):
    """Which queries are beyond the reach, of an array (..., T, S)."""
    return ops.arange(ops.shape(array)[-2])[:, None] >= mutants.long.REACH


class LeaksBesidePadding(keras_impl.AttentionLayer):
    """Late queries see ahead where something is hidden besides."""

    def compute_visible(self, scores, masks, causal):
        compute = super().compute_visible
        visible, unordered = compute(scores, masks, causal), compute(scores, masks, False)
        return visible if unordered is None else ops.where(late(scores), unordered, visible)


class LeaksInSelfAttention(keras_impl.SelfAttention):
    """The same."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        sound = self.attention
        self.attention = LeaksBesidePadding(sound.scaled, sound.dropout, sound.seed, dtype=self.dtype_policy)


class LeaksBesideAMask(keras.layers.MultiHeadAttention):
    """Late queries see ahead where the layer makes a mask of the order, as beside another mask."""

    def _compute_causal_mask(self, query, value=None):
        visible = super()._compute_causal_mask(query, value)
        return ops.logical_or(visible, late(visible))


@pytest.mark.parametrize("leaks", [LeaksBesidePadding, LeaksInSelfAttention, LeaksBesideAMask])
def test_late_queries_that_see_ahead_are_found(leaks, shorter):
    shorter(32)
    assert not parity_tests.check(leaks, long=True).agrees


@pytest.mark.backend
@pytest.mark.parametrize("target", ["keras_impl:AttentionPooling", "keras.layers.AdditiveAttention"])
def test_a_sound_layer_agrees(target):
    assert parity_tests.check(target, long=True).agrees


def test_long_examples_are_a_test_of_somebodys_own_suite():
    parity_tests.parity_test(keras_impl.AttentionPooling, long=True)()
    with pytest.raises(AssertionError, match="positions"):
        parity_tests.parity_test(mutants.PositionsBeyond4096NotPooled, long=True)()


@pytest.mark.ci
@pytest.mark.tensorflow
@pytest.mark.skipif(not processes.memory_is_told(), reason="the peak of a process can be measured on Linux alone")
def test_a_long_check_takes_less_than_a_gigabyte_of_its_own():
    target = "keras.layers.MultiHeadAttention"  # of all layers the one that takes most, by all its examples together
    assert long_checks.LongCheck(target, *long_checks.of_check(target)).own < 1e9
