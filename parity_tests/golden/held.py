"""Everything that is held to the golden cases in one run: the reference, and each target."""

from typing import NamedTuple

from parity_tests.golden import record, results, translation
from parity_tests.golden.verdict import Verdict, excuses_of, verdict


class Held(NamedTuple):
    """One target, and what the cases say of it.

    Attributes
    ----------
    target
        As it was named.
    verdicts
        `Verdict` by the path of the case and the dtype that was asked for.
    left_out
        Why the other cases could not be asked, by path.
    """

    target: str
    verdicts: dict[str, dict[str, Verdict]]
    left_out: dict[str, str]

    @property
    def agrees(self):
        """Whether nothing disagrees but what is known to."""
        return all(one.verdict in ("agrees", "known") for dtypes in self.verdicts.values() for one in dtypes.values())

    def worst(self, path):
        """Of a case's dtypes the one whose verdict says most, and that verdict."""
        order = ("agrees", "known", "disagrees", "error")
        found = self.verdicts[path].items()
        return max(found, key=lambda item: (order.index(item[1].verdict), item[1].worst.ratio))


def reference(truth):
    """The reference itself, in float64; it refuses a case whose numbers overflow."""
    verdicts = {}
    for path, case in truth.cases.items():
        try:
            verdicts[path] = {"float64": verdict(truth, path, "float64", results.of_reference(case))}
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    return Held("reference", verdicts, {})


def file(truth, path):
    """Results of a file, as `record` says."""
    target, found = record.read(path, truth)
    verdicts = {
        case: {dtype: verdict(truth, case, dtype, given) for dtype, given in dtypes.items()}
        for case, dtypes in found.items()
    }
    return Held(target, verdicts, {case: "not in the file" for case in truth.cases if case not in found})


def layer(truth, subject, dtypes=results.DTYPES, on_case=None):
    """A Keras layer."""
    given, left_out = of_layer(truth, subject, dtypes, on_case)
    verdicts = {
        path: {
            dtype: verdict(truth, path, dtype, one, excuses_of(subject, truth.cases[path], dtype))
            for dtype, one in by_dtype.items()
        }
        for path, by_dtype in given.items()
    }
    return Held(subject.target, verdicts, left_out)


def of_layer(truth, subject, dtypes=results.DTYPES, on_case=None):
    """What a layer gives, by case and dtype, and why it was not asked the other cases."""
    from parity_tests.layers import Layers

    layers, given, left_out = Layers(subject), {}, {}
    for path, case in truth.cases.items():
        reason = translation.inexpressible(case, subject.kind, subject.options)
        if reason:
            left_out[path] = reason
        else:
            given[path] = {dtype: results.of_layer(layers, case, dtype) for dtype in dtypes}
        if on_case is not None:
            on_case(subject.target)
    return given, left_out
