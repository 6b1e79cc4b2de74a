"""What a layer says of its results before there are numbers."""

import keras

from parity_tests.backend import dtype_name
from parity_tests.built_layer import called
from parity_tests.comparison import same, worst


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
            said.append(("compute_output_shape", "output", shape))
        actual = dict(zip(kind.results, results))
        for where, name, one in said:
            free = () if known else [size is None for size in kind.shape(name, actual[name])]
            shape, dtype = layers.symbol(name, example, tuple(actual[name].shape), dtype_name(actual[name]))
            tensor = one if hasattr(one, "dtype") else keras.KerasTensor(one, dtype=dtype)  # of no dtype in particular
            outcomes[known, where] = _of_symbol(where, tensor, shape, dtype, free)
    return {"symbolic": worst(outcomes)._replace(where="")}


def _symbol(kind, name, array, dtype, known):
    """What stands for an array in a call without numbers; if sizes are unknown, but for a depth."""
    return keras.KerasTensor(array.shape if known else kind.shape(name, array), dtype=dtype)


def _of_symbol(where, tensor, expected, dtype, free):
    """Whether a symbolic shape and dtype are the expected ones; sizes that are free may be unknown."""
    shape = tuple(tensor.shape)
    if len(free) != len(expected):  # there are none, or a layer that is known to say other axes may say less of them
        free = (bool(free),) * len(expected)
    if len(shape) == len(free):
        shape = tuple(other if may and one is None else one for one, other, may in zip(shape, expected, free))
    return same(f"symbolic {where}", f"{shape} of {dtype_name(tensor)}", f"{expected} of {dtype}")
