"""A layer of Keras as a subject, and whatever is derived from it."""

from parity_tests.contract import options_of
from parity_tests.subject import Subject

NO_ARGUMENTS = {
    "learned_scale",
    "two_inputs",
    "groups",
    "mask_axes",
    "masks_with_inputs",
    "same_tensor",
    "query_mask_argument",
    "float32_inputs",
}  # options that the constructor is not told


class KerasLayer(Subject):
    """A layer of Keras, by its ``name``, or one that is derived from it and has the same known divergences.

    ``adapts`` is the layer's class, ``contract`` its kind, and ``has`` are those of the kind's options that it has.
    """

    def __init__(self, target=None, layer_class=None, known_as=None):
        options = set(self.has)
        if layer_class is not None:  # which need not take all that Keras's does
            options &= options_of(layer_class, self.contract) | NO_ARGUMENTS
        super().__init__(
            target or self.name, self.contract, layer_class or self.adapts, options, known_as=known_as or self.name
        )
