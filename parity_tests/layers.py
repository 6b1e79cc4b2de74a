"""The layers of a subject, and what they are held to: the truth, or what is known that they do instead."""

from functools import reduce

from parity_tests.backend import to_numpy
from parity_tests.built_layer import BuiltLayer
from parity_tests.instead import seen, truth_of
from reference.rounding import ARITHMETIC

KEPT = 64  # layers, with their graphs


class Layers:
    """The layers of one subject, each made once and used for every example that it serves."""

    def __init__(self, subject):
        self.subject = subject
        self.losses, self.accounts = (), ()
        self.made = {}
        self.last = (None, None, None)

    def held_to(self, losses, accounts):
        """The same layers, held to other things.

        Parameters
        ----------
        losses
            Functions of an arithmetic: the bound is that of machines that lose what they say.
        accounts
            Each an `instead.Instead`: the truth is that of layers that do so.
        """
        others = Layers(self.subject)
        others.losses, others.accounts, others.made = tuple(losses), tuple(accounts), self.made
        return others

    def arithmetic(self, dtype):
        """That of a machine which computes in this dtype, with all that it loses besides."""
        return reduce(lambda machine, loss: loss(machine), self.losses, ARITHMETIC[dtype])

    def expected(self, example, dtype):
        """The truth for a machine of some dtype; that of the last example is kept, for the next trial."""
        if self.last[0] is not example or self.last[1] != dtype:
            expected = truth_of(self.subject.kind, self.accounts)
            self.last = (example, dtype, expected(self.seen(example), self.arithmetic(dtype)))
        return self.last[2]

    def seen(self, example):
        """The example that a layer computes when it is given this one."""
        return seen(self.subject.kind, self.accounts, example)

    def received(self, name, example, tensor, truth=0.0):
        """A result or gradient as an array, with the truth for each NaN that is known to be received instead of it."""
        array = to_numpy(tensor)
        for one in self.accounts:
            if one.received is not None:
                array = one.received(self.subject.kind, name, example, array, truth)
        return array

    def symbol(self, name, example, shape, dtype):
        """The shape and dtype of a result of a call without numbers, if these are those of the result."""
        for one in self.accounts:
            if one.symbol is not None:
                shape, dtype = one.symbol(name, example, shape, dtype)
        return shape, dtype

    def dtypes(self, example):
        """The names of the dtypes that results of a layer may have."""
        return next((one.dtypes for one in self.accounts if one.dtypes), (example.dtype,))

    @property
    def return_dropped(self):
        """Whether the weights that they return are those after dropout."""
        return any(one.returns_dropped for one in self.accounts)

    def fresh(self, example):
        """A layer that was not called before, but to create its variables."""
        return BuiltLayer(self.subject, example)

    def of(self, example):
        """A layer that has the example's weights."""
        key = self._key(example)
        if key in self.made:
            self.made[key].assign(example)
        else:
            if len(self.made) == KEPT:
                self.made.pop(next(iter(self.made)))
            self.made[key] = self.fresh(example)
        return self.made[key]

    def _key(self, example):
        weights = tuple(array.shape for array in example.weights.values())
        return (example.policy, *example.constructor.items(), *self.subject.kind.depths(example), *weights)
