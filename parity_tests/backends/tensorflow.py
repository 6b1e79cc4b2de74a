"""TensorFlow: a tape watches what is differentiated, and a graph knows no size but the depths."""

from contextlib import contextmanager

import tensorflow as tf

GRAPHS_KNOW_SIZES = False


def differentiate(call, variables, inputs, masks, cotangents):
    """Gradients by a `tf.GradientTape`."""
    tensors = [tf.convert_to_tensor(array) for array in inputs]
    sources = [*tensors, *(variable.value for variable in variables)]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for source in sources:
            tape.watch(source)
        results = call(tensors, [tf.convert_to_tensor(mask) for mask in masks])
    weighted = [tf.cast(cotangent, result.dtype) for cotangent, result in zip(cotangents, results, strict=True)]
    return results, tape.gradient(results, sources, output_gradients=weighted)


def trace(call, variables, inputs, masks, cotangents, shapes):
    """A `tf.function` for all arrays of the same dtypes and shapes, in which None is a size that is unknown."""
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


def forget_compiled():
    """A graph serves other sizes too, and its layer keeps it."""


def assign(variable, array):
    """Without Keras's own ``assign``, which looks at shape and dtype again."""
    variable.value.assign(array, read_value=False)


@contextmanager
def full_precision(dtype):
    """A GPU may round the factors of float32 products to TensorFloat-32; not here."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def device():
    """CPU or GPU, on which a tensor is placed that is told nothing else."""
    return tf.constant(0.0).device.rpartition("device:")[2].partition(":")[0]


def version():
    """That of TensorFlow."""
    return tf.__version__
