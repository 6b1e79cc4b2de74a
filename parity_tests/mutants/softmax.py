"""Faults of the softmax as a layer."""

import keras
from keras import ops


class SoftmaxMaskForgotten(keras.layers.Softmax):
    """Ignores the mask."""

    def call(self, inputs, mask=None):
        return super().call(inputs)


class SoftmaxMaskInverted(keras.layers.Softmax):
    """Takes True for hidden."""

    def call(self, inputs, mask=None):
        return super().call(inputs, mask=None if mask is None else ~mask)


class SoftmaxMaskAfterwards(keras.layers.Softmax):
    """Sets hidden weights to 0 after the softmax, so that the others no longer sum to 1."""

    def call(self, inputs, mask=None):
        weights = super().call(inputs)
        return weights if mask is None else ops.where(mask, weights, 0.0)


class SoftmaxOfHiddenIsEven(keras.layers.Softmax):
    """Gives scores that are all hidden even weights."""

    def call(self, inputs, mask=None):
        return super().call(inputs if mask is None else ops.where(mask, inputs, -1e4))


class SoftmaxAlongTheLastAxis(keras.layers.Softmax):
    """Goes along the last axis, whichever it is told."""

    def call(self, inputs, mask=None):
        axis, self.axis = self.axis, -1
        weights = super().call(inputs, mask=mask)
        self.axis = axis
        return weights


class SoftmaxLastAxisOnly(keras.layers.Softmax):
    """Goes along the last of several axes alone."""

    def call(self, inputs, mask=None):
        axis = self.axis
        self.axis = axis[-1] if isinstance(axis, (list, tuple)) else axis
        weights = super().call(inputs, mask=mask)
        self.axis = axis
        return weights


class SoftmaxTwice(keras.layers.Softmax):
    """Is applied twice."""

    def call(self, inputs, mask=None):
        return super().call(super().call(inputs, mask=mask), mask=mask)


class SoftmaxOfHalf(keras.layers.Softmax):
    """Halves the scores."""

    def call(self, inputs, mask=None):
        return super().call(inputs / 2, mask=mask)


class SoftmaxSumTakenForConstant(keras.layers.Softmax):
    """Takes the sum for a constant in the gradient."""

    def call(self, inputs, mask=None):
        weights = super().call(inputs, mask=mask)
        fixed = ops.stop_gradient(weights)
        return fixed * (1 + inputs - ops.stop_gradient(inputs))


class _OtherAxes(keras.layers.Softmax):
    """Goes along other axes than it is told."""

    def call(self, inputs, mask=None):
        axis, self.axis = self.axis, self.other_axes(self.axis)
        weights = super().call(inputs, mask=mask)
        self.axis = axis
        return weights


class SoftmaxFirstAxisTakenForLast(_OtherAxes):
    """Takes the axis 0 for none, and goes along the last."""

    def other_axes(self, axis):
        return axis or -1


class SoftmaxListOfOneTakenForLast(_OtherAxes):
    """Goes along the last axis, if it is told one in a list."""

    def other_axes(self, axis):
        return -1 if isinstance(axis, (list, tuple)) and len(axis) == 1 else axis


class SoftmaxOneNegativeAxis(_OtherAxes):
    """Goes along the last of several axes alone, if it is counted from the last."""

    def other_axes(self, axis):
        return axis[-1] if isinstance(axis, (list, tuple)) and axis[-1] < 0 else axis


class SoftmaxTwoAxesAtMost(_OtherAxes):
    """Goes along two of more axes."""

    def other_axes(self, axis):
        return axis[-2:] if isinstance(axis, (list, tuple)) else axis


class SoftmaxOfTwoAxesHalved(keras.layers.Softmax):
    """Halves scores that have two axes."""

    def call(self, inputs, mask=None):
        return super().call(inputs / 2 if len(inputs.shape) == 2 else inputs, mask=mask)


class SoftmaxMaskOfFewerAxesForgotten(keras.layers.Softmax):
    """Ignores a mask that has fewer axes than the scores."""

    def call(self, inputs, mask=None):
        return super().call(inputs, mask=mask if mask is None or len(mask.shape) == len(inputs.shape) else None)


class SoftmaxMaskOfNumbersInverted(keras.layers.Softmax):
    """Takes 1 for hidden in a mask of numbers."""

    def call(self, inputs, mask=None):
        of_numbers = mask is not None and keras.backend.standardize_dtype(mask.dtype) != "bool"
        return super().call(inputs, mask=1 - mask if of_numbers else mask)


class SoftmaxMaskNotPassedOn(keras.layers.Softmax):
    """Hands no mask on."""

    def compute_mask(self, inputs, previous_mask=None):
        return None


class SeveralAxesClipped(keras.layers.Softmax):
    """Clips scores at 20, if it goes along several axes."""

    def call(self, inputs, mask=None):
        several = isinstance(self.axis, (list, tuple)) and len(self.axis) > 1
        return super().call(ops.clip(inputs, -20, 20) if several else inputs, mask=mask)
