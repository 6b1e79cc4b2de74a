"""What Keras does instead of attention of heads that are there already: as often as it is known to, and no oftener."""

import itertools

import keras
import numpy as np
import pytest

from parity_tests import adapters, conditions, strategies
from parity_tests.backend import full_precision, quiet, to_numpy
from parity_tests.judgement import judge
from parity_tests.keras_op import DotProductAttention
from parity_tests.layers import Layers
from parity_tests.properties import agreement, compute_mask, hidden_positions, outcomes, permutation, repeated_calls

pytestmark = pytest.mark.backend
BACKEND = keras.backend.backend()
SETTLED = {"lengths": "free", "depths": "free", "d_k": 3, "H": 2, "dtype": "float32", "traced": False}
ONE_KEY_HEAD = (1, 2) if BACKEND != "tensorflow" else (1,)  # query heads to a key head, of which TensorFlow refuses two


def drawn(subject, **settled):
    """An example, of which some choices are settled."""
    (first, *_) = strategies.of_corner(subject.kind, subject.options, {**SETTLED, **settled}, seed=0)
    return first.example


@pytest.mark.parametrize("scale", [0.0, -0.75, 0.3])
def test_a_causal_call_gives_nan_in_the_rows_that_are_known(scale):
    subject = adapters.KerasDotProductAttention()
    layers, known_of_any = Layers(subject), conditions.visible.hidden_by_causal_and_scale_not_positive
    besides = itertools.product(ONE_KEY_HEAD, ("nothing", "mask", "bias"))
    ways = [(1, one) if one == "bias" else (groups, one) for groups, one in besides]  # else PyTorch refuses a bias
    for (T, S), (groups, one) in itertools.product([(2, 1), (2, 4), (4, 3)], ways):
        given = {"mask given": one == "mask", "bias given": one == "bias", "bias axes": (True,) * 4}
        given |= {"fewer mask axes": False, "causal": True, "scores": "integers"}
        example = drawn(subject, T=T, S=S, groups=groups, scale=scale, **given)
        with quiet():
            (output,) = layers.of(example).run(example, False)
        known = known_of_any(subject.kind, example) & (BACKEND == "torch")
        assert np.array_equal(np.isnan(to_numpy(output)).all(axis=-1), known)
        assert np.array_equal(np.isnan(to_numpy(output)).any(axis=-1), known)


class CausalForgottenUnlessScaledUp(DotProductAttention):
    """Attends the future too if its scale is not positive."""

    def call(self, inputs, shown=None, use_causal_mask=False):
        return super().call(inputs, shown=shown, use_causal_mask=use_causal_mask and self.scale > 0)


class ZeroForNaN(DotProductAttention):
    """Says 0 where it has no number."""

    def call(self, inputs, shown=None, use_causal_mask=False):
        return keras.ops.nan_to_num(super().call(inputs, shown=shown, use_causal_mask=use_causal_mask))


@pytest.mark.parametrize("scale", [0.0, -0.75])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_layer_that_says_0_for_no_number_is_not_excused_where_pytorch_says_nan(scale, dtype):
    subject, given = adapters.KerasDotProductAttention("a layer", ZeroForNaN), {"mask given": False}
    settled = {"groups": 1, "causal": True, "scores": "integers", "values": "ordinary", "bias given": False}
    example = drawn(subject, T=5, S=5, dtype=dtype, scale=scale, **given, **settled)
    output, excuses = judge(agreement, Layers(subject), example)["output_alone"]
    assert output.agrees == (BACKEND != "torch")
    assert not excuses


class TenthOfTheGradient(DotProductAttention):
    """Learns from its values a tenth as fast as it should."""

    def call(self, inputs, shown=None, use_causal_mask=False):
        output = super().call(inputs, shown=shown, use_causal_mask=use_causal_mask)
        return 0.1 * output + 0.9 * keras.ops.stop_gradient(output)


# As many keys as fill the vectors of a processor are computed in another way.
@pytest.mark.parametrize(("T", "S", "dtype"), [(5, 5, "float32"), (16, 16, "float32"), (24, 16, "float16")])
@pytest.mark.parametrize("scale", [0.0, -0.75])
@pytest.mark.parametrize(
    ("layer", "trial", "wrong"),
    [
        (DotProductAttention, agreement, set()),
        (DotProductAttention, hidden_positions, set()),
        (DotProductAttention, permutation, set()),
        (DotProductAttention, repeated_calls, set()),
        (CausalForgottenUnlessScaledUp, agreement, {"output_alone", "d_value"}),
        (CausalForgottenUnlessScaledUp, permutation, {"permutation"}),
        (TenthOfTheGradient, agreement, {"d_value"}),
    ],
)
def test_what_is_no_number_is_known_to_be_none_and_all_else_is_looked_at(layer, trial, wrong, scale, T, S, dtype):
    subject, given = adapters.KerasDotProductAttention("a layer", layer), {"mask given": False, "bias given": False}
    settled = {"groups": 1, "causal": True, "scores": "integers", "values": "ordinary"}
    example = drawn(subject, T=T, S=S, dtype=dtype, scale=scale, **given, **settled)
    judged = judge(trial, Layers(subject), example)
    assert {name for name, (outcome, _) in judged.items() if not outcome.agrees} - {"d_query", "d_key"} == wrong
    if BACKEND == "torch" and not wrong and trial is agreement:  # others may show nothing where it attends nothing
        assert ("causal_scale_not_positive",) in [excuses for _, excuses in judged.values()]


@pytest.mark.parametrize("name", ["mask", "bias"])
def test_a_mask_or_bias_is_refused_if_it_is_known_to_be(name):
    subject = adapters.KerasDotProductAttention()
    given = {"mask given": False, "bias given": False, f"{name} given": True, f"fewer {name} axes": True}
    for causal, of_queries in itertools.product((False, True), repeat=2):
        axes = {f"{name} axes": (False, False, of_queries, True)}
        example = drawn(subject, causal=causal, scale=None, groups=1, **given, **axes)
        raised = outcomes(agreement, Layers(subject), example).get("agreement")
        known = conditions.masks.mask_or_bias_of_keys(subject.kind, example)
        assert (raised is not None and "Dimension out of range" in raised.message) == (BACKEND == "torch" and known)


class Leaking(DotProductAttention):
    """Adds a trace of the hidden values too."""

    def call(self, inputs, shown=None, use_causal_mask=False):
        leaked = 1e-20 * keras.ops.sum(inputs[2], axis=(1, 2), keepdims=True)
        output = super().call(inputs, shown=shown, use_causal_mask=use_causal_mask)
        return output + keras.ops.cast(leaked, output.dtype)


def test_what_is_hidden_is_looked_at_in_float64_whatever_it_is_computed_in():
    given = {"mask given": False, "bias given": False, "causal": False, "dtype": "float64"}
    masks = {"mask": np.array([[[[True, False, True, False, True]]]])}
    for layer, sound in ((DotProductAttention, True), (Leaking, False)):
        subject = adapters.KerasDotProductAttention("a layer", layer)
        example = drawn(subject, S=5, groups=1, scale=None, values="integers", **given)
        example = example._replace(masks=masks)
        with full_precision("float64"):
            outcome, excuses = judge(hidden_positions, Layers(subject), example)["hidden_positions"]
        assert (outcome.agrees, excuses) == (sound, ())


def test_nothing_is_said_of_a_mask_that_a_function_cannot_hand_on():
    subject = adapters.KerasDotProductAttention()
    assert outcomes(compute_mask, Layers(subject), drawn(subject, **{"mask given": True})) == {}
