"""What is checked of each example: trials of a layer, each of which has something to say on several properties.

A trial takes the layers of a subject and an example, and returns an outcome for each property.
"""

import os
import tempfile

import keras
import numpy as np

from parity_tests.backend import dtype_name, full_precision, in_words, quiet, to_numpy
from parity_tests.comparison import Outcome, compare, same, within_bound, worst
from parity_tests.dropout import dropout
from parity_tests.layers import called
from parity_tests.watched import watch
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
    names = ("output_alone",) if len(results) == 1 else layers.subject.kind.results
    outcomes = {
        name: _within(layers, example, name, result, expected[name.removesuffix("_alone")])
        for name, result in zip(names, results)
    }
    known = (name for name in gradients if name in expected)  # an adapted layer may have other weights too
    outcomes |= {name: _within(layers, example, name, gradients[name], expected[name]) for name in known}
    may_be = layers.dtypes(example)
    others = {dtype_name(result) for result in results}.difference(may_be)
    wanted = " or ".join(may_be)
    return {**outcomes, "dtype": same("dtype", min(others, default=wanted), wanted)}


def hidden_positions(layers, example):
    """What no row may attend has no influence on it: whatever else stands there, nothing changes, not a bit.

    No gradient changes either, as in those no hidden position may be multiplied by anything but 0.
    """
    layer, other = layers.of(example), layers.subject.kind.replace_hidden(layers.seen(example))
    d_output, d_weights, judged = other.d_output, other.d_weights, other.judged
    shown = example._replace(d_output=d_output, d_weights=d_weights, judged=judged)
    before, gradients_before = layer.run_with_gradients(shown)
    after, gradients_after = layer.run_with_gradients(shown._replace(inputs=other.inputs))
    outcomes = _unchanged(layers, shown, before, after)
    for name, *pair in ((name, gradients_before[name], gradients_after[name]) for name in gradients_before):
        if not any(one is None for one in pair):  # what is disconnected, `agreement` judges
            outcomes[f"of {name}"] = _changed(*(layers.received(name, shown, one) for one in pair))
    return {"hidden_positions": worst(outcomes)}


def permutation(layers, example):
    """The order of the items, and without a causal mask that of the keys, changes nothing but the order."""
    kind = layers.subject.kind
    other, permuted = kind.permute(example, np.random.default_rng(example.d_output.size))
    results = layers.of(example).results(other)
    dtype = dtype_name(results["output"])
    if dtype not in ARITHMETIC:
        return {}
    expected = layers.expected(example, dtype)
    outcomes = {
        f"of the {name}": _within(layers, other, name, result, permuted(name, expected[name]))
        for name, result in results.items()
    }
    return {"permutation": worst(outcomes)}


def repeated_calls(layers, example):
    """A call leaves nothing behind: the second gives the first's results, to the bit.

    Nor is what it was handed changed, and the masks that came with a tensor are still with it.
    """
    built = layers.fresh(example)
    with watch(built.layer) as watched:
        first, second = (built.run(example, return_attention_scores=True) for _ in range(2))
    outcomes = _unchanged(layers, example, first, second) | {"": watched.unchanged()}
    kept = watched.masks_kept()
    return {"repeated_calls": worst(outcomes)} | ({} if kept is None else {"masks_kept": kept})


def symbolic(layers, example):
    """A call without numbers has the shapes and dtypes of one with numbers, whether or not sizes are known."""
    subject, kind = layers.subject, layers.subject.kind
    results = layers.of(example).run(example, return_attention_scores=True)
    outcomes = {}
    for known in (True, False):
        layer = subject.make(example)
        inputs = [_symbol(kind, name, array, example.dtype, known) for name, array in example.inputs.items()]
        masks = [
            None if mask is None else _symbol(kind, name, mask, "bool", known) for name, mask in example.masks.items()
        ]
        alone, both = (
            called(subject, layer, inputs, masks, many, example.causal, **example.manner) for many in (False, True)
        )
        said = [("output alone", "output", *alone), *((name, name, one) for name, one in zip(kind.results, both))]
        shape = subject.output_shape(layer, [tuple(one.shape) for one in inputs])
        if shape is not None:
            said.append(("compute_output_shape", "output", keras.KerasTensor(shape, dtype=dtype_name(results[0]))))
        actual = dict(zip(kind.results, results))
        for where, name, tensor in said:
            free = () if known else [size is None for size in kind.shape(name, actual[name])]
            said_of = layers.symbol(name, example, tuple(actual[name].shape), dtype_name(actual[name]))
            outcomes[known, where] = _of_symbol(where, tensor, *said_of, free)
    return {"symbolic": worst(outcomes)._replace(where="")}


