"""Known differences are still there, are as narrow as they say, and excuse nothing else."""

import itertools
from importlib.resources import files

import keras
import numpy as np
import pytest

import parity_tests
from parity_tests import adapters, conditions, divergences, mutants, reproduction, strategies, subjects
from parity_tests.__main__ import main
from parity_tests.backend import BACKENDS, computed_dtype
from parity_tests.conditions import CONDITIONS
from parity_tests.judgement import disagreements, judge
from parity_tests.layers import Layers
from parity_tests.properties import agreement, hidden_positions, outcomes, reloading

KNOWN = {divergence.name: divergence for divergence in divergences.read()}
HERE = [name for name, divergence in KNOWN.items() if divergence.is_here]
pytestmark = pytest.mark.backend
MET_BY_THE_CHECK = [name for name in HERE if KNOWN[name].condition]


def subject_of(divergence):
    (first, *_) = divergence.subjects
    return adapters.KerasAttention() if first == divergences.EVERY else subjects.find(first)


@pytest.mark.parametrize("name", HERE)
def test_it_is_still_so(name, capsys):
    assert reproduction.differs(KNOWN[name]), f"gone in Keras {keras.__version__}: remove {name} from divergences.toml"
    assert capsys.readouterr().out.strip(), "the program shows nothing"


@pytest.mark.parametrize("name", MET_BY_THE_CHECK)
def test_it_covers_no_row_of_a_plain_example(name):
    subject = subject_of(KNOWN[name])
    assert not KNOWN[name].rows(subject.kind, subject.kind.plain(subject.options)).any()


def test_every_entry_says_all_that_it_must():
    for divergence in KNOWN.values():
        assert divergence.nature in divergences.NATURES
        assert divergence.whose in ("Keras", "JAX", "XLA", "PyTorch")
        assert divergence.excuses in ("rows", "items", "examples", "precision")
        assert (divergence.excuses == "precision") == (divergence.loses in divergences.LOSSES)
        assert bool(divergence.condition) == bool(divergence.properties)
        assert divergence.condition in ("", *CONDITIONS)
        assert set(divergence.subjects) <= {*subjects.registered(), divergences.EVERY}
        assert set(divergence.backend) <= {*BACKENDS, divergences.ANYWHERE}
        assert divergence.sentence.endswith(".")
        seen = tuple(int(part) for part in divergence.keras.split("."))
        assert seen <= tuple(int(part) for part in keras.__version__.split(".")[:3])


def test_the_page_is_current():
    written = files("parity_tests").joinpath("DIVERGENCES.md").read_text(encoding="utf-8")
    assert written == reproduction.page(), "python -m parity_tests divergence --markdown parity_tests/DIVERGENCES.md"


def causal_and_its_first_key_hidden():
    """Three positions: the first sees nothing, the second one key, the third two."""
    return parity_tests.Example(
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


def test_a_row_that_is_excused_excuses_no_other():
    class FaultyBesides(adapters.KerasAttention):
        def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask, **training):
            query, key, value = inputs
            doubled = [2 * query, key, value]
            return super().call(layer, doubled, masks, return_attention_scores, use_causal_mask, **training)

    example = causal_and_its_first_key_hidden()
    _, excuses = judge(agreement, Layers(adapters.KerasAttention()), example)["output"]
    assert excuses == ("nothing_visible",)
    outcome, excuses = judge(agreement, Layers(FaultyBesides()), example)["output"]
    assert (outcome.agrees, excuses) == (False, ())


def test_a_loss_of_precision_excuses_nothing_that_is_larger():
    class OffByATenth(keras.layers.Softmax):
        def call(self, inputs, mask=None):
            return 1.1 * super().call(inputs, mask=mask)

    settled = {"axis": (2, 3), "scores": "large", "dtype": "float32", "traced": False, "S": 8, "lengths": "free"}
    for layer, agrees in ((keras.layers.Softmax, True), (OffByATenth, False)):
        subject = subjects.find(layer)
        (drawn, *_) = strategies.of_corner(subject.kind, subject.options, settled, seed=0)
        outcome, excuses = judge(agreement, Layers(subject), drawn.example)["output_alone"]
        assert (outcome.agrees, excuses) == (agrees, ("softmax_over_several_axes",) if agrees else ())


@pytest.mark.tensorflow
def test_a_scale_that_is_known_to_be_rounded_excuses_no_other():
    plain = {"attention_axes": None, "causal": False, "sliding_window": None, "attention_mask given": False}
    settled = {**plain, "dtype": "float64", "traced": False, "d_k": 3, "values": "moderate", "T": 4, "S": 5}
    for layer, agrees in ((keras.layers.MultiHeadAttention, True), (mutants.ScaleOfAllHeads, False)):
        subject = subjects.find(layer)
        (drawn, *_) = strategies.of_corner(subject.kind, subject.options, settled, seed=0)
        outcome, excuses = judge(agreement, Layers(subject), drawn.example)["d_W_q"]
        assert (outcome.agrees, excuses) == (agrees, ("scale_in_float32",) if agrees else ())


