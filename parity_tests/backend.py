"""Keras's backend: gradients from its own differentiation, its graphs, its precision, and its results as arrays."""

import logging
import re
import warnings
from contextlib import contextmanager
from functools import cache
from importlib import import_module

import numpy as np

BACKENDS = ("tensorflow", "jax", "torch")


@contextmanager
def quiet():
    """Without what Keras says of a softmax over a single key, and NumPy of overflow, which the comparison sees.

    Nor what Keras logs of a kernel of JAX that refuses a call, with the traceback, each time: the result is compared.
    """

    def of_no_refusal(record):
        return not record.getMessage().startswith("Failed to apply")

    keras_logs = logging.getLogger("absl")
    keras_logs.addFilter(of_no_refusal)
    try:
        with warnings.catch_warnings():
            for category in (UserWarning, DeprecationWarning, RuntimeWarning):
                warnings.simplefilter("ignore", category)
            yield
    finally:
        keras_logs.removeFilter(of_no_refusal)


def full_precision(dtype="float32"):
    """A context in which products of float32 are computed in float32, and those of a wider dtype in that one.

    Keras's backends may otherwise round their factors to fewer digits on a GPU; and JAX has no float64 unless told.
    """
    return backend().full_precision(dtype)


def in_words(error):
    """An error as ``type: message``, without the colours and the list of arguments that Keras adds."""
    message = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).partition("Arguments received by")[0]
    return f"{type(error).__name__}: {' '.join(message.split())}"


def check_backend():
    """Refuse a backend that has no differentiation, or none that is used here yet."""
    import keras

    if keras.backend.backend() not in BACKENDS:
        raise ValueError(f"backend: expected one of {', '.join(BACKENDS)}, received {keras.backend.backend()}")


def backend():
    """The module of the backend that Keras runs on, one of `parity_tests.backends`."""
    import keras

    check_backend()
    return import_module(f"parity_tests.backends.{keras.backend.backend()}")


def name_and_version():
    """What Keras runs on, and its version."""
    import keras

    return keras.backend.backend(), backend().version()


def device():
    """On what it computes: ``CPU``, ``GPU`` or another accelerator."""
    return backend().device()


def graphs_know_sizes():
    """Whether a traced call is compiled for all sizes of its arrays, and again for others."""
    return backend().GRAPHS_KNOW_SIZES


@cache
def computed_dtype(dtype):
    """The name of the dtype in which Keras computes what is asked for in another: on PyTorch, float64 in float32."""
    import keras

    with full_precision(dtype):
        tensor = keras.ops.convert_to_tensor(np.ones((1, 1)), dtype)
        return dtype_name(keras.ops.matmul(tensor, tensor))


def differentiate(call, variables, inputs, masks, cotangents):
    """Call a layer, and take the gradients of ``sum(cotangent * result)``.

    Variables that the call updates, such as those of a seed generator, are updated.

    Parameters
    ----------
    call
        Takes a list of inputs and one of masks, and returns a sequence of results, one for each cotangent.
    variables
        Keras variables, those that are trained.
    inputs, masks, cotangents
        Lists of arrays.

    Returns
    -------
    results, gradients
        Sequences of tensors; the gradients are those of the inputs, then of the variables, each None where the
        backend calls the result and the source disconnected (on JAX it is 0 there).
    """
    return backend().differentiate(call, variables, inputs, masks, cotangents)


def trace(call, variables, inputs, masks, cotangents, shapes):
    """Return what takes inputs, masks and cotangents, and does what `differentiate` does, in a graph if there is one.

    On TensorFlow it serves all arrays of the same dtypes and of ``shapes``, a shape for each of them, in which None is
    a size that the graph does not know. On JAX it knows all sizes and is compiled again for others. PyTorch has no
    graph: the call is eager.
    """
    return backend().trace(call, variables, inputs, masks, cotangents, shapes)


def forget_compiled():
    """Give back what a backend keeps of all that it compiled, if it keeps it for sizes that do not come again."""
    backend().forget_compiled()


def assign(variable, array):
    """Give a Keras variable an array of its own shape and dtype."""
    backend().assign(variable, array)


def to_numpy(tensor):
    """A tensor as an array, bfloat16 as the float32 numbers that it holds."""
    import keras

    if dtype_name(tensor) == "bfloat16":
        tensor = keras.ops.cast(tensor, "float32")
    return keras.ops.convert_to_numpy(tensor)


def dtype_name(tensor):
    """The name of a tensor's dtype, such as ``bfloat16``."""
    import keras

    return keras.backend.standardize_dtype(tensor.dtype)
