"""Dropout, whose randomness the check sees through: of identity matrices as values the output is the weights.

A gate, of which none is 0, leaves to be seen which they are.
"""

import numpy as np

from parity_tests.backend import dtype_name, to_numpy
from parity_tests.built_layer import BuiltLayer
from parity_tests.comparison import Outcome, within_bound, worst
from parity_tests.trials.chance import at_random, unlikely
from reference.rounding import ARITHMETIC, track

OF_THE_TRIAL = ", with identity matrices as values,"
MANY = 16  # times as many items, for the share that is dropped


def dropout(layers, example):
    """In training, weights are dropped at the given rate, and the others scaled up to make good for them.

    Which were dropped is read off the output; it must look random along every axis. The gradients are held to those
    of exactly these weights. Weights that are returned are those before dropout. The layer is restored from its
    configuration, as the rate must be part of it. Another call drops others, and one without training nothing.
    """
    subject = layers.subject
    if not example.constructor.get("dropout") or not example.judged.size:
        return {}
    example = subject.kind.identity(example)
    layer = BuiltLayer(subject, example, restored=True)
    results, gradients = layer.run_with_gradients(example)
    return _outcomes(layers, layer, example, results, gradients) if dtype_name(results[0]) in ARITHMETIC else {}


def _outcomes(layers, layer, example, results, gradients):
    """What each property says of a call in training with identity matrices as values."""
    subject = layers.subject
    expected = subject.kind.expected(example, layers.arithmetic(dtype_name(results[0])))
    weights, of_returned = expected["weights"], 1.0
    kept = _of_identity(results[0], weights)
    outcomes = {
        "dropout": _of_output(layer, example, results[0], weights, expected["output"]),
        "dropout_rate": _of_chance(layer, example, kept, _told(expected)),
    }
    if len(results) == 2:
        received = to_numpy(results[1])
        if layers.return_dropped:
            of_returned = _factors(example, _kept_of_returned(received, kept, expected), weights)
        outcomes["weights_in_training"] = _of_returned(layers, layer, example, received, expected, of_returned)
    if outcomes["dropout"].agrees:  # else nobody knows what was dropped
        outcomes["gradients_in_training"] = _of_gradients(subject.kind, example, gradients, weights, kept, of_returned)
    if "seed" in example.constructor and not example.traced:
        outcomes["dropout_seed"] = _of_seed(subject, example, kept)
    return outcomes


def _by_weights(output, weights):
    """An output that is the weights twice, as an array of their axes, of which the last is twice as long."""
    output = output if isinstance(output, np.ndarray) else to_numpy(output)
    return output.reshape(-1, *weights.shape[1:-1], 2 * weights.shape[-1])


def _of_identity(output, weights):
    """Which weights are not 0, of an output that is the weights twice."""
    return _by_weights(output, weights)[..., : weights.shape[-1]] != 0


def _results(layer, example):
    """What `run_with_gradients` gives beside the gradients, which take an eager call as long again."""
    if example.traced:
        return layer.run_with_gradients(example)[0]
    return layer.run(example, return_attention_scores=example.d_weights is not None)


def _factor(example, arithmetic):
    return track(1 / (1 - np.longdouble(example.constructor["dropout"])), arithmetic)


def _of_output(layer, example, output, weights, expected):
    """Whether what is left is scaled up, of each weight for all values alike, and all is there without training."""
    kept = np.tile(_of_identity(output, weights), 2).reshape(expected.shape)
    left = np.where(kept, expected * _factor(example, expected.arithmetic), 0.0)
    first, second = np.split(_by_weights(output, weights), 2, axis=-1)
    (after,) = layer.run(example._replace(training=False), return_attention_scores=False)
    outcomes = {
        f"in training{OF_THE_TRIAL}": within_bound(to_numpy(output), left),
        f"at inference{OF_THE_TRIAL}": within_bound(to_numpy(after), expected),
    }
    if np.any((first != 0) != (second != 0)):
        outcomes[""] = Outcome(False, np.inf, message="of one weight, some products with values are dropped")
    return worst(outcomes)


def _factors(example, kept, weights):
    """What each weight is multiplied by, as it is dropped or kept."""
    return np.where(kept, _factor(example, weights.arithmetic), 0.0)


