"""Golden cases through what runs ONNX models: its reference evaluator, and onnxruntime."""

import warnings

from parity_tests import divergences
from parity_tests.backend import in_words
from parity_tests.golden.held import Held
from parity_tests.golden.results import Given
from parity_tests.golden.to_onnx.export import exported, inexpressible, model
from parity_tests.golden.verdict import verdict


def evaluator(made, inputs):
    """What ONNX's reference evaluator gives."""
    from onnx.reference import ReferenceEvaluator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of what becomes NaN, which the comparison sees
        return ReferenceEvaluator(made).run(None, inputs)


def runtime(made, inputs):
    """What onnxruntime gives, on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is raised besides
    session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


TARGETS = {"onnx.reference.ReferenceEvaluator": evaluator, "onnxruntime.InferenceSession": runtime}


def held(truth, target, dtypes):
    """Hold one of the two to the cases that the operator can express."""
    verdicts, left_out = {}, {}
    for path, case in truth.cases.items():
        for dtype in dtypes:
            reason = inexpressible(case, dtype)
            if reason:
                left_out[path] = reason
            else:
                found = verdict(truth, path, dtype, given(target, case, dtype))
                verdicts.setdefault(path, {})[dtype] = _excused(target, path, dtype, found)
    return Held(target, verdicts, {path: reason for path, reason in left_out.items() if path not in verdicts})


def given(target, case, dtype):
    """What one of the two gives for a case: output and weights."""
    _, inputs, outputs = exported(case, dtype)
    try:
        results = TARGETS[target](model(case, dtype), inputs)
    except Exception as error:  # whatever a runtime may raise
        return Given(dtype, {}, in_words(error))
    arrays = dict(zip(("output", "weights"), results, strict=True))
    names = {str(array.dtype) for array in arrays.values()}
    # The operator has four axes, or three where it projects; the case may have fewer or more.
    shaped = {
        name: array.reshape(case.expected[name].shape) if array.shape == outputs[name].shape else array
        for name, array in arrays.items()
    }
    return Given(names.pop() if len(names) == 1 else "mixed", shaped)


def _excused(target, path, dtype, found):
    """What is known to differ in this case and dtype, and in this way, is known."""
    names = tuple(
        one.name
        for one in divergences.of_cases(target)
        if path in one.cases and dtype in one.dtypes and found.verdict == one.verdict
    )
    return found._replace(verdict="known", known=names) if names else found
