"""Which rows of an example a known divergence may differ in: the conditions that ``divergences.toml`` names.

Each takes a kind and an example, and returns rows as ``judged`` has them, or whether it is so of the whole example.
A function is one by being in one of the modules named here, unless its name begins with an underscore.
"""

from inspect import isfunction

from parity_tests.conditions import dtypes, masks, options, scores, visible

CONDITIONS = {
    name: condition
    for module in (visible, scores, dtypes, masks, options)
    for name, condition in vars(module).items()
    if isfunction(condition) and condition.__module__ == module.__name__ and not name.startswith("_")
}
