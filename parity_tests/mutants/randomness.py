"""Faults of chance in dropout: which weights are dropped, how many, and whether a seed says so."""

import keras
from keras import ops

from keras_impl import AttentionLayer
from parity_tests.mutants.dropping import Dropping


class KeptAndDroppedExchanged(Dropping):
    """Drops as many weights as it should keep, which is right for a half."""

    def dropped(self, weights):
        kept = keras.random.dropout(ops.ones_like(weights), 1 - self.dropout, seed=self.seed_generator) != 0
        return ops.where(kept, weights / (1 - self.dropout), 0)


class TooFewDropped(Dropping):
    """Drops a quarter of the weights that it should."""

    def dropped(self, weights):
        kept = keras.random.dropout(ops.ones_like(weights), self.dropout / 4, seed=self.seed_generator) != 0
        return ops.where(kept, weights / (1 - self.dropout), 0)


class SameDropoutForAllItems(Dropping):
    """Drops the same weights of all items of the batch."""

    def dropped(self, weights):
        return weights * super().dropped(ops.ones_like(weights[:1]))


class SameDropoutForAllQueries(Dropping):
    """Drops the same keys for all queries."""

    def dropped(self, weights):
        return weights * super().dropped(ops.ones_like(weights[:, :1]))


class SameDropoutEveryCall(AttentionLayer):
    """Drops the same weights in every call."""

    def compute_output(self, weights, value, training):
        if training and self.dropout:
            weights = keras.random.dropout(weights, self.dropout, seed=7)
        return super().compute_output(weights, value, False)


class SameDropoutEightRowsOn(Dropping):
    """Drops of every query what it dropped of the one eight rows before."""

    def dropped(self, weights):
        ones = super().dropped(ops.ones_like(weights))
        return weights * ops.take(ones, ops.arange(ops.shape(weights)[1]) % 8, axis=1)


class SameDropoutAlongTheDiagonal(Dropping):
    """Drops of every query what it dropped of the one before, one key further."""

    def dropped(self, weights):
        ones = super().dropped(ops.ones_like(weights))[:, 0]
        _, T, S = ops.shape(weights)
        return weights * ops.take(ones, (ops.arange(S)[None] - ops.arange(T)[:, None]) % S, axis=1)


class SeedIgnored(AttentionLayer):
    """Draws from a seed of its own, whatever seed it is given."""

    def __init__(self, scaled=False, dropout=0.0, seed=None, **kwargs):
        super().__init__(scaled, dropout, seed, **kwargs)
        self.seed_generator = keras.random.SeedGenerator(42) if dropout else None


class SeedZeroIsNoSeed(AttentionLayer):
    """Takes the seed 0 for none."""

    def __init__(self, scaled=False, dropout=0.0, seed=None, **kwargs):
        super().__init__(scaled, dropout, seed, **kwargs)
        self.seed_generator = keras.random.SeedGenerator(seed or None) if dropout else None


class NoSeedIsSeedZero(AttentionLayer):
    """Takes no seed for the seed 0, so that all layers drop alike."""

    def __init__(self, scaled=False, dropout=0.0, seed=None, **kwargs):
        super().__init__(scaled, dropout, seed, **kwargs)
        self.seed_generator = keras.random.SeedGenerator(seed or 0) if dropout else None


class ForgetsItsSeed(AttentionLayer):
    """Does not save its seed."""

    def get_config(self):
        return {**super().get_config(), "seed": None}


class HeadsWithoutASeedDropAlike(keras.layers.MultiHeadAttention):
    """Draws from one seed wherever it is given none."""

    def _build_attention(self, rank):
        super()._build_attention(rank)
        seed = 1337 if self.seed is None else self.seed
        self._dropout_layer = keras.layers.Dropout(self._dropout, seed=seed, dtype=self.dtype_policy)


class NeighbouringQueriesShareDropout(Dropping):
    """Drops the same of every second query and the one after it."""

    def dropped(self, weights):
        ones = super().dropped(ops.ones_like(weights))
        return weights * ops.take(ones, (ops.arange(ops.shape(weights)[1]) + 1) // 2, axis=1)


class FewerDropped(Dropping):
    """Drops four fifths of the weights that it should."""

    def dropped(self, weights):
        kept = keras.random.dropout(ops.ones_like(weights), self.dropout * 0.8, seed=self.seed_generator) != 0
        return ops.where(kept, weights / (1 - self.dropout), 0)
