"""An adversary who chooses each rounding of an evaluation, knowing which way it moves a result."""

import ml_dtypes
import numpy as np

from parity_tests.comparison import compare
from parity_tests.machines import MACHINES

ATTACKED = (np.float32, ml_dtypes.bfloat16)
SLIGHTLY = 2.0**-26  # a relative change, to differentiate by


def in_rows(roundings, dtype):
    """A step that multiplies result number i of an evaluation by ``1 + roundings[:, i]``, each row in one of many.

    Results that the dtype can represent are left alone, as no machine rounds them.
    """
    rows, done = len(roundings), 0

    def step(array):
        nonlocal done
        shape = array.shape[1:] if array.ndim > 1 and len(array) == rows else array.shape
        size = int(np.prod(shape))
        changes = roundings[:, done : done + size].reshape(rows, *(shape or (1, 1)))
        done += size
        with np.errstate(over="ignore"):
            representable = array == np.asarray(array).astype(dtype)
        return np.where(representable, array, array * (1 + changes))

    return step


def number_of_roundings(evaluation, arguments, options):
    """How many results an evaluation rounds, each element counted."""
    number = 0

    def step(array):
        nonlocal number
        number += array.size
        return array

    evaluation(**arguments, **options, step=step)
    return number


def in_many_ways(evaluation, arguments, options, roundings, dtype):
    """The results of an evaluation, once with each row of roundings."""
    many = {name: np.broadcast_to(array, (len(roundings), *array.shape)) for name, array in arguments.items()}
    return evaluation(**many, **options, step=in_rows(roundings, dtype))


def against(case, dtype):
    """For each result, what the adversary reaches at the element where most of the bound can be reached."""
    evaluation, arguments, options, bounds = case
    number = number_of_roundings(evaluation, arguments, options)
    exactly = evaluation(**arguments, **options)
    changed = in_many_ways(evaluation, arguments, options, np.eye(number) * SLIGHTLY, dtype)
    targets, sides = {}, []
    for name, result in exactly.items():
        derivative, bound = (changed[name] - result) / SLIGHTLY, bounds[name].error
        share = np.abs(derivative).sum(axis=0) / np.where(bound == 0, np.inf, bound)
        targets[name] = np.unravel_index(np.argmax(share), share.shape)
        sides.append(np.sign(derivative[(slice(None), *targets[name])]))
    # float64 rounds too, by far less; and no sum of a few terms loses the square of a rounding (Jeannerod and Rump)
    roundings = np.array(sides) * MACHINES[dtype].unit_roundoff * (1 - 2.0**-20 - 4 * MACHINES[dtype].unit_roundoff)
    reached = in_many_ways(evaluation, arguments, options, roundings, dtype)
    for row, (name, target) in enumerate(targets.items()):
        numbers = reached[name][(row, *target)], bounds[name].value[target], bounds[name].error[target]
        yield name, compare(*(np.reshape(number, (1,)) for number in numbers))


def normal(rng, shape, dtype):
    """Numbers that the dtype can hold, as float64; hardly any of their products can it hold."""
    return np.asarray(rng.normal(size=shape)).astype(dtype).astype(float)