def test_an_error_that_is_not_the_known_one_is_not_excused():
    class Refusing(adapters.KerasMultiHeadAttention):
        def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask, **how):
            raise ValueError("something else")

    settled = {"attention_axes": 2, "causal": True, "B": 4, "T": 3, "S": 5, "lengths": "free", "traced": False}
    excused = []
    for subject in (adapters.KerasMultiHeadAttention(), Refusing()):
        (drawn, *_) = strategies.of_corner(subject.kind, subject.options, settled, seed=0)
        layers = Layers(adapters.KerasMultiHeadAttention())
        made = layers.of(drawn.example)  # a layer that could be called, and made its weights
        layers.subject = made.subject = subject
        outcome, excuses = judge(agreement, layers, drawn.example)["agreement"]
        excused.append((outcome.agrees, "causal_along_another_axis" in excuses))
    assert excused == [(True, True), (False, False)]


def test_what_excuses_gradients_excuses_no_output():
    class FaultyInOneItem(adapters.KerasAttention):
        def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask, **training):
            results = super().call(layer, inputs, masks, return_attention_scores, use_causal_mask, **training)
            output, weights = results if return_attention_scores else (results, None)
            output = 2 * output
            return (output, weights) if return_attention_scores else output

    # In float16, a query that sees nothing and whose scores lie below -16 spoils the gradients of its whole item.
    example = causal_and_its_first_key_hidden()
    halves = {name: (array + 4).astype("float16") for name, array in example.inputs.items()}
    halves["query"] = -halves["query"]
    d_output, d_weights = example.d_output.astype("float16"), example.d_weights.astype("float16")
    example = example._replace(dtype="float16", inputs=halves, d_output=d_output, d_weights=d_weights)
    outcome, excuses = judge(agreement, Layers(FaultyInOneItem()), example)["output"]
    assert (outcome.agrees, excuses) == (False, ())


def test_a_layer_is_excused_by_what_it_is_derived_from_and_no_other_is():
    class Derived(keras.layers.Attention):
        pass

    class Impostor(adapters.KerasAttention):
        def __init__(self):
            super().__init__()
            self.known_as = "impostor"

    for subject, excused in ((subjects.find(Derived), True), (Impostor(), False)):
        outcome, excuses = judge(agreement, Layers(subject), causal_and_its_first_key_hidden())["output"]
        assert (outcome.agrees, bool(excuses)) == (excused, excused)


def test_hidden_contents_leak_into_keras_only_where_it_is_known():
    # A hidden key whose score of 3e10 is still higher than the other's after 1e9 is taken away.
    subject = adapters.KerasAttention()
    example = subject.kind.plain(subject.options)
    key = np.array([[[1.0] * 3, [1e10] * 3]], "float32")
    mask = np.array([[True, False]])
    example = example._replace(
        inputs={**example.inputs, "key": key}, masks={**example.masks, "key_mask": mask, "value_mask": mask}
    )
    outcome, excuses = judge(hidden_positions, Layers(subject), example)["hidden_positions"]
    assert (outcome.agrees, excuses) == (True, ("hidden_outscores",))


PADDED = {"key_mask given": True, "query_mask given": False, "value_mask given": False}
SIZES = {"lengths": "free", "B": 4, "T": 3, "S": 4, "depths": "free", "d_k": 3, "d_v": 3}
LEAKS = {"LeaksInFloat64": True, "LeaksInFloat64WithoutWeights": False}  # with weights


@pytest.mark.parametrize("name", LEAKS)
def test_what_computes_float64_in_float32_may_not_let_hidden_contents_in(name):
    fault = mutants.GALLERY[name]
    of_call = {"dtype": "float64", "traced": False, "causal": False, "d_weights": LEAKS[name], "dropout": 0.0}
    of_masks = {**PADDED, "attention_mask given": False, "attention_axes": None, "sliding_window": None}
    for layer, agrees in ((fault.__base__, True), (fault, False)):
        subject = subjects.find(layer)
        settled = {**of_call, **of_masks, **SIZES, "values": "integers"}
        example = next(strategies.of_corner(subject.kind, subject.options, settled, seed=0)).example
        other = subject.kind.replace_hidden(example).inputs
        assert any(np.any(array != other[key]) for key, array in example.inputs.items()), "nothing is hidden"
        assert bool(disagreements(hidden_positions, Layers(subject), example)) != agrees


def test_scores_that_overflow_in_float32_are_known_where_float64_is_computed_in_it():
    for kind, in_float32 in (("attention_of_heads", True), ("attention", False)):
        example = subjects.KINDS[kind].plain()
        inputs = {name: 1e5 * array.astype("float64") for name, array in example.inputs.items()}  # scores of 3e10
        example = example._replace(dtype="float64", inputs=inputs, d_weights=None)
        known = conditions.scores.overflowing_scores_without_weights(subjects.KINDS[kind], example).all()
        assert known == (in_float32 or computed_dtype("float64") == "float32")


