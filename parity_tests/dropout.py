"""Dropout, whose randomness the check sees through: of identity matrices as values the output is the weights."""

import math

import numpy as np

from parity_tests.backend import dtype_name, to_numpy
from parity_tests.comparison import Outcome, within_bound, worst
from parity_tests.layers import BuiltLayer
from reference.rounding import ARITHMETIC, track

RARE = 50 * math.log(2)  # each of some eighty tails that are looked at is beyond that once in 2**50 times


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
    if dtype_name(results[0]) not in ARITHMETIC:
        return {}
    arithmetic = ARITHMETIC[dtype_name(results[0])]
    factor = track(1 / (1 - np.longdouble(rate)), arithmetic)
    expected = subject.kind.expected(example, arithmetic)
    kept, readable = (_of_identity(array) for array in (to_numpy(results[0]), expected["output"].value))
    of_output = [within_bound(to_numpy(results[0]), np.where(np.tile(kept, 2), expected["output"] * factor, 0.0))]
    if np.any(to_numpy(results[0])[..., kept.shape[-1] :] != to_numpy(results[0])[..., : kept.shape[-1]]):
        message = "of one weight, some products with values are dropped"
        of_output.append(Outcome(False, np.inf, message=message))
    again = _of_identity(to_numpy(layer.run_with_gradients(example)[0][0]))
    after = layer.run(example._replace(training=False), return_attention_scores=False)
    outcomes = {
        "dropout": worst([*of_output, within_bound(to_numpy(after), expected["output"])]),
        "dropout_rate": at_random(kept, again, readable, 1 - rate),
    }
    if len(results) == 2:
        judged = example.judged & counts
        outcomes["weights_in_training"] = within_bound(to_numpy(results[1]), expected["weights"], judged)
    if outcomes["dropout"].agrees:  # else nobody knows what was dropped
        truth = _gradients(subject.kind, example, expected["weights"], np.where(kept, factor, 0.0))
        outcomes["gradients_in_training"] = worst(
            within_bound(None if gradient is None else to_numpy(gradient), truth[name])
            for name, gradient in gradients.items()
        )
    if "seed" in example.constructor and not example.traced:
        outcomes["dropout_seed"] = _of_seed(subject, example, kept)
    return outcomes


def _of_identity(output):
    """Which weights are not 0, of an output that is the weights twice."""
    return output[..., : output.shape[-1] // 2] != 0


def _gradients(kind, example, weights, factors):
    """The gradients of an example if its weights are multiplied by these factors on their way to the values."""
    d_output = track(example.d_output, weights.arithmetic)
    d_weights = track(sum(np.split(example.d_output, 2, axis=-1)), weights.arithmetic) * factors
    if example.d_weights is not None:
        d_weights = d_weights + track(example.d_weights, weights.arithmetic)
    without_output = example._replace(d_output=np.zeros_like(example.d_output), d_weights=d_weights)
    by_weights = kind.expected(without_output, weights.arithmetic)
    by_values = kind.through_values(example, (weights * factors).mT @ d_output)
    names = (name for name in by_weights if name.startswith("d_"))
    return {name: by_weights[name] + by_values[name] if name in by_values else by_weights[name] for name in names}


def _of_seed(subject, example, kept):
    """Whether a layer of the same seed drops the same, and one of another seed others."""
    seed = example.constructor["seed"]
    for other, expected in ((seed, True), (seed + 1, False)):
        constructor = {**example.constructor, "seed": other}
        twin = BuiltLayer(subject, example._replace(constructor=constructor), restored=True)
        same = np.array_equal(_of_identity(to_numpy(twin.run_with_gradients(example)[0][0])), kept)
        if same != expected:
            drops = "the same" if same else "others"
            return Outcome(False, np.inf, message=f"a layer of seed {seed} drops some weights, one of {other} {drops}")
    return Outcome(True)


def at_random(kept, again, readable, share):
    """Whether as many are kept as should be, and calls, and positions at any distance, know nothing of one another."""
    if unlikely(int(kept[readable].sum()), int(readable.sum()), share):
        message = f"kept {kept[readable].mean():.3f} of the weights, expected {share:.3f}"
        return Outcome(False, np.inf, message=message)
    expected = share**2 + (1 - share) ** 2
    pairs = {"two calls": (np.array([kept, again]), np.array([readable, readable]), 0, 1)}
    for axis, name in enumerate(("items", "queries", "keys")):
        for distance in range(1, kept.shape[axis]):
            pairs[f"{name} at a distance of {distance}"] = (kept, readable, axis, distance)
    slanted, seen = (np.array([np.roll(array, -t, axis=-1)[:, t] for t in range(array.shape[1])])
                     for array in (kept, readable))  # fmt: skip
    pairs["neighbours on a diagonal"] = (slanted, seen, 0, 1)
    for name, (array, seen, axis, distance) in pairs.items():
        same = _same(array, seen, axis, distance)
        if unlikely(int(same.sum()), same.size, expected):
            return Outcome(False, np.inf, message=f"{name} drop the same {same.mean():.3f} of the time")
    return Outcome(True)


def _same(kept, readable, axis, distance):
    """Whether both of a pair are kept or both dropped, of disjoint pairs at a distance along an axis."""
    size = kept.shape[axis]
    first = np.flatnonzero(np.arange(size) // distance % 2 == 0)
    first = first[first + distance < size]
    both = np.take(readable, first, axis) & np.take(readable, first + distance, axis)
    return (np.take(kept, first, axis) == np.take(kept, first + distance, axis))[both]


def unlikely(count, total, probability):
    """Whether ``count`` of ``total`` independent events is rarer than once in 2**50, by Chernoff's bound.

    Hoeffding, "Probability Inequalities for Sums of Bounded Random Variables" (1963), theorem 1.
    """
    if total == 0:
        return False
    share = count / total
    divergence = sum(p * math.log(p / q) for p, q in ((share, probability), (1 - share, 1 - probability)) if p > 0)
    return total * divergence > RARE
