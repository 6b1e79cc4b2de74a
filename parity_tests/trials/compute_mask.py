"""Which mask a layer hands on."""

import keras

from parity_tests.comparison import same
from parity_tests.trials.received import equal


def compute_mask(layers, example):
    """``compute_mask`` returns the query mask, so that the next layer knows which positions are padding.

    Of a kind whose output has no rows for them, it returns none.
    """
    if layers.subject.mask is None:
        return {}
    tensors = [keras.ops.convert_to_tensor(array) for array in example.inputs.values()]
    masks = [None if mask is None else keras.ops.convert_to_tensor(mask) for mask in example.masks.values()]
    received = layers.subject.mask(layers.of(example).layer, tensors, masks, **example.manner)
    expected = masks[0] if layers.subject.kind.hands_mask_on else None
    if expected is not None and hasattr(received, "dtype"):
        return {"compute_mask": equal(expected, received)}
    described = [
        "no mask" if one is None else "a mask" if hasattr(one, "dtype") else type(one).__name__
        for one in (received, expected)
    ]
    return {"compute_mask": same("compute_mask", *described)}
