"""What several faults of dropout share: a seam for the weights that are left."""

import keras
from keras import ops

from keras_impl import AttentionLayer


class Dropping(AttentionLayer):
    """A sound layer, whose dropped weights come from ``dropped``."""

    def compute_output(self, weights, value, training):
        if training and self.dropout:
            weights = self.dropped(weights)
        return ops.matmul(weights, value)

    def dropped(self, weights):
        return keras.random.dropout(weights, self.dropout, seed=self.seed_generator)
