"""The check as a test in somebody's own suite."""

import io

from rich.console import Console

from parity_tests import table
from parity_tests.verdict import check


def parity_test(target, kind=None, examples=300, seed=0, corners=True, long=False):
    """Return a test that fails, with the counterexamples, if a layer disagrees with the reference.

    Parameters
    ----------
    target, kind, examples, seed, corners, long
        As for `check`.

    Returns
    -------
    test
        A function without arguments, for pytest or unittest to call.

    Raises
    ------
    ValueError
        When the test is called, if the target cannot be used.

    Examples
    --------
    In a module that pytest collects:

    >>> from parity_tests import parity_test
    >>> test_my_layer = parity_test("keras_impl:AttentionLayer", examples=5)
    """

    def test():
        __tracebackhide__ = True  # pytest shows what went wrong, not where it was said
        report = check(target, kind=kind, examples=examples, seed=seed, corners=corners, long=long)
        if not report.agrees:
            raise AssertionError(_in_words(report))

    test.__doc__ = f"{target} agrees with the reference."
    return test


def _in_words(report):
    page = io.StringIO()
    table.show(report, Console(file=page, width=100))
    return page.getvalue()
