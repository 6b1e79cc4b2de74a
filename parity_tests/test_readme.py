"""README has a place for every module, reports as they are printed, and the score that is kept."""

import re
import statistics
from collections import Counter
from pathlib import Path

import parity_tests
from parity_tests import score, score_file, search, subjects

ROOT = Path(parity_tests.__file__).parents[1]
ROOMS = (
    "reference",
    "keras_impl",
    "parity_tests",
    "parity_tests/backends",
    "parity_tests/benchmarks",
    "parity_tests/conditions",
    "parity_tests/golden",
    "parity_tests/golden/to_onnx",
    "parity_tests/instead",
    "parity_tests/soak",
    "parity_tests/trials",
)
TOLD_BELOW_THE_TABLE = ("__init__", "__main__", "conftest")


def modules_of_the_table():
    """Each module in the table of the rooms; a name without a folder is in the folder of the one before."""
    text = (
        (ROOT / "README.md").read_text(encoding="utf-8").partition("| room | what is in it |")[2].partition("\n\n")[0]
    )
    folder, modules = "", []
    for named in re.findall(r"`([\w/]+)\.py`", text):
        folder, _, name = named.rpartition("/") if "/" in named else (folder, "", named)
        modules.append(f"{folder}/{name}")
    return modules


def test_every_module_has_its_place_in_the_table_of_the_rooms_once():
    there = {
        f"{room}/{path.stem}"
        for room in ROOMS
        for path in (ROOT / room).glob("*.py")
        if path.stem not in TOLD_BELOW_THE_TABLE and not path.stem.startswith("test_")
    }
    assert Counter(modules_of_the_table()) == Counter(there)


def test_readme_has_the_score_that_is_kept():
    kept = score_file.kept().values()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [
        "| {} | {} of {} | {:g}, {} | {:.2f}, {:.1f} |".format(
            one.name, one.found, len(one.findings), *one.median_and_most("examples"), *one.median_and_most("seconds")
        )
        for one in score.by_category(kept)
    ]
    table = "| category | found | examples: median, most | seconds: median, most |\n|---|---|---|---|\n"
    assert table + "\n".join(rows) + "\n\n" in readme, "\n".join(rows)
    faults = [one for one in kept if one.found]
    examples, seconds = ([getattr(one, name) for one in faults] for name in ("examples", "seconds"))
    sentences = (
        f"Of {len(kept)} changes, {len(faults)} are faults",
        f"the median after {statistics.median(examples):g} examples and {statistics.median(seconds):.2f} seconds, "
        f"{sum(one <= 3 for one in seconds)} of them within 3 seconds, the slowest in {max(seconds):.0f} (",
    )
    for sentence in sentences:
        assert sentence in readme, sentence


def examples_by_property(report):
    """How many examples each property has in the first table of a report that README shows."""
    shown = (ROOT / "README.md").read_text(encoding="utf-8").partition(f"\n$ python -m parity_tests check {report}")[2]
    table = re.split(r"\n\s*\n", shown.partition("────\n")[2])[0]
    return {name: int(number) for name, number in re.findall(r"(\w+) +(\d+) +\S+ (?:agrees|disagrees)", table)}


def test_reports_show_as_many_examples_as_are_checked():
    trials = Counter()
    search.walk(subjects.find("keras_impl:AttentionLayer"), lambda _, own: trials.update(own) or {}, 300, seed=0)
    checked = Counter({trial.__name__: number for trial, number in trials.items()})
    sound, faulty = map(examples_by_property, ("keras_impl:AttentionLayer", "parity_tests.mutants:LogitsSquared"))
    assert sound["d_query"] == checked["agreement"]
    for name in ("hidden_positions", "permutation", "repeated_calls", "symbolic", "reloading"):
        assert sound[name] == checked[name], name
    assert sound.items() >= faulty.items()
