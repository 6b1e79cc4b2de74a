"""What layers do instead of what the reference does: the names that ``instead`` has in ``divergences.toml``.

Of the properties that such an account tells, a known difference excuses nothing: the layer is held to it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np

from parity_tests.comparison import NO_NUMBERS
from parity_tests.folded import halves
from parity_tests.instead import misplaced_bias, mixed_masks, no_number, nothing_visible


class Instead(NamedTuple):
    """What a layer does instead; what a field is None of, it does as it should.

    Attributes
    ----------
    sees
        The example that it computes, given the kind and the one that it is given; None where it must raise an error.
    truth
        The truth in place of that of the kind, given the kind, the function that returns this one, an example and an
        arithmetic.
    received
        What is compared with the truth, given the kind, the name of a result or gradient, the example, what is
        received, and the truth: that, where what is received is NaN as it is known to be.
    symbol
        The shape and dtype of a result of a call without numbers, given the name of what is said, the example, and
        what they should be.
    dtypes
        Those that its results may have.
    returns_dropped
        Whether the weights that it returns are those after dropout.
    knows_order
        Whether the result depends on the order of items or of keys, so that another order shows nothing.
    forward_alone
        The backends on which it tells nothing of gradients.
    """

    sees: Callable[..., Any] | None = None
    truth: Callable[..., Any] | None = None
    received: Callable[..., Any] | None = None
    symbol: Callable[..., Any] | None = None
    dtypes: tuple[str, ...] = ()
    returns_dropped: bool = False
    knows_order: bool = False
    forward_alone: tuple[str, ...] = ()

    def tells(self, name):
        """Whether it tells what is received in a property."""
        of_none = {
            "symbolic": self.symbol,
            "dtype": self.dtypes or None,
            "hidden_positions": self.sees or self.received,
        }
        of_none |= dict.fromkeys(("repeated_calls", "reloading"), self.received)
        if name in NO_NUMBERS:
            return of_none.get(name) is not None
        if name.startswith("d_") and keras.backend.backend() in self.forward_alone:
            return False
        if name in ("weights_in_training", "gradients_in_training"):
            return self.returns_dropped
        return any(one is not None for one in (self.sees, self.truth, self.received))


def scale_in_float32(kind, example):
    """The scale is rounded to float32, and nothing else; a function that is given none computes it in float32."""
    constructor = example.constructor
    if "key_dim" in constructor:
        scale = np.float32(constructor["key_dim"] ** -0.5)
    elif constructor["scale"] is None:
        scale = 1 / np.sqrt(np.float32(example.inputs["query"].shape[-1]))
    else:
        scale = np.float32(constructor["scale"])
    return example._replace(constructor={**constructor, "scale": float(scale)})


def square(name, example, shape, dtype):
    """The symbolic weights are as long and as wide as axis 1 of the query, whatever is attended."""
    if name != "weights":
        return shape, dtype
    B, T = example.judged.shape
    H, along = shape[2], example.manner.get("along")
    if along is None:
        return (B, T, H, T), dtype
    length = T if along == 1 else halves(B)[1]
    return (halves(B)[0] * length, H, length), dtype


def as_asked_for(name, example, shape, dtype):
    """The dtype that the layer was asked to compute in, whatever it computes in."""
    return shape, example.dtype


INSTEAD = {
    "attends without the mask where nothing is visible": Instead(truth=nothing_visible.without_the_mask),
    "attends evenly where nothing is visible": Instead(truth=nothing_visible.evenly, forward_alone=("torch",)),
    "rounds the scale to float32": Instead(sees=scale_in_float32),
    "combines masks as if the first axis were attended": Instead(sees=mixed_masks.combined, knows_order=True),
    "adds biases along the positions": Instead(truth=misplaced_bias.along_positions, knows_order=True),
    "is no number where a causal mask alone hides": Instead(received=no_number.where_causal_alone_hides),
    "square symbolic weights": Instead(symbol=square),
    "computes in float32": Instead(symbol=as_asked_for, dtypes=("float32",)),
    "takes tanh in float32": Instead(symbol=as_asked_for, dtypes=("float32", "float64")),
    "multiplies in float32": Instead(symbol=as_asked_for, dtypes=("float32", "float64")),
    "returns the weights after dropout": Instead(returns_dropped=True),
}


def truth_of(kind, accounts):
    """The function that gives the truth for an example and an arithmetic, if the layer does all of these instead."""
    expected = kind.expected
    for one in accounts:
        if one.truth is not None:
            expected = partial(one.truth, kind, expected)
    return expected


def seen(kind, accounts, example):
    """The example that the layer computes, if it does all of these instead; None where it must raise an error."""
    for one in accounts:
        if one.sees is not None and example is not None:
            example = one.sees(kind, example)
    return example
