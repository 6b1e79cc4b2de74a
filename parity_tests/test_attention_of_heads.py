"""What Keras does instead of attention of heads that are there already: as often as it is known to, and no oftener."""

import keras
import numpy as np
import pytest

from parity_tests import adapters, strategies
from parity_tests.backend import full_precision
from parity_tests.judgement import judge
from parity_tests.keras_op import DotProductAttention
from parity_tests.layers import Layers
from parity_tests.properties import hidden_positions

pytestmark = pytest.mark.backend
SETTLED = {"lengths": "free", "depths": "free", "d_k": 3, "H": 2, "dtype": "float32", "traced": False}


def drawn(subject, **settled):
    """An example, of which some choices are settled."""
    (first, *_) = strategies.of_corner(subject.kind, subject.options, {**SETTLED, **settled}, seed=0)
    return first.example


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
