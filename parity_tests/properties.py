"""What is checked for each example: trials of a layer, each of which has something to say on several properties."""

import os
import tempfile

import keras
import numpy as np

from parity_tests.backend import dtype_name, quiet_warnings, to_numpy
from parity_tests.comparison import Outcome, compare, same, within_bound
from reference.rounding import ARITHMETIC


def agreement(subject, layer, example):
    """Output, weights and all gradients are those of the reference, and of the dtype that was asked for.

    The output is asked for once with the weights and once without them; both must be right.
    """
    results, gradients = subject.run_with_gradients(layer, example)
    if example.d_weights is None:
        (alone,), (output, weights) = results, subject.run(layer, example, return_attention_scores=True)
    else:
        (output, weights), alone = results, subject.run(layer, example, return_attention_scores=False)
    dtype = dtype_name(output)
    if dtype not in ARITHMETIC:
        return {"dtype": same("dtype of the output", dtype, example.dtype)}
    expected = subject.kind.expected(example, ARITHMETIC[dtype])
    outcomes = {
        "output": within_bound(to_numpy(output), expected["output"], example.judged),
        "output_alone": within_bound(to_numpy(alone), expected["output"], example.judged),
        "weights": within_bound(to_numpy(weights), expected["weights"], example.judged),
    }
    for name, gradient in gradients.items():
        outcomes[name] = within_bound(None if gradient is None else to_numpy(gradient), expected[name])
    wrong = [result for result in (output, weights, alone) if dtype_name(result) != example.dtype]
    outcomes["dtype"] = same("dtype", dtype_name(wrong[0]) if wrong else example.dtype, example.dtype)
    return outcomes


def hidden_positions(subject, layer, example):
    """What no row may attend has no influence on it: whatever else stands there, nothing changes, not a bit."""
    other = subject.kind.replace_hidden(example)
    before, after = (subject.run(layer, one, return_attention_scores=True) for one in (example, other))
    judged = example.judged & other.judged
    outcomes = [_unchanged(one, two, judged) for one, two in zip(before, after)]
    return {"hidden_positions": max(outcomes, key=lambda outcome: (not outcome.agrees, outcome.ratio))}


def reloading(subject, layer, example):
    """A layer that was saved in a model and loaded again computes what it did before, to the bit."""
    inputs = [keras.Input((None, array.shape[-1]), dtype=example.dtype) for array in example.inputs.values()]
    results = subject.call(layer, inputs, [None] * len(example.masks), True, example.causal)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        keras.Model(inputs, results).save(path)
        model = keras.models.load_model(path, custom_objects={subject.layer_class.__name__: subject.layer_class})
    unmasked = example._replace(masks=dict.fromkeys(example.masks))
    before = subject.run(layer, unmasked, return_attention_scores=True)
    after = model([keras.ops.convert_to_tensor(array) for array in example.inputs.values()])
    outcomes = [_unchanged(one, two) for one, two in zip(before, after)]
    return {"reloading": max(outcomes, key=lambda outcome: (not outcome.agrees, outcome.ratio))}


TRIALS = (agreement, hidden_positions, reloading)


def shown(trial, kind, example):
    """The examples that a trial shows to the layer."""
    return (example, kind.replace_hidden(example)) if trial is hidden_positions else (example,)


def outcomes(trial, subject, example, layer=None):
    """Run a trial; what the layer raises is an outcome too, under the name of the trial."""
    try:
        with quiet_warnings():
            return trial(subject, subject.build(example) if layer is None else layer, example)
    except Exception as error:  # whatever somebody's layer may raise
        return {trial.__name__: Outcome(False, np.inf, message=f"{type(error).__name__}: {error}", raised=True)}


def _unchanged(before, after, judged=None):
    before, after = to_numpy(before), to_numpy(after)
    return compare(after, before, np.zeros(before.shape), judged)
