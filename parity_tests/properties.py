"""What is checked of each example: trials of a layer, each of which has something to say on several properties.

A trial takes the layers of a subject and an example, and returns an outcome for each property.
"""

import os
import tempfile

import keras
import numpy as np

from parity_tests.backend import dtype_name, in_words, quiet_warnings, to_numpy
from parity_tests.comparison import Outcome, compare, same, within_bound, worst
from parity_tests.dropout import dropout
from reference.rounding import ARITHMETIC


def agreement(layers, example):
    """Output, weights and all gradients are those of the reference, and of the dtype that was asked for.

    The output is asked for with the weights if the loss depends on them, else alone.
    """
    results, gradients = layers.of(example).run_with_gradients(example)
    dtype = dtype_name(results[0])
    if dtype not in ARITHMETIC:
        return {"dtype": same("dtype of the output", dtype, example.dtype)}
    expected = layers.expected(example, dtype)
    names = ("output_alone",) if example.d_weights is None else ("output", "weights")
    outcomes = {
        name: within_bound(to_numpy(result), expected[name.removesuffix("_alone")], example.judged)
        for name, result in zip(names, results)
    }
    for name, gradient in gradients.items():
        outcomes[name] = within_bound(None if gradient is None else to_numpy(gradient), expected[name])
    dtypes = {dtype_name(result) for result in results} - {example.dtype}
    return {**outcomes, "dtype": same("dtype", min(dtypes, default=example.dtype), example.dtype)}


def hidden_positions(layers, example):
    """What no row may attend has no influence on it: whatever else stands there, nothing changes, not a bit."""
    layer, other = layers.of(example), layers.subject.kind.replace_hidden(example)
    before, after = (layer.results(one).values() for one in (example, other))
    return {"hidden_positions": _unchanged(before, after, example.judged & other.judged)}


def permutation(layers, example):
    """The order of the items, and without a causal mask that of the keys, changes nothing but the order."""
    kind = layers.subject.kind
    other, permuted = kind.permute(example, np.random.default_rng(example.d_output.size))
    results = layers.of(example).results(other)
    dtype = dtype_name(results["output"])
    if dtype not in ARITHMETIC:
        return {}
    expected = layers.expected(example, dtype)
    outcomes = (
        within_bound(to_numpy(result), permuted(name, expected[name]), other.judged) for name, result in results.items()
    )
    return {"permutation": worst(outcomes)}


def repeated_calls(layers, example):
    """A call leaves nothing behind: the second gives the first's results, to the bit."""
    layer = layers.fresh(example)
    first, second = (layer.run(example, return_attention_scores=True) for _ in range(2))
    return {"repeated_calls": _unchanged(first, second, example.judged)}


def symbolic(layers, example):
    """A call without numbers has the shapes and dtypes of one with numbers, whether or not sizes are known."""
    subject = layers.subject
    results = layers.of(example).run(example, return_attention_scores=True)
    actual = [(tuple(result.shape), dtype_name(result)) for result in results]
    for known in (True, False):
        inputs = [
            keras.KerasTensor(array.shape if known else (None, None, array.shape[-1]), dtype=example.dtype)
            for array in example.inputs.values()
        ]
        layer = subject.make(example)
        for both in (True, False):
            said = subject.call(layer, inputs, [None] * len(example.masks), both, example.causal)
            for name, one, (shape, dtype) in zip(("output", "weights"), said if both else [said], actual):
                if not _fits(tuple(one.shape), shape, known) or dtype_name(one) != dtype:
                    received = f"{tuple(one.shape)} of {dtype_name(one)}"
                    return {"symbolic": same(f"symbolic {name}", received, f"{shape} of {dtype}")}
    return {"symbolic": Outcome(True)}


def compute_mask(layers, example):
    """``compute_mask`` returns the query mask, so that the next layer knows which positions are padding."""
    tensors = [keras.ops.convert_to_tensor(array) for array in example.inputs.values()]
    masks = [None if mask is None else keras.ops.convert_to_tensor(mask) for mask in example.masks.values()]
    received = layers.subject.mask(layers.of(example).layer, tensors, masks)
    if masks[0] is not None and hasattr(received, "dtype"):
        return {"compute_mask": _unchanged([masks[0]], [received])}
    described = [
        "no mask" if one is None else "a mask" if hasattr(one, "dtype") else type(one).__name__
        for one in (received, masks[0])
    ]
    return {"compute_mask": same("compute_mask", *described)}


def reloading(layers, example):
    """A layer that was saved in a model and loaded again computes what it did before, to the bit."""
    subject, built = layers.subject, layers.fresh(example)
    inputs = [keras.Input((None, array.shape[-1]), dtype=example.dtype) for array in example.inputs.values()]
    results = subject.call(built.layer, inputs, [None] * len(example.masks), True, example.causal)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        keras.Model(inputs, results).save(path)
        model = keras.models.load_model(path, custom_objects={subject.layer_class.__name__: subject.layer_class})
    unmasked = example._replace(masks=dict.fromkeys(example.masks), training=None)
    before = built.run(unmasked, return_attention_scores=True)
    after = model([keras.ops.convert_to_tensor(array) for array in example.inputs.values()])
    return {"reloading": _unchanged(before, after)}


# Every trial, and the share of the examples that it is shown: all, or every so many. Those that take long are seldom,
# but `search.walk_corners` shows them more; a prime number each, lest they always meet in the same examples.
TRIALS = {
    agreement: 1,
    hidden_positions: 5,
    permutation: 7,
    compute_mask: 7,
    repeated_calls: 29,
    symbolic: 31,
    reloading: 53,
    dropout: 19,
}


def due(number):
    """The trials that the example of this number takes part in."""
    return [trial for trial, period in TRIALS.items() if number % period == 0]


def shown(trial, kind, example):
    """The examples that a trial shows to the layer."""
    return (example, kind.replace_hidden(example)) if trial is hidden_positions else (example,)


def outcomes(trial, layers, example):
    """Run a trial; what the layer raises is an outcome too, under the name of the trial."""
    try:
        with quiet_warnings():
            return trial(layers, example)
    except Exception as error:  # whatever somebody's layer may raise
        return {trial.__name__: Outcome(False, np.inf, message=in_words(error), raised=True)}


def _fits(said, actual, known):
    """Whether a symbolic shape is the actual one; an unknown size fits, but for a depth that must be known."""
    if known:
        return said == actual
    return len(said) == len(actual) and all(one in (None, other) for one, other in zip(said, actual))


def _unchanged(before, after, judged=None):
    pairs = [(to_numpy(one) + 0.0, to_numpy(other)) for one, other in zip(before, after, strict=True)]
    return worst(compare(other, one, np.zeros(one.shape), judged) for one, other in pairs)
