"""Whether a layer comes back from a file."""

import os
import tempfile

import keras

from parity_tests.built_layer import called
from parity_tests.comparison import worst
from parity_tests.trials.received import unchanged


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
    return {"reloading": worst(unchanged(layers, example, before, after))}


def _input(kind, name, array, dtype):
    """The same in a model; Keras calls the first axis the batch."""
    return keras.Input(batch_shape=kind.shape(name, array), dtype=dtype)
