"""Keras layers that compute attention, on every backend that Keras has, and models made of them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what an editor completes
    from keras_impl.dot_product import AttentionLayer
    from keras_impl.hierarchical import HierarchicalAttention
    from keras_impl.inspection import attention_weights
    from keras_impl.plots import plot_attention_weights
    from keras_impl.pooling import AttentionPooling
    from keras_impl.self_attention import SelfAttention

__all__ = [
    "AttentionLayer",
    "AttentionPooling",
    "HierarchicalAttention",
    "SelfAttention",
    "attention_weights",
    "plot_attention_weights",
]

HOMES = {
    "AttentionLayer": "dot_product",
    "AttentionPooling": "pooling",
    "HierarchicalAttention": "hierarchical",
    "SelfAttention": "self_attention",
    "attention_weights": "inspection",
    "plot_attention_weights": "plots",
}


def __getattr__(name):
    # On demand, so that ``python -m keras_impl --help`` and a mistyped option need not wait for Keras.
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"keras_impl.{HOMES[name]}"), name)
