"""What a call does to the tensors that it is handed: to their contents, and to the masks that come with them."""

from contextlib import contextmanager
from typing import NamedTuple

import keras
import numpy as np
from keras.src.backend import get_keras_mask, in_symbolic_scope  # for which there is nothing public

from parity_tests.backend import to_numpy
from parity_tests.comparison import Outcome


class Handed(NamedTuple):
    """The contents of a tensor and of the mask that comes with it, at one time."""

    contents: np.ndarray
    mask: np.ndarray | None


class Watched:
    """What calls of a layer do, one after the other."""

    def __init__(self):
        self.seen = []

    def watching(self, call):
        """A method that calls what it is handed tensors by, and looks at these before and after."""

        def watched(layer, *arguments, **named):
            if in_symbolic_scope():  # where the layer is a part of another, of which a shape is asked
                return call(layer, *arguments, **named)
            tensors = [one for one in keras.tree.flatten((arguments, named)) if _has_contents(one)]
            before = [_handed(one) for one in tensors]
            results = call(layer, *arguments, **named)
            self.seen += zip(before, [_handed(one) for one in tensors])
            return results

        return watched

    def unchanged(self):
        """Whether all tensors have the same contents as before, and no mask that they did not come with."""
        for before, after in self.seen:
            if not np.array_equal(_bits(after.contents), _bits(before.contents)):
                return _wrong("a call changes the contents of what it is handed")
            if after.mask is not None and (before.mask is None or not np.array_equal(after.mask, before.mask)):
                return _wrong("a call leaves a mask on what it is handed that did not come with it")
        return Outcome(True)

    def masks_kept(self):
        """Whether all masks that came with a tensor are still with it; None if there was none."""
        masked = [after for before, after in self.seen if before.mask is not None]
        if not masked:
            return None
        taken = any(after.mask is None for after in masked)
        return _wrong("a call takes away a mask that came with what it is handed") if taken else Outcome(True)


@contextmanager
def watch(layer):
    """Watch a layer's calls: what is called is the layer itself, of a class derived from its own for that long.

    So an adapter can do with it whatever it can with any layer.
    """
    seen, own = Watched(), type(layer)
    named = {"__module__": own.__module__, "__qualname__": own.__qualname__, "__doc__": own.__doc__}
    layer.__class__ = type(own.__name__, (own,), {**named, "__call__": seen.watching(own.__call__)})
    try:
        yield seen
    finally:
        layer.__class__ = own


def _has_contents(one):
    return hasattr(one, "shape") and not isinstance(one, keras.KerasTensor)


def _handed(tensor):
    mask = get_keras_mask(tensor)
    return Handed(np.array(to_numpy(tensor)), None if mask is None else np.array(to_numpy(mask)))


def _bits(array):
    return np.frombuffer(array.tobytes(), np.uint8)


def _wrong(message):
    return Outcome(False, np.inf, message=message)
