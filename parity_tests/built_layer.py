"""A layer that is made, has its weights, and can be called: eagerly, traced, and for its gradients."""

import keras
import numpy as np

from parity_tests.backend import assign, differentiate, trace
from parity_tests.strategies import numpy_dtype


class BuiltLayer:
    """A layer of a subject, whose variables exist.

    They are created by a call of other sizes than any example's, so that whatever a layer remembers of its first
    call shows.

    Parameters
    ----------
    subject
        A `Subject`, which knows how the layer is made and called.
    example
        What it is made for. It serves every other example that differs in nothing that a layer depends on.
    restored
        Whether it is to be made from the configuration of another.
    """

    def __init__(self, subject, example, restored=False):
        self.subject = subject
        self.layer = subject.make(example)
        if restored:
            with keras.saving.custom_object_scope({subject.layer_class.__name__: subject.layer_class}):
                self.layer = type(self.layer).from_config(self.layer.get_config())
        self.graphs = {}
        self.assigned = None
        inputs = {name: np.ones(self._other_shape(name, array), array.dtype) for name, array in example.inputs.items()}
        self.run(
            example._replace(inputs=inputs, masks=dict.fromkeys(example.masks), causal=False, training=None), False
        )
        self.assign(example)

    def assign(self, example):
        """Give the layer the example's weights, if it has them not from the trial before."""
        if self.assigned is example.weights and example.weights:
            return
        weights = self.subject.weights(example)
        variables = self.layer.weights
        fit = [tuple(one.shape) for one in variables] == [np.shape(array) for array in weights.values()]
        if not fit or self._in_another_order(list(weights), [one.name for one in variables]):
            names = (name if isinstance(name, str) else "+".join(name) for name in weights)
            expected = ", ".join(f"{name} {np.shape(array)}" for name, array in zip(names, weights.values())) or "none"
            received = ", ".join(f"{one.name} {tuple(one.shape)}" for one in variables) or "none"
            order = ", in another order" if fit else ""
            raise ValueError(f"weights: expected {expected}, received {received}{order}")
        for variable, array in zip(variables, weights.values()):
            assign(variable, np.asarray(array).astype(numpy_dtype(variable.dtype)))
        self.assigned = example.weights

    def _in_another_order(self, expected, received):
        """Whether a layer that nobody adapts names its weights as its kind does, but has them in another order."""
        return not self.subject.adapted and expected != received and sorted(expected) == sorted(received)

    def _other_shape(self, name, array):
        """A shape of other sizes, where they are free: one item, and two of all else."""
        free = self.subject.kind.shape(name, array)
        return tuple((1 if axis == 0 else 2) if size is None else size for axis, size in enumerate(free))

    def run(self, example, return_attention_scores):
        """The results of an eager call: the output alone, or all that there are."""
        inputs = [keras.ops.convert_to_tensor(array) for array in example.inputs.values()]
        return self._called(inputs, list(example.masks.values()), example, return_attention_scores)

    def results(self, example):
        """The results by name, in a graph if the example is traced: as `run_with_gradients` gives them, or both."""
        if example.traced:
            results, _ = self.run_with_gradients(example)
        else:
            results = self.run(example, return_attention_scores=True)
        return dict(zip(self.subject.kind.results, results))

    def run_with_gradients(self, example):
        """The results, and the gradients by name; with weights among the results if the loss depends on them."""
        cotangents = [array for array in (example.d_output, example.d_weights) if array is not None]
        given = [mask for mask in example.masks.values() if mask is not None]

        def call(inputs, given):
            left = iter(given)
            masks = [None if mask is None else next(left) for mask in example.masks.values()]
            return self._called(inputs, masks, example, example.d_weights is not None)

        variables = self.layer.trainable_weights
        arrays = (list(example.inputs.values()), given, cotangents)
        if example.traced:
            shapes = self._shapes(example)
            given = (mask is None for mask in example.masks.values())
            signature = (example.causal, example.training, *example.manner.items(), *given, *shapes)
            if signature not in self.graphs:
                self.graphs[signature] = trace(call, variables, *arrays, shapes)
            results, gradients = self.graphs[signature](*arrays)
        else:
            results, gradients = differentiate(call, variables, *arrays)
        names = [*example.inputs, *self.subject.weights(example)]
        named = {}
        for name, gradient in zip(names, gradients, strict=True):
            named |= _taken_apart(name, gradient)
        return results, {name: _in_shape(name, gradient, example.weights) for name, gradient in named.items()}

    def _shapes(self, example):
        """The shapes of inputs, masks and cotangents, as a graph may know them, or as they are if it is to."""
        masks = {name: mask for name, mask in example.masks.items() if mask is not None}
        cotangents = {"output": example.d_output, "weights": example.d_weights}
        given = {**example.inputs, **masks, **{name: one for name, one in cotangents.items() if one is not None}}
        if example.sizes_known:
            return tuple(array.shape for array in given.values())
        return tuple(self.subject.kind.shape(name, array) for name, array in given.items())

    def _called(self, inputs, masks, example, return_attention_scores):
        options = {} if example.training is None else {"training": example.training}
        options |= example.manner
        return called(self.subject, self.layer, inputs, masks, return_attention_scores, example.causal, **options)


def _taken_apart(name, gradient):
    """A gradient by its name; that of fused weights, by the names of its equal parts."""
    if isinstance(name, str):
        return {f"d_{name}": gradient}
    parts = [None] * len(name) if gradient is None else keras.ops.split(gradient, len(name), axis=-1)
    return {f"d_{part}": gradient for part, gradient in zip(name, parts)}


def _in_shape(name, gradient, weights):
    """A gradient in the shape of what it is of: an adapter's layer may keep heads along an axis of their own."""
    shape = np.shape(weights.get(name.removeprefix("d_")))
    if gradient is None or not shape or tuple(gradient.shape) == shape or np.prod(gradient.shape) != np.prod(shape):
        return gradient
    return keras.ops.reshape(gradient, shape)


def called(subject, layer, inputs, masks, return_attention_scores, causal, **options):
    """The results of a call as a tuple: output and weights, if there are any and they are asked for, or the output.

    Anything else that a layer may return is refused.
    """
    both = return_attention_scores and len(subject.kind.results) == 2
    results = subject.call(layer, inputs, masks, both, causal, **options)
    if both:
        if not isinstance(results, (list, tuple)) or len(results) != 2:
            raise ValueError(f"results: expected (output, weights), received {_described(results)}")
        return tuple(results)
    if not hasattr(results, "shape"):
        raise ValueError(f"results: expected the output alone, received {_described(results)}")
    return (results,)


def _described(results):
    if isinstance(results, (list, tuple)):
        return f"{len(results)} results"
    return f"a tensor of shape {tuple(results.shape)}" if hasattr(results, "shape") else repr(results)
