"""A layer under test: how it is made, built and called in the contract of its kind."""

import keras

from parity_tests.contract import lacking


class Subject:
    """A layer that keeps the contract of its kind as it is.

    For a layer with another signature, derive from this class, override what differs, and name the class
    as the target. Those of `parity_tests.adapters` are examples.

    Parameters
    ----------
    target
        What the command calls it: ``package.module:LayerClass``, or a registered name.
    kind
        The contract, an `Example`'s `Kind`.
    layer_class
        The layer, as its code is called in saved models.
    options
        Those of the kind's options that `make` passes on, such as ``"dropout"``; they are checked too.
    known_as
        The subject whose known divergences are this one's too, as it is derived from it; by default the target.
    """

    def __init__(self, target, kind, layer_class, options=(), known_as=None):
        self.target = target
        self.known_as = known_as or target
        self.kind = kind
        self.layer_class = layer_class
        self.options = frozenset(options)

    @property
    def adapted(self):
        """Whether the layer is made or called in a way of its own."""
        return type(self) is not Subject

    def make(self, example):
        """A new layer with the example's constructor arguments."""
        return self.layer_class(**example.constructor, dtype=example.policy)

    def call(self, layer, inputs, masks, return_attention_scores, use_causal_mask, **training):
        """Call the layer on the example's inputs and masks, in the order of the example.

        ``training``, true or false, is given in some calls if ``dropout`` is among the subject's options; so is what an
        example's ``manner`` has, if the subject has those options.
        """
        listed = len(inputs) > 1
        causal = {"use_causal_mask": use_causal_mask} if self.kind.causal else {}
        return layer(
            list(inputs) if listed else inputs[0],
            mask=(masks if any(mask is not None for mask in masks) else None) if listed else masks[0],
            return_attention_scores=return_attention_scores,
            **causal,
            **training,
        )

    def weights(self, example):
        """The names and arrays of the layer's weights, in the layer's own order.

        Weights that the layer keeps as one, side by side, have a tuple of names.
        """
        return example.weights

    def lacking(self):
        """What the layer's signatures lack, in words; an adapter, which calls it in its own way, says nothing."""
        return "" if self.adapted else lacking(self.layer_class, self.kind)

    def mask(self, layer, inputs, masks):
        """The mask that the layer hands on, or None.

        A subject that has None in the place of this method has no layer that could: nothing is said of it.
        """
        listed = len(inputs) > 1
        given = any(mask is not None for mask in masks)
        return layer.compute_mask(
            list(inputs) if listed else inputs[0], (masks if listed else masks[0]) if given else None
        )

    def output_shape(self, layer, shapes):
        """The shape of the output as the layer tells it; None if it does not, or an adapter calls it in its own way."""
        defined = type(layer).compute_output_shape is not keras.layers.Layer.compute_output_shape
        if not defined or type(self).call is not Subject.call:
            return None
        return layer.compute_output_shape(shapes if len(shapes) > 1 else shapes[0])