def compute_mask(layers, example):
    """``compute_mask`` returns the query mask, so that the next layer knows which positions are padding.

    Of a kind whose output has no rows for them, it returns none.
    """
    if layers.subject.mask is None:
        return {}
    tensors = [keras.ops.convert_to_tensor(array) for array in example.inputs.values()]
    masks = [None if mask is None else keras.ops.convert_to_tensor(mask) for mask in example.masks.values()]
    received = layers.subject.mask(layers.of(example).layer, tensors, masks, **example.manner)
    expected = masks[0] if layers.subject.kind.hands_mask_on else None
    if expected is not None and hasattr(received, "dtype"):
        return {"compute_mask": _changed(expected, received)}
    described = [
        "no mask" if one is None else "a mask" if hasattr(one, "dtype") else type(one).__name__
        for one in (received, expected)
    ]
    return {"compute_mask": same("compute_mask", *described)}


def reloading(layers, example):
    """A layer that was saved in a model and loaded again computes what it did before, to the bit."""
    subject, built = layers.subject, layers.fresh(example)
    inputs = [_input(subject.kind, name, array, example.dtype) for name, array in example.inputs.items()]
    masks = [None if mask is None else _input(subject.kind, name, mask, "bool") for name, mask in example.masks.items()]
    results = called(subject, built.layer, inputs, masks, True, example.causal, **example.manner)
    given = [one for one in (*inputs, *masks) if one is not None]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        keras.Model(given, list(results)).save(path)
        model = keras.models.load_model(path, custom_objects={subject.layer_class.__name__: subject.layer_class})
    before = built.run(example._replace(training=None), return_attention_scores=True)
    arrays = [one for one in (*example.inputs.values(), *example.masks.values()) if one is not None]
    after = keras.tree.flatten(model([keras.ops.convert_to_tensor(array) for array in arrays]))
    return {"reloading": worst(_unchanged(layers, example, before, after))}


# Every trial, and the share of the examples that it is shown: all, or every so many. Those that take long are seldom,
# but `search.walk_corners` shows them more; a prime number each, lest they always meet in the same examples.
TRIALS = {
    agreement: 1,
    hidden_positions: 5,
    permutation: 7,
    compute_mask: 7,
    repeated_calls: 53,
    symbolic: 61,
    reloading: 97,
    dropout: 37,
}


def due(number):
    """The trials that the example of this number takes part in."""
    return [trial for trial, period in TRIALS.items() if number % period == 0]


def shown(trial, kind, example):
    """The examples that a trial shows to the layer, with a gradient of the weights if it asks for these."""
    if trial is hidden_positions:
        return example, kind.replace_hidden(example)
    if trial is dropout and example.constructor.get("dropout"):
        return (kind.identity(example),)
    if trial is permutation and not example.traced and "weights" in kind.results and example.d_weights is None:
        return (example._replace(d_weights=np.zeros(kind.visible(example).shape)),)
    return (example,)


def outcomes(trial, layers, example):
    """Run a trial; what the layer raises is an outcome too, under the name of the trial."""
    try:
        with quiet(), full_precision(example.dtype):
            return trial(layers, example)
    except Exception as error:  # whatever somebody's layer may raise
        return {trial.__name__: Outcome(False, np.inf, message=in_words(error), raised=True)}


def _symbol(kind, name, array, dtype, known):
    """What stands for an array in a call without numbers; if sizes are unknown, but for a depth."""
    return keras.KerasTensor(array.shape if known else kind.shape(name, array), dtype=dtype)


def _input(kind, name, array, dtype):
    """The same in a model; Keras calls the first axis the batch."""
    return keras.Input(batch_shape=kind.shape(name, array), dtype=dtype)


def _of_symbol(where, tensor, expected, dtype, free):
    """Whether a symbolic shape and dtype are the expected ones; sizes that are free may be unknown."""
    shape = tuple(tensor.shape)
    if len(free) != len(expected):  # there are none, or a layer that is known to say other axes may say less of them
        free = (bool(free),) * len(expected)
    if len(shape) == len(free):
        shape = tuple(other if may and one is None else one for one, other, may in zip(shape, expected, free))
    return same(f"symbolic {where}", f"{shape} of {dtype_name(tensor)}", f"{expected} of {dtype}")


def _within(layers, example, name, tensor, truth):
    """Whether a result or a gradient, to which all rows add, is within the bound of the truth."""
    received = None if tensor is None else layers.received(name, example, tensor, truth.value)
    return within_bound(received, truth, None if name.startswith("d_") else example.judged)


def _unchanged(layers, example, before, after):
    """Whether results are those of another call, in the rows of an example that count."""
    return {
        f"of the {name}": _changed(*(layers.received(name, example, one) for one in pair), example.judged)
        for name, *pair in zip(("output", "weights"), before, after)
    }


def _changed(before, after, judged=None):
    before = to_numpy(before) + 0.0
    return compare(to_numpy(after), before, np.zeros(before.shape), judged)
