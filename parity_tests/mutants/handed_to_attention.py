"""Faults of one head that depend on the form in which masks and inputs are handed over."""

import keras
from keras import ops


class MasksOfInputsLeftBehind(keras.layers.Attention):
    """Takes its inputs without the masks that come with them."""

    def __call__(self, inputs, mask=None, **options):
        return super().__call__(self.without_masks(inputs), mask=mask, **options)

    def without_masks(self, inputs):
        return [ops.copy(one) for one in inputs]


class MasksOfAdditiveInputsLeftBehind(keras.layers.AdditiveAttention):
    """Takes its inputs without the masks that come with them."""

    def __call__(self, inputs, mask=None, **options):
        return super().__call__(self.without_masks(inputs), mask=mask, **options)

    def without_masks(self, inputs):
        return [ops.copy(one) for one in inputs]


class OutputWithoutItsMask(keras.layers.Attention):
    """Tells the mask of its output if it is asked, but gives the output none."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.supports_masking = False


class OneTensorLearnedAsAQuery(keras.layers.Attention):
    """Stops the gradient of the keys if they are the same tensor as the query."""

    def _calculate_scores(self, query, key):
        return super()._calculate_scores(query, ops.stop_gradient(key) if key is query else key)


class OneAdditiveTensorLearnedAsAQuery(keras.layers.AdditiveAttention):
    """Stops the gradient of the keys if they are the same tensor as the query."""

    def _calculate_scores(self, query, key):
        return super()._calculate_scores(query, ops.stop_gradient(key) if key is query else key)


class InputsNotCast(keras.layers.Attention):
    """Computes in the dtype of its inputs, not in that of its policy."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.autocast = False
