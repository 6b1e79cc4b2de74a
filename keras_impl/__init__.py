"""Keras layers that compute attention, on every backend that Keras has."""

from keras_impl.dot_product import AttentionLayer
from keras_impl.self_attention import SelfAttention

__all__ = ["AttentionLayer", "SelfAttention"]
