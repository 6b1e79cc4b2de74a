"""Dropout, whose randomness the check sees through: of identity matrices as values the output is the weights."""

import math

import numpy as np

from parity_tests.backend import dtype_name, to_numpy
from parity_tests.comparison import Outcome, within_bound
from parity_tests.layers import BuiltLayer
from reference.rounding import ARITHMETIC, track

RARE = 50 * math.log(2)  # each of the ten tails that are looked at is beyond that once in 2**50 times
THROUGH_SCORES = ("query", "key", "scale", "_q", "_k")  # gradients to which the values contribute nothing


def dropout(layers, example):
    """In training, weights are dropped at the given rate, and the others scaled up to make good for them.

    Which were dropped is read off the output; it must look random along every axis. The gradients are held to those
    of exactly these weights. Weights that are returned are those before dropout. The layer is restored from its
    configuration, as the rate must be part of it. Another call drops others, and one without training nothing.
    """
    subject, rate = layers.subject, example.constructor.get("dropout")
    if not rate:
        return {}
    counts = example.judged.any()  # a known difference excuses all rows or none
    example = subject.kind.identity(example)
    if not counts and example.d_weights is not None:
        example = example._replace(d_weights=np.zeros_like(example.d_weights))
    layer = BuiltLayer(subject, example, restored=True)
    results, gradients = layer.run_with_gradients(example)
    again, _ = layer.run_with_gradients(example)
    after = layer.run(example._replace(training=False), return_attention_scores=False)
    if dtype_name(results[0]) not in ARITHMETIC:
        return {}
    arithmetic = ARITHMETIC[dtype_name(results[0])]
    factor = track(1 / (1 - np.longdouble(rate)), arithmetic)
    expected = subject.kind.expected(example, arithmetic)
    kept = to_numpy(results[0]) != 0
    first, second = np.split(kept, 2, axis=-1)
    visible = subject.kind.visible(example)
    outcomes = {
        "dropout": within_bound(to_numpy(results[0]), np.where(kept, expected["output"] * factor, 0.0)),
        "dropout_rate": _at_random(first, to_numpy(again[0])[..., : first.shape[-1]] != 0, visible, 1 - rate),
    }
    if outcomes["dropout"].agrees:
        outcomes["dropout"] = within_bound(to_numpy(after), expected["output"])
    if np.any(first != second):
        outcomes["dropout"] = Outcome(False, np.inf, message="of one weight, some products with values are dropped")
    if len(results) == 2:
        judged = example.judged & counts
        outcomes["weights_in_training"] = within_bound(to_numpy(results[1]), expected["weights"], judged)
    d_weights = np.where(first, track(sum(np.split(example.d_output, 2, axis=-1)), arithmetic) * factor, 0.0)
    if example.d_weights is not None:
        d_weights = d_weights + track(example.d_weights, arithmetic)
    without_output = example._replace(d_output=np.zeros_like(example.d_output), d_weights=d_weights)
    expected = subject.kind.expected(without_output, arithmetic)
    for name, gradient in gradients.items():
        if outcomes["dropout"].agrees and name.endswith(THROUGH_SCORES):
            outcomes["dropout"] = within_bound(None if gradient is None else to_numpy(gradient), expected[name])
    return outcomes


def _at_random(kept, again, visible, share):
    """Whether as many are kept as should be, and calls and neighbours along each axis know nothing of one another."""
    if unlikely(int(kept[visible].sum()), int(visible.sum()), share):
        message = f"kept {kept[visible].mean():.3f} of the weights, expected {share:.3f}"
        return Outcome(False, np.inf, message=message)
    expected = share**2 + (1 - share) ** 2
    if unlikely(int((kept == again)[visible].sum()), int(visible.sum()), expected):
        message = f"two calls drop the same {(kept == again)[visible].mean():.3f} of the time"
        return Outcome(False, np.inf, message=message)
    for axis, name in enumerate(("items", "queries", "keys")):
        pairs = kept.shape[axis] // 2
        first, second = (np.arange(pairs) * 2 + number for number in (0, 1))
        both = np.take(visible, first, axis) & np.take(visible, second, axis)
        same = (np.take(kept, first, axis) == np.take(kept, second, axis))[both]
        if unlikely(int(same.sum()), same.size, expected):
            return Outcome(False, np.inf, message=f"neighbouring {name} drop the same {same.mean():.3f} of the time")
    return Outcome(True)


def unlikely(count, total, probability):
    """Whether ``count`` of ``total`` independent events is rarer than once in 2**50, by Chernoff's bound.

    Hoeffding, "Probability Inequalities for Sums of Bounded Random Variables" (1963), theorem 1.
    """
    if total == 0:
        return False
    share = count / total
    divergence = sum(p * math.log(p / q) for p, q in ((share, probability), (1 - share, 1 - probability)) if p > 0)
    return total * divergence > RARE
