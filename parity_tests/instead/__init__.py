"""What layers do instead of what the reference does: the names that ``instead`` has in ``divergences.toml``.

Of the properties that such an account tells, a known difference excuses nothing: the layer is held to it.
"""

from functools import partial

from parity_tests.instead import misplaced_bias, mixed_masks, no_number, nothing_visible, scale, symbols
from parity_tests.instead.account import Instead

INSTEAD = {
    "attends without the mask where nothing is visible": Instead(truth=nothing_visible.without_the_mask),
    "attends evenly where nothing is visible": Instead(truth=nothing_visible.evenly, forward_alone=("torch",)),
    "rounds the scale to float32": Instead(sees=scale.in_float32),
    "combines masks as if the first axis were attended": Instead(sees=mixed_masks.combined, knows_order=True),
    "adds biases along the positions": Instead(truth=misplaced_bias.along_positions, knows_order=True),
    "attends nothing or is no number where a causal mask alone hides": Instead(
        truth=no_number.attending_nothing, received=no_number.where_causal_alone_hides
    ),
    "square symbolic weights": Instead(symbol=symbols.square),
    "computes in float32": Instead(symbol=symbols.as_asked_for, dtypes=("float32",)),
    "takes tanh in float32": Instead(symbol=symbols.as_asked_for, dtypes=("float32", "float64")),
    "multiplies in float32": Instead(symbol=symbols.as_asked_for, dtypes=("float32", "float64")),
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
