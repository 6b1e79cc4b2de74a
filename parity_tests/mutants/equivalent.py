"""Changes that cannot be told from rounding: the check must find none, and `HIDDEN` says what bound hides each."""

import math

import ml_dtypes
from keras import ops

from keras_impl import AttentionLayer
from parity_tests.mutants.exponentials import exponentials, largest, normalized

HIDDEN = {
    "DividedByTheRoot": "The bound of the scores has a rounding for the scale and one for its product.",
    "ScalesTheQuery": "The bound of a dot product is that of n + 2 terms, which a scale on either side spends.",
    "RootOfTheScaleOnBothSides": "The bound of a scaled sum has two roundings for its terms and two for the root.",
    "ProductsAddedInReverse": "The bound of a dot product, gamma_n |query| |key|, holds for every order of its terms.",
    "SoftmaxInBase2": "The bound of an exponent has three roundings of its distance from the row's largest.",
    "SoftmaxInBlocks": "The bound of the softmax covers blocks of 16 keys or more, each with a maximum of its own.",
    "MultipliedByTheReciprocal": "The bound of an exponential, 4 ulp, is wider than the rounding of the reciprocal.",
    "MaskOfTheLowestNumber": "Its exponential underflows to the 0 of a hidden key, unless all scores are as low.",
    "DividedByAlmostOne": "1 + 2**-30 is rounded to 1 in every dtype that has less than 30 bits.",
}


class DividedByTheRoot(AttentionLayer):
    """Divides the scores by the root of the depth instead of multiplying by its reciprocal."""

    def compute_scores(self, query, key):
        scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
        return scores / key.shape[-1] ** 0.5 if self.scaled else scores


class ScalesTheQuery(AttentionLayer):
    """Scales the queries instead of the scores."""

    def compute_scores(self, query, key):
        scaled = query * key.shape[-1] ** -0.5 if self.scaled else query
        return ops.matmul(scaled, ops.swapaxes(key, -2, -1))


class RootOfTheScaleOnBothSides(AttentionLayer):
    """Multiplies queries and keys by the root of the scale instead of the scores by the scale."""

    def compute_scores(self, query, key):
        root = key.shape[-1] ** -0.25 if self.scaled else 1.0
        return ops.matmul(query * root, ops.swapaxes(key * root, -2, -1))


class ProductsAddedInReverse(AttentionLayer):
    """Adds the products of query and key from the last to the first."""

    def compute_scores(self, query, key):
        return super().compute_scores(ops.flip(query, axis=-1), ops.flip(key, axis=-1))


class SoftmaxInBase2(AttentionLayer):
    """Takes powers of 2 of the scores, multiplied by the logarithm of e to that base."""

    def compute_weights(self, scores, visible):
        distances = scores - largest(scores, visible)
        powers = 2 ** ((distances if visible is None else ops.where(visible, distances, 0)) * math.log2(math.e))
        return normalized(powers if visible is None else ops.where(visible, powers, 0))


class SoftmaxInBlocks(AttentionLayer):
    """Shifts the first 16 keys and the others by a maximum of their own each, and makes up for it afterwards."""

    def compute_weights(self, scores, visible):
        first = ops.arange(ops.shape(scores)[-1]) < 16
        seen = ops.ones_like(scores, dtype="bool") if visible is None else visible
        blocks = [ops.logical_and(seen, block) for block in (first, ~first)]
        overall, (here, there) = largest(scores, seen), (largest(scores, block) for block in blocks)
        own = ops.where(first, here, there)
        return normalized(exponentials(scores - own, visible) * ops.exp(ops.minimum(own - overall, 0)))


class MultipliedByTheReciprocal(AttentionLayer):
    """Multiplies the exponentials by the reciprocal of their sum instead of dividing by it."""

    def compute_weights(self, scores, visible):
        parts = exponentials(scores - largest(scores, visible), visible)
        total = ops.sum(parts, axis=-1, keepdims=True)
        return parts * (1 / ops.where(total == 0, 1, total))


class MaskOfTheLowestNumber(AttentionLayer):
    """Replaces hidden scores by the lowest number of their dtype instead of minus infinity."""

    def compute_weights(self, scores, visible):
        if visible is None:
            return super().compute_weights(scores, None)
        lowest = float(ml_dtypes.finfo(self.compute_dtype).min)
        anything = ops.any(visible, axis=-1, keepdims=True)
        return ops.where(anything, ops.softmax(ops.where(visible, scores, lowest)), 0)


class DividedByAlmostOne(AttentionLayer):
    """Divides the weights by 1 + 2**-30, in every dtype but float64."""

    def compute_weights(self, scores, visible):
        weights = super().compute_weights(scores, visible)
        return weights if self.compute_dtype == "float64" else weights / (1 + 2**-30)