def _told(expected):
    """Which weights the output tells, as those of a hidden query it does not."""
    return _of_identity(expected["output"].value, expected["weights"])


def _kept_of_returned(received, kept, expected):
    """The same of weights that are returned, which tell it themselves where the output does not."""
    return np.where(_told(expected), kept, (received != 0) if received.shape == kept.shape else True)


def _of_returned(layers, layer, example, received, expected, factors):
    """Whether weights that are returned are those before dropout times these factors.

    Where they tell themselves which were dropped, that must look random too.
    """
    weights = expected["weights"]
    outcomes = {"": within_bound(received, weights * factors)}
    untold = (weights.value != 0) & ~_told(expected)
    if layers.return_dropped and outcomes[""].agrees and untold.any():
        outcomes["of hidden queries"] = _of_chance(layer, example, received != 0, untold, returned=True)
    return worst(outcomes)


def _of_gradients(kind, example, gradients, weights, kept, of_returned):
    """Whether the gradients are those of an example whose weights are dropped on their way to the values.

    Those that are returned come from the weights before, times a number.
    """
    factors = _factors(example, kept, weights)
    through_values = kind.through_values(example, weights * factors)
    d_weights = through_values.pop("d_weights", None)  # of those that were kept
    if d_weights is None:
        d_weights = track(sum(np.split(_by_weights(example.d_output, weights), 2, axis=-1)), weights.arithmetic)
    d_weights = d_weights * factors
    if example.d_weights is not None:
        d_weights = d_weights + track(example.d_weights, weights.arithmetic) * of_returned
    without_output = example._replace(d_output=np.zeros_like(example.d_output), d_weights=d_weights)
    truth = kind.expected(without_output, weights.arithmetic)
    for name, by_values in through_values.items():
        truth[name] = truth[name] + by_values if name in truth else by_values
    return worst(
        {
            f"of {name}{OF_THE_TRIAL}": within_bound(None if gradient is None else to_numpy(gradient), truth[name])
            for name, gradient in gradients.items()
            if name in truth
        }
    )


def _of_seed(subject, example, kept):
    """Whether a layer of the same seed drops the same, and one of another seed others; so do two without a seed."""
    seed = example.constructor["seed"]
    for other, expected in ((seed, "the same"), (seed + 1, "other")):
        twin_example = example._replace(constructor={**example.constructor, "seed": other})
        twin = BuiltLayer(subject, twin_example, restored=True)
        again = _of_identity(_results(twin, twin_example)[0], kept)
        received = "the same" if np.array_equal(again, kept) else "other"
        if received != expected:
            message = f"a second layer, made with seed={other}: expected to drop {expected} weights, dropped {received}"
            return Outcome(False, np.inf, message=f"after a layer with seed={seed}, {message}")
    return _of_no_seed(subject, example._replace(constructor={**example.constructor, "seed": None}), kept)


def _of_no_seed(subject, example, kept):
    """Whether two layers without a seed drop others."""
    twins = [BuiltLayer(subject, example, restored=True) for _ in range(2)]
    one, other = (_of_identity(twin.run(example, return_attention_scores=False)[0], kept) for twin in twins)
    if np.array_equal(one, other):
        return Outcome(False, np.inf, message="two layers, made with seed=None: expected to drop other weights each")
    return Outcome(True)


def _of_chance(layer, example, kept, readable, returned=False):
    """Whether what is dropped looks random: the share of very many weights, and the rest of two calls.

    It is read off the output, or off the weights that are ``returned``.
    """
    rate = example.constructor["dropout"]
    many = example.taken(np.tile(np.arange(len(kept)), MANY))

    def read(results):
        return to_numpy(results[1]) != 0 if returned else _of_identity(results[0], kept)

    left = read(layer.run(many, return_attention_scores=returned))[np.concatenate(MANY * [readable])]
    for one in (left, kept[readable]):
        if unlikely(int(one.sum()), one.size, 1 - rate):
            return Outcome(False, np.inf, message=f"kept {one.mean():.3f} of the weights, expected {1 - rate:.3f}")
    return at_random(kept, read(_results(layer, example)), readable, 1 - rate)