@pytest.mark.parametrize("d_k", [1, 3, 4])
@pytest.mark.parametrize("scaled", [False, True])
def test_large_scores_are_no_numbers_only_if_they_are_multiplied_last_and_that_is_rounded(d_k, scaled):
    subject = subjects.find("keras_impl:AttentionLayer")
    of_call = {"dtype": "float32", "traced": True, "scaled": scaled, "depths": "free", "d_k": d_k, "lengths": "free"}
    settled = {**of_call, "B": 2, "T": 3, "S": 4, "key_mask given": False, "causal": False, "values": "integers"}
    example = next(strategies.of_corner(subject.kind, subject.options, settled, seed=0)).example
    inputs = {name: np.full_like(array, 1e6) for name, array in example.inputs.items()}  # scores of 1e12
    rows = CONDITIONS["scaled_scores_compiled"](subject.kind, example._replace(inputs=inputs))
    rounded = d_k == 1 or (scaled and d_k == 3)
    assert rows.all() == rows.any() == (rounded and keras.backend.backend() == "jax")


def test_jax_compiles_bfloat16_but_for_the_sizes_that_are_known():
    subject = adapters.KerasDotProductAttention()
    on_jax = keras.backend.backend() == "jax"
    for B, T, S, d_k in itertools.product((1, 2), repeat=4):
        sizes = {"H": 1, "groups": 1, "B": B, "T": T, "S": S, "d_k": d_k, "lengths": "free"}
        settled = {**sizes, "dtype": "bfloat16", "traced": True}
        example = next(strategies.of_corner(subject.kind, subject.options, settled, seed=0)).example
        known = conditions.dtypes.one_number_bfloat16_compiled(subject.kind, example)
        raised = outcomes(agreement, Layers(subject), example).get("agreement")
        assert (raised is not None and "ElementalIrEmitter" in raised.message) == (on_jax and known)


ALIKE = {"T": 3, "S": 3, "B": 2, "lengths": "free", "depths": "free", "use_bias": True, "attention_axes": None}


@pytest.mark.tensorflow
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("bias", [{"H": 3, "d_k": 1, "d_v": 1}, {"H": 2, "d_k": 2, "d_output": 3, "output axes": 2}])
def test_biases_go_along_another_axis_in_a_graph_that_knows_its_sizes(bias, known):
    subject = subjects.find("keras.layers.MultiHeadAttention")
    settled = {**ALIKE, **bias, "dtype": "float32", "traced": True, "sizes known": known}
    example = next(strategies.of_corner(subject.kind, subject.options, settled, seed=0)).example
    assert conditions.options.bias_along_another_axis(subject.kind, example) == known
    found = judge(agreement, Layers(subject), example).values()
    assert any("bias_along_another_axis" in excuses for _, excuses in found) == known


def test_an_example_that_is_excused_as_a_whole_may_have_no_items():
    subject = adapters.KerasDotProductAttention()
    settled = {"H": 2, "groups": 2, "B": 0, "lengths": "free", "traced": False}
    (drawn, *_) = strategies.of_corner(subject.kind, subject.options, settled, seed=0)
    assert all(outcome.agrees for outcome, _ in judge(agreement, Layers(subject), drawn.example).values())


def test_the_command_runs_the_program_of_one_and_says_whether_it_is_still_so(capsys):
    name = "weights_after_dropout"
    assert main(["divergence", name]) == 1
    shown = capsys.readouterr().out
    assert "differs = " in shown
    assert f"{name}: It is still so. Keras {keras.__version__} on {keras.backend.backend()}." in " ".join(shown.split())


def test_the_command_lists_them_all(capsys):
    assert main(["divergence"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in KNOWN)


def test_a_program_that_shows_nothing_any_more_is_told(capsys, monkeypatch):
    gone = KNOWN["weights_after_dropout"]._replace(reproduction="print('all is well')\ndiffers = False")
    monkeypatch.setattr(divergences, "read", lambda: (gone,))
    assert main(["divergence", gone.name]) == 0
    assert "It is gone" in capsys.readouterr().out


def test_a_divergence_that_nobody_knows_is_refused_in_one_line(capsys):
    assert main(["divergence", "no_such_name"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("parity_tests: name: expected one of ")
    assert said.count("\n") == 1


def test_what_is_no_number_where_nothing_is_visible_is_none_when_reloaded_either():
    example = subjects.KINDS["attention"].plain()
    halves = {name: array.astype("float16") for name, array in example.inputs.items()}
    masks = {**example.masks, "key_mask": np.zeros((1, 2), dtype=bool)}  # on PyTorch the output is then NaN
    example = example._replace(dtype="float16", inputs=halves, masks=masks, weights={})
    assert not disagreements(reloading, Layers(adapters.KerasAttention()), example)
