"""JAX: a call is a function of values, those of variables too, and what is compiled serves arrays of the same sizes."""

from contextlib import ExitStack, contextmanager

import jax
import keras

GRAPHS_KNOW_SIZES = True


class Recording(keras.StatelessScope):
    """Gives variables their values during a call, and remembers which others it reads and which it updates."""

    def __init__(self, variables, values):
        super().__init__(list(zip(variables, values, strict=True)))
        self.given = {id(variable) for variable in variables}
        self.read = {}
        self.updated = {}

    def get_current_value(self, variable):
        if id(variable) not in self.given:
            self.read[id(variable)] = variable
        return super().get_current_value(variable)

    def add_update(self, update):
        variable, _ = update
        self.updated[id(variable)] = variable
        super().add_update(update)

    def updates(self):
        """The variables that the call has updated, and their new values."""
        variables = list(self.updated.values())
        return variables, [super(Recording, self).get_current_value(variable) for variable in variables]


def differentiate(call, variables, inputs, masks, cotangents):
    """Gradients by `jax.vjp`, one operation after the other; of what is disconnected they are exactly 0."""
    values = [variable.value for variable in variables]
    tensors = [keras.ops.convert_to_tensor(array) for array in inputs]
    masks = [keras.ops.convert_to_tensor(mask) for mask in masks]
    results, gradients, updated, after = _differentiated(call, variables, values, (), (), tensors, masks, cotangents)
    _assign(updated, after)
    return results, gradients


def trace(call, variables, inputs, masks, cotangents, shapes):
    """What `jax.jit` makes of it: compiled anew for arrays of other sizes."""
    with Recording((), ()) as scope:
        jax.eval_shape(call, inputs, masks)
    trainable = {id(variable) for variable in variables}
    states = [one for key, one in {**scope.read, **scope.updated}.items() if key not in trainable]
    updated = []

    @jax.jit
    def compiled(values, before, inputs, masks, cotangents):
        results, gradients, changed, after = _differentiated(
            call, variables, values, states, before, inputs, masks, cotangents
        )
        updated[:] = changed  # the same ones each time that it is traced
        return results, gradients, after

    def run(inputs, masks, cotangents):
        current = ([variable.value for variable in listed] for listed in (variables, states))
        results, gradients, after = compiled(*current, inputs, masks, cotangents)
        _assign(updated, after)
        return results, gradients

    return run


def _differentiated(call, variables, values, states, before, inputs, masks, cotangents):
    """Results and gradients; and the variables that the call would have updated, with their new values."""
    updated = []

    def forward(inputs, values):
        with Recording([*variables, *states], [*values, *before]) as scope:
            results = tuple(call(inputs, masks))
        updated[:], after = scope.updates()
        return results, after

    results, pull_back, after = jax.vjp(forward, inputs, values, has_aux=True)
    weighted = tuple(
        keras.ops.convert_to_tensor(cotangent, result.dtype)
        for cotangent, result in zip(cotangents, results, strict=True)
    )
    d_inputs, d_values = pull_back(weighted)
    return results, [*d_inputs, *d_values], updated, after


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def forget_compiled():
    """JAX keeps code for each set of sizes, of single operations too: some 30 MB for an example of a layer of heads."""
    jax.clear_caches()


def assign(variable, array):
    """By Keras's own ``assign``."""
    variable.assign(array)


@contextmanager
def full_precision(dtype):
    """All digits of float32 products, of which an accelerator may leave out some; and float64 where it is asked for.

    Without ``jax_enable_x64``, Keras computes float64 in float32. It is set for float64 alone, as numbers and integers
    without a dtype are others under it: whoever computes in float32 is judged as it is by default.
    """
    with ExitStack() as settings:
        settings.enter_context(jax.default_matmul_precision("highest"))
        if dtype == "float64":
            settings.enter_context(jax.enable_x64(True))
        yield


def device():
    """CPU, GPU or TPU, on which an array is placed that is told nothing else."""
    return jax.numpy.zeros(()).device.platform.upper()


def version():
    """That of JAX."""
    return jax.__version__
