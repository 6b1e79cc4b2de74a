"""What a layer and the reference are both given."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from reference.rounding import Arithmetic, Rounded

FREE = frozenset(("B", "N", "T", "S"))  # axes whose sizes a layer need not know before it runs


class Example(NamedTuple):
    """One call of a layer: how it is made and called, what goes in, and the gradients that come from above.

    Arrays are of the example's dtype. ``judged``, the leading axes of the results, such as (B, T), tells the rows
    that count; the others are neither compared nor sent a gradient. If ``mixed``, the layer computes in this dtype and
    keeps its weights in float32; if ``traced``, it is called in a graph, which knows no size but the depths, unless
    ``sizes_known``.
    ``training`` is passed to the call, unless it is None; ``manner`` has further arguments of the subject's ``call``,
    which say in what way the same thing is written.
    """

    constructor: dict[str, Any]
    dtype: str
    inputs: dict[str, np.ndarray]
    weights: dict[str, np.ndarray]
    masks: dict[str, np.ndarray | None]
    causal: bool
    d_output: np.ndarray
    d_weights: np.ndarray | None
    judged: np.ndarray
    mixed: bool = False
    traced: bool = False
    sizes_known: bool = False
    training: bool | None = None
    manner: Mapping[str, Any] = MappingProxyType({})

    @property
    def policy(self):
        """The name of Keras's dtype policy."""
        return f"mixed_{self.dtype}" if self.mixed else self.dtype

    def without_rows(self, rows):
        """Return the same example, in which some rows do not count."""
        judged = self.judged & ~rows
        d_weights = None if self.d_weights is None else _zeroed(self.d_weights, judged)
        return self._replace(judged=judged, d_output=_zeroed(self.d_output, judged), d_weights=d_weights)

    def without_items(self, items):
        """Return the same example without some items of the batch."""
        return self.taken(np.flatnonzero(~items))

    def taken(self, items):
        """Return the same example with the numbered items of the batch, in this order."""
        fields = (self.inputs, self.masks, self.d_output, self.d_weights, self.judged)
        inputs, masks, d_output, d_weights, judged = (_taken(field, items, len(self.judged)) for field in fields)
        return self._replace(inputs=inputs, masks=masks, d_output=d_output, d_weights=d_weights, judged=judged)


class Kind(NamedTuple):
    """A contract between a layer and the reference.

    Attributes
    ----------
    name
        What ``--kind`` calls it.
    options
        Constructor arguments that a layer of this kind may have, and that are then checked too.
    draw
        Takes a `strategies.Choice`, a NumPy generator and the options that the layer has; returns an example.
    shared
        The names of those choices that all examples of a family have in common, as they decide how the layer is made.
    shared_by_graph
        The names of those that they have in common too if the call is traced.
    corners
        Choices that are always checked, by what they show.
    axes
        The names of the axes of each input, mask and result, such as ``("B", "T", "d_k")``.
    plain
        One small example, to see whether a layer can be called at all; takes the layer's options, and
        whether to use them.
    expected
        The truth for an example, as arrays that carry their bound: the results, the gradients of all inputs and
        weights, ``d_`` and the name, and the ``scores``.
    visible
        Which keys each query may attend, (B, T, S).
    replace_hidden
        The same example with other contents where no row that is left to be judged may look.
    permute
        The example with its items and keys in another order, and its result in that order.
    identity
        An example made and called as this one, whose values are two identity matrices, so that the output is the
        weights twice.
    through_values
        What the gradients of an example of ``identity`` have through its values, by name, given the weights that were
        not dropped; and ``d_weights`` of these, unless it is the sum of the two halves of ``d_output``. Both are for
        dropout, and None where no layer of the kind has its dropout checked.
    results
        The names of what a call returns: the output, and the weights if the layer returns them.
    causal
        Whether layers of this kind take ``use_causal_mask``.
    hands_mask_on
        Whether their ``compute_mask`` returns the first mask, as each row of it has a row of the output; else nothing.
    """

    name: str
    options: frozenset[str]
    draw: Callable[..., Example]
    shared: frozenset[str]
    shared_by_graph: frozenset[str]
    corners: Mapping[str, dict[str, Any]]
    axes: Mapping[str, tuple[str, ...]]
    plain: Callable[..., Example]
    expected: Callable[[Example, Arithmetic], dict[str, Rounded]]
    visible: Callable[[Example], np.ndarray]
    replace_hidden: Callable[[Example], Example]
    permute: Callable[..., tuple[Example, Callable]]
    identity: Callable[[Example], Example] | None = None
    through_values: Callable[[Example, Rounded], dict[str, Rounded]] | None = None
    results: tuple[str, ...] = ("output", "weights")
    causal: bool = True
    hands_mask_on: bool = True

    def shape(self, name, array):
        """The shape of an input, mask or result as a graph may know it: None where a size is free."""
        return tuple(None if axis in FREE else size for axis, size in zip(self.axes[name], array.shape, strict=True))

    def depths(self, example):
        """The sizes of an example's inputs that are not free, which a layer may be made for."""
        return tuple(
            size
            for name, array in example.inputs.items()
            for axis, size in zip(self.axes[name], array.shape, strict=True)
            if axis not in FREE
        )


def of_rows(rows, array):
    """Rows, (B, T) or what leading axes there are, as they broadcast against an array with more axes."""
    return rows.reshape(*rows.shape, *(1,) * (array.ndim - rows.ndim))


def _zeroed(array, rows):
    return np.where(of_rows(rows, array), array, 0).astype(array.dtype)


def _taken(field, items, batch):
    """The items of an array, or of all that a dictionary holds; what one array has for all items, it keeps."""
    if isinstance(field, dict):
        return {name: _taken(array, items, batch) for name, array in field.items()}
    return field if field is None or len(field) != batch else field[items]
