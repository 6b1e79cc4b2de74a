"""Keras and its backend: start them quietly, and take gradients from the backend's own differentiation."""

import re
import warnings
from contextlib import contextmanager

import numpy as np


@contextmanager
def quiet_warnings():
    """Without what Keras says of a softmax over a single key, and NumPy of overflow, which the comparison sees."""
    with warnings.catch_warnings():
        for category in (UserWarning, DeprecationWarning, RuntimeWarning):
            warnings.simplefilter("ignore", category)
        yield


@contextmanager
def full_precision():
    """With products of float32 in float32, where a GPU may round their factors to TensorFloat-32."""
    import tensorflow as tf

    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def in_words(error):
    """An error as ``type: message``, without the colours and the list of arguments that Keras adds."""
    message = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).partition("Arguments received by")[0]
    return f"{type(error).__name__}: {' '.join(message.split())}"


def check_backend():
    """Refuse a backend whose differentiation is not used here yet."""
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"backend: expected tensorflow, received {keras.backend.backend()}")


def differentiate(call, variables, inputs, masks, cotangents):
    """Call a layer, and take the gradients of ``sum(cotangent * result)``.

    Parameters
    ----------
    call
        Takes a list of inputs and one of masks, and returns a sequence of results, one for each cotangent.
    variables
        Keras variables.
    inputs, masks, cotangents
        Lists of arrays.

    Returns
    -------
    results, gradients
        Sequences of tensors; the gradients are those of the inputs, then of the variables, each None where the
        backend calls the result and the source disconnected.
    """
    import tensorflow as tf

    tensors = [tf.convert_to_tensor(array) for array in inputs]
    sources = [*tensors, *(variable.value for variable in variables)]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for source in sources:
            tape.watch(source)
        results = call(tensors, [tf.convert_to_tensor(mask) for mask in masks])
    weighted = [tf.cast(cotangent, result.dtype) for cotangent, result in zip(cotangents, results, strict=True)]
    return results, tape.gradient(results, sources, output_gradients=weighted)


def trace(call, variables, inputs, masks, cotangents, shapes):
    """Return a graph that takes inputs, masks and cotangents and does what `differentiate` does.

    It serves all arrays of the same dtypes and of ``shapes``, a shape for each of them, in which None is a size that
    the graph does not know.
    """
    import tensorflow as tf

    known = iter(shapes)
    graph = tf.function(
        lambda *arrays: differentiate(call, variables, *arrays),
        input_signature=[
            [tf.TensorSpec(next(known), array.dtype) for array in arrays] for arrays in (inputs, masks, cotangents)
        ],
        autograph=False,  # as Keras's own training step
    )
    concrete = graph.get_concrete_function()
    return lambda *arrays: concrete(*([tf.convert_to_tensor(array) for array in listed] for listed in arrays))


def assign(variable, array):
    """Give a Keras variable an array of its own shape and dtype, which Keras's own ``assign`` would look at again."""
    variable.value.assign(array, read_value=False)


def to_numpy(tensor):
    """A tensor as an array, bfloat16 as the float32 numbers that it holds."""
    import keras

    if dtype_name(tensor) == "bfloat16":
        tensor = keras.ops.cast(tensor, "float32")
    return np.asarray(tensor)


def dtype_name(tensor):
    """The name of a tensor's dtype, such as ``bfloat16``."""
    import keras

    return keras.backend.standardize_dtype(tensor.dtype)
