"""Whether a layer computes what the reference does."""

from parity_tests.backend import dtype_name
from parity_tests.comparison import same
from parity_tests.trials.received import within
from reference.rounding import ARITHMETIC


def agreement(layers, example):
    """Output, weights and all gradients are those of the reference, and of the dtype that was asked for.

    The output is asked for with the weights if the loss depends on them, else alone.
    """
    results, gradients = layers.of(example).run_with_gradients(example)
    dtype = dtype_name(results[0])
    if dtype not in ARITHMETIC:
        return {"dtype": same("dtype of the output", dtype, example.dtype)}
    expected = layers.expected(example, dtype)
    names = ("output_alone",) if len(results) == 1 else layers.subject.kind.results
    outcomes = {
        name: within(layers, example, name, result, expected[name.removesuffix("_alone")])
        for name, result in zip(names, results)
    }
    known = (name for name in gradients if name in expected)  # an adapted layer may have other weights too
    outcomes |= {name: within(layers, example, name, gradients[name], expected[name]) for name in known}
    may_be = layers.dtypes(example)
    others = {dtype_name(result) for result in results}.difference(may_be)
    wanted = " or ".join(may_be)
    return {**outcomes, "dtype": same("dtype", min(others, default=wanted), wanted)}
