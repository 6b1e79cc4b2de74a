"""An account of what a layer does instead of what it should."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from parity_tests.comparison import NO_NUMBERS


class Instead(NamedTuple):
    """What a layer does instead; what a field is None of, it does as it should.

    Attributes
    ----------
    sees
        The example that it computes, given the kind and the one that it is given; None where it must raise an error.
    truth
        The truth in place of that of the kind, given the kind, the function that returns this one, an example and an
        arithmetic.
    received
        What is compared with the truth, given the kind, the name of a result or gradient, the example, what is
        received, and the truth: that, where what is received is NaN as it is known to be.
    symbol
        The shape and dtype of a result of a call without numbers, given the name of what is said, the example, and
        what they should be.
    dtypes
        Those that its results may have.
    returns_dropped
        Whether the weights that it returns are those after dropout.
    knows_order
        Whether the result depends on the order of items or of keys, so that another order shows nothing.
    forward_alone
        The backends on which it tells nothing of gradients.
    """

    sees: Callable[..., Any] | None = None
    truth: Callable[..., Any] | None = None
    received: Callable[..., Any] | None = None
    symbol: Callable[..., Any] | None = None
    dtypes: tuple[str, ...] = ()
    returns_dropped: bool = False
    knows_order: bool = False
    forward_alone: tuple[str, ...] = ()

    def tells(self, name):
        """Whether it tells what is received in a property."""
        of_none = {
            "symbolic": self.symbol,
            "dtype": self.dtypes or None,
            "hidden_positions": self.sees or self.received,
        }
        of_none |= dict.fromkeys(("repeated_calls", "reloading"), self.received)
        if name in NO_NUMBERS:
            return of_none.get(name) is not None
        if name.startswith("d_") and keras.backend.backend() in self.forward_alone:
            return False
        if name in ("weights_in_training", "gradients_in_training"):
            return self.returns_dropped
        return any(one is not None for one in (self.sees, self.truth, self.received))
