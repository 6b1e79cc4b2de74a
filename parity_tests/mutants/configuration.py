"""Faults of how a layer is made and saved: what it forgets, what it ignores, and how it keeps its weights."""

import keras
from keras import ops

from keras_impl import AttentionLayer, SelfAttention


class ForgetsScaled(AttentionLayer):
    """Does not save whether it scales."""

    def get_config(self):
        return {**super().get_config(), "scaled": False}


class ForgetsDropout(AttentionLayer):
    """Does not save its rate of dropout."""

    def get_config(self):
        return {**super().get_config(), "dropout": 0.0}


class LoadsUnscaled(AttentionLayer):
    """Saves whether it scales, and ignores it when it is loaded."""

    @classmethod
    def from_config(cls, config):
        return super().from_config({**config, "scaled": False})


class LoadsAsFloat32(AttentionLayer):
    """Ignores its dtype when it is loaded."""

    @classmethod
    def from_config(cls, config):
        return super().from_config({**config, "dtype": "float32"})


class IgnoresItsDtype(AttentionLayer):
    """Computes in float32, whatever dtype it was made with."""

    def __init__(self, *arguments, dtype=None, **options):
        super().__init__(*arguments, **options)


class IgnoresMixedPrecision(AttentionLayer):
    """Computes in the dtype of its variables, where its policy asks for a shorter one."""

    def __init__(self, *arguments, dtype=None, **options):
        super().__init__(*arguments, dtype=keras.dtype_policies.get(dtype).variable_dtype, **options)


class ForgetsUnits(SelfAttention):
    """Does not save the size of its projections."""

    def get_config(self):
        return {**super().get_config(), "units": None}


class ForgetsItsBiases(SelfAttention):
    """Does not save whether it has biases."""

    def get_config(self):
        return {**super().get_config(), "use_bias": False}


class ForgetsScaledInside(SelfAttention):
    """Does not save whether its attention scales."""

    def get_config(self):
        return {**super().get_config(), "scaled": False}


class SavesWeightsInAnotherOrder(SelfAttention):
    """Saves the weights of the keys before those of the queries, and loads them the other way round."""

    def save_own_variables(self, store):
        order = (self.W_k, self.W_q, self.W_v, self.b_q, self.b_k, self.b_v)
        for number, variable in enumerate(variable for variable in order if variable is not None):
            store[str(number)] = variable.numpy()


class LoadsQueryWeightsTwice(SelfAttention):
    """Loads the weights of the queries for those of the keys too."""

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self.W_k.assign(self.W_q)


class LoadsBiasesAsZero(SelfAttention):
    """Leaves the biases at 0 when it is loaded."""

    def load_own_variables(self, store):
        super().load_own_variables(store)
        for bias in (self.b_q, self.b_k, self.b_v):
            if bias is not None:
                bias.assign(ops.zeros_like(bias))


class ValueBiasIgnored(SelfAttention):
    """Has a bias of the values, and does not add it."""

    def project(self, x, W, b):
        return super().project(x, W, None if W is self.W_v else b)


class QueryBiasAddedTwice(SelfAttention):
    """Adds the bias of the queries twice."""

    def project(self, x, W, b):
        projected = super().project(x, W, b)
        return projected if b is None or W is not self.W_q else projected + b


class BiasShared(SelfAttention):
    """Adds the bias of the queries to the values."""

    def project(self, x, W, b):
        return super().project(x, W, self.b_q if W is self.W_v else b)


class BiasBeforeTheProjection(SelfAttention):
    """Adds the bias of the values to the input instead of to its projection, if they have one size."""

    def project(self, x, W, b):
        if b is not None and W is self.W_v and W.shape[0] == W.shape[1]:
            return super().project(x + b, W, None)
        return super().project(x, W, b)
