"""The folder of a soak: what it is a soak of, and a file for each shard that is done."""

import json
import os

from parity_tests.report import write_atomically
from parity_tests.soak.found import Found

SCHEMA = 1
EXAMPLES = "examples"  # a folder in that of the soak, of what disagreed


class SoakFolder:
    """Keeps what was found, so that a soak that was interrupted goes on.

    Parameters
    ----------
    path
        A folder that does not exist, is empty, or holds the same soak.
    soak
        A `shards.Soak`.

    Raises
    ------
    ValueError
        If the folder holds another soak or something else.
    """

    def __init__(self, path, soak):
        self.path = path
        self.header = {"schema": SCHEMA, **soak._asdict()}
        file = os.path.join(path, "soak.json")
        if os.path.exists(file):
            received = _read(file)
            if received != self.header:
                raise ValueError(f"folder: expected a soak of {_differing(self.header, received)} in {path}")
        elif os.path.isdir(path) and set(os.listdir(path)) - {EXAMPLES}:  # of which the first may precede any shard
            raise ValueError(f"folder: expected a soak or an empty folder, received {path}")

    def done(self, shard):
        """Whether a shard need not be run: it was, with as many examples or more."""
        file = self._file(shard.target, shard.number)
        return os.path.exists(file) and _read(file)["examples"] >= shard.examples

    def keep(self, result):
        """Keep what `shards.run` returned."""
        file = self._file(result["target"], result["number"])
        os.makedirs(os.path.dirname(file), exist_ok=True)
        header = os.path.join(self.path, "soak.json")
        if not os.path.exists(header):  # with the first shard, so that a soak that never ran leaves nothing
            write_atomically(header, json.dumps(self.header, indent=2) + "\n")
        write_atomically(file, json.dumps(result, indent=1, allow_nan=False) + "\n")

    def results(self, target):
        """What is kept of a target, in the order of the shards."""
        folder = os.path.dirname(self._file(target, 0))
        names = sorted(os.listdir(folder), key=lambda name: (len(name), name)) if os.path.exists(folder) else []
        return [_read(os.path.join(folder, name)) for name in names if name.endswith(".json")]

    def found(self, target):
        """What all of a target's shards found, by property."""
        found = {}
        for result in self.results(target):
            for name, kept in result["properties"].items():
                one = Found.from_json(kept)
                found[name] = found[name].plus(one) if name in found else one
        return found

    def _file(self, target, number):
        return os.path.join(self.path, "shards", target.replace(":", "-"), f"{number:05}.json")


def _read(file):
    with open(file, encoding="utf-8") as text:
        try:
            return json.load(text)
        except ValueError as error:
            raise ValueError(f"{file}: expected JSON, received {error}") from error


def _differing(expected, received):
    """What was asked for and what is there, where they differ."""
    if not isinstance(received, dict):
        return f"schema {SCHEMA}, received something else"
    flat = [{**one, **one.get("versions", {}), "versions": None} for one in (expected, received)]
    names = [name for name in flat[0] if flat[0][name] != flat[1].get(name)]
    asked, there = (", ".join(f"{name} {one.get(name)}" for name in names) for one in flat)
    return f"{asked}, received one of {there}"
