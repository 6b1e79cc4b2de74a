"""A person is shown each disagreement once."""

import io

import pytest
from rich.console import Console

import keras_impl
import parity_tests
from parity_tests import table
from parity_tests.counterexample import disagreements


class NotBeyondSix(keras_impl.AttentionLayer):
    """Has no kernel for long sequences."""

    def compute_scores(self, query, key):
        if query.shape[1] is not None and query.shape[1] > 6:
            raise ValueError(f"T is {query.shape[1]}, more than 6")
        return super().compute_scores(query, key)


class NeverSaved(NotBeyondSix):
    """Raises for another reason too."""

    def get_config(self):
        raise NotImplementedError("it cannot be saved")


def checked(layer):
    return parity_tests.check(layer, kind="attention", examples=130, corners=False)


def printed(report):
    page = io.StringIO()
    table.show(report, Console(file=page, width=100))
    return page.getvalue()


@pytest.fixture(scope="module")
def raised():
    return checked(NotBeyondSix)


def test_what_is_raised_in_many_properties_is_one_disagreement(raised):
    names = [one.name for one in raised.subjects[0].properties if one.verdict == "error"]
    assert {"agreement", "hidden_positions", "permutation"} <= set(names)
    (one,) = disagreements(raised.subjects[0])
    assert [of_one.name for of_one in one.properties] == names
    assert f"NotBeyondSix: {', '.join(names)}: ValueError: " in one.description


def test_what_is_raised_in_many_properties_is_printed_once(raised):
    text = printed(raised)
    assert text.count("more than 6") == 1
    assert text.count("raise SystemExit") == 1


def test_what_is_raised_for_another_reason_is_told_too():
    told = [one.description for one in disagreements(checked(NeverSaved).subjects[0])]
    assert len(told) == 2
    assert "more than 6" in told[0]
    assert "NotImplementedError: it cannot be saved" in told[1]


def test_properties_whose_numbers_disagree_are_told_one_by_one():
    subject = parity_tests.check("parity_tests.mutants:LogitsSquared", examples=20, corners=False).subjects[0]
    told = disagreements(subject)
    assert [one.properties for one in told] == [(one,) for one in subject.properties if one.counterexample]
    scripts = [one.script.partition("example = ")[2].partition("raise SystemExit")[0] for one in told]
    assert all((one.same_as is None) == (text not in scripts[:at]) for at, (one, text) in enumerate(zip(told, scripts)))
