"""The page holds all of a report, exactly and harmlessly, and loads nothing."""

import datetime
import re
import sys
from html import unescape
from html.parser import HTMLParser

import pytest
from keras import ops

import keras_impl
import parity_tests
from parity_tests import divergences
from parity_tests.__main__ import main
from parity_tests.counterexample import disagreements
from parity_tests.mutants import KeyGradientHalved
from parity_tests.page import page

DATE = datetime.date(2026, 1, 2)
VOID = {"meta", "br"}


class Raises(keras_impl.AttentionLayer):
    """Says something that a page must not run."""

    def compute_scores(self, query, key):
        if self.compute_dtype != "float32":
            raise RuntimeError("<script>alert(1)</script> & \ud800")
        return super().compute_scores(query, key)


class Unbounded(keras_impl.AttentionLayer):
    """Turns what is large into infinity and NaN."""

    def compute_output(self, weights, value, training):
        output = super().compute_output(weights, value, training)
        return ops.where(output > 0, output / 0.0, ops.where(output < 0, output * float("nan"), output))


class Reader(HTMLParser):
    """Reads a page, and sees that each element is closed where it should be."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.scripts, self.texts = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "pre":
            self.scripts.append("")

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        if "pre" in self.open:
            self.scripts[-1] += data

    def attributes(self, name):
        """The values of an attribute, of whatever element."""
        return [attributes[name] for _, attributes in self.elements if name in attributes]


@pytest.fixture(scope="module")
def report():
    targets = ("keras.layers.Attention", KeyGradientHalved, Raises, Unbounded)
    return parity_tests.check(*targets, kind="attention", examples=16, corners=False)


@pytest.fixture(scope="module")
def text(report):
    return page(report, seed=7, examples=20, date=DATE)


@pytest.fixture(scope="module")
def reader(text):
    return Reader(text)


def properties(report):
    return [one for subject in report.subjects for one in subject.properties]


def test_every_element_is_closed(reader):
    assert reader.open == []
    assert {"html", "main", "table", "svg", "pre"} <= {tag for tag, _ in reader.elements}


def test_an_id_is_the_only_one_and_links_lead_to_one(reader):
    ids = reader.attributes("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in reader.attributes("href")} <= set(ids)


def test_nothing_is_loaded(text, reader):
    without_names = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    for word in ("http://", "https://", "//www", "@import", "<link"):
        assert word not in without_names
    assert reader.attributes("src") == []
    assert all(address.startswith("data:image/png;base64,") for address in reader.attributes("xlink:href"))


def test_every_property_and_verdict_is_told(report, text):
    rows = re.findall(
        r'<th scope="row"[^>]*>(\w+)</th>.*?<span aria-hidden="true">.</span> (\w+)</span>', text, re.DOTALL
    )
    assert rows == [(one.name, one.verdict) for one in properties(report)]
    assert {verdict for _, verdict in rows} == {"agrees", "known", "disagrees", "error"}


def test_what_is_known_is_told_in_words(report, reader):
    names = {name for one in properties(report) for name in one.known}
    sentences = {entry.sentence for entry in divergences.read() if entry.name in names}
    assert sentences
    assert sentences <= set(reader.texts)


def told(report):
    return [one for subject in report.subjects for one in disagreements(subject)]


def test_each_script_is_there_to_the_byte(report, reader):
    expected = [one.script for one in told(report)]
    assert reader.scripts == [one.replace("\ud800", r"\ud800") for one in expected]
    assert "<script>" in "".join(expected)


def test_a_script_is_folded_and_its_first_line_shown(report, text):
    folded = [unescape(line) for line in re.findall(r"<details>\n<summary>.*\n<code>(.*)</code></summary>", text)]
    assert folded == [one.script.splitlines()[0].replace("\ud800", r"\ud800") for one in told(report)]


def test_what_is_raised_in_many_properties_is_told_once(report, reader):
    raised = [one.name for one in report.subjects[2].properties if one.verdict == "error"]
    assert len(raised) > 1
    assert ", ".join(raised) + " " in reader.texts
    assert reader.attributes("href").count("#agreement-3") == len(raised)


def test_what_a_layer_raises_is_shown_but_not_run(text, reader):
    assert "<script>alert" not in text
    assert any("<script>alert(1)</script> & \\ud800" in shown and "\x1b" not in shown for shown in reader.texts)
    assert [tag for tag, _ in reader.elements].count("script") == 1


def test_only_numbers_that_disagree_have_heat_maps(report, reader):
    compared = [one for one in properties(report) if one.counterexample and one.counterexample.outcome.arrays]
    assert compared
    assert len([tag for tag, _ in reader.elements if tag == "figure"]) == 3 * len(compared)


def test_what_differs_is_said_in_words(report, reader):
    assert disagreements(report.subjects[1])[0].description in reader.texts


def test_infinities_and_nan_are_drawn(report, reader):
    outcomes = [one.counterexample.outcome for one in report.subjects[3].properties if one.counterexample]
    assert outcomes
    labels = [label for label in reader.attributes("aria-label") if label.startswith("Heat-map of actual")]
    assert any(label.endswith((" is nan.", " is inf.")) for label in labels)


def test_each_picture_is_told_in_words(reader):
    pictures = [attributes for tag, attributes in reader.elements if tag == "svg"]
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in pictures)


def test_the_same_report_gives_the_same_bytes(report, text):
    assert page(report, seed=7, examples=20, date=DATE) == text


def test_the_headline_tells_the_verdict(report, text):
    def headline(of):
        return re.search(r'<p class="conclusion (\w+)">(.*?)</p>', of).groups()

    assert headline(text) == ("disagrees", "There are disagreements.")
    known = report._replace(subjects=report.subjects[:1])
    assert headline(page(known, seed=7, examples=20)) == ("known", "All agree, but for what is known.")
    (subject,) = known.subjects
    refused = subject._replace(properties=(subject.properties[0]._replace(name="agreement", verdict="known"),))
    nothing = f" Nothing was compared of {subject.target}: every example raises an error."
    for others, said in ((), "All agree, but for what is known."), (report.subjects, "There are disagreements."):
        _, told = headline(page(known._replace(subjects=(refused, *others)), seed=7, examples=20))
        assert told == said + nothing


def test_the_run_is_described(report, reader):
    shown = " ".join(reader.texts)
    for fact in ("2026-01-02", report.keras, report.backend, report.backend_version, report.device, "bfloat16"):
        assert fact in shown
    assert re.search(r"Seed\s+7\s", shown)
    assert re.search(r"Examples for each layer\s+20\s", shown)


def test_what_draws_is_imported_only_for_a_page(monkeypatch, tmp_path, capsys):
    monkeypatch.delattr(parity_tests, "page")
    monkeypatch.setitem(sys.modules, "parity_tests.page", None)  # an import of it raises
    command = ["check", "keras_impl:AttentionLayer", "--examples", "1", "--no-corners"]
    assert main(command) == 0
    assert main([*command, "--html", str(tmp_path / "page.html")]) == 2
