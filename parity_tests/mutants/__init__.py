"""The gallery of wrong layers: each is a sound one with a single fault, and the check must find it.

The sound ones are ours, or Keras's for what we have no layer of: their known differences are known of the fault too.
A module is a category, and a layer in it, whose name does not begin with an underscore, a fault. Only those of
`equivalent` must not be found: `HIDDEN` says for each what hides it.
"""

import keras

from parity_tests.mutants import (
    additive,
    attention_of_heads,
    causal,
    configuration,
    dropout,
    equivalent,
    excused,
    forward,
    gates,
    gradients,
    handed_over,
    handed_to_attention,
    head_options,
    hierarchical,
    large_values,
    long,
    masks,
    multi_head,
    multi_head_masks,
    pooling,
    precision,
    randomness,
    returned_weights,
    shapes,
    softmax,
    state,
    symbolic,
)
from parity_tests.mutants.equivalent import HIDDEN

__all__ = ["CATEGORIES", "GALLERY", "HIDDEN", "category"]


def _faults(module):
    return {
        name: fault
        for name, fault in vars(module).items()
        if isinstance(fault, type) and issubclass(fault, keras.layers.Layer)
        if fault.__module__ == module.__name__ and not name.startswith("_")
    }


_FAULTS = {
    module.__name__.rpartition(".")[2]: _faults(module)
    for module in (
        forward, masks, causal, returned_weights, shapes, precision, large_values,
        gradients, dropout, randomness, configuration, symbolic, state,
        additive, multi_head, gates, head_options, multi_head_masks, handed_over, handed_to_attention,
        attention_of_heads, softmax, pooling, hierarchical, excused, long, equivalent,
    )
}  # fmt: skip
CATEGORIES = {category: tuple(faults) for category, faults in _FAULTS.items()}
GALLERY = {name: fault for faults in _FAULTS.values() for name, fault in faults.items()}
globals().update(GALLERY)  # each is a target of its own: parity_tests.mutants:LogitsSquared


def category(name):
    """The category of a fault."""
    return next(category for category, names in CATEGORIES.items() if name in names)
