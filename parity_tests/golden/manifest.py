"""The manifest of a folder of golden cases: the hash of each of its files, as ``sha256sum -c`` reads it."""

import hashlib
from pathlib import Path

NAME = "MANIFEST.sha256"


def read(folder):
    """The hashes that a folder's manifest holds, by path.

    Raises
    ------
    ValueError
        If there is no manifest, it is not text in UTF-8, or a line of it is not a hash and a path.
    """
    path = Path(folder, NAME)
    if not path.is_file():
        raise ValueError(f"{path}: expected a manifest, received no such file")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected a manifest in UTF-8, received other bytes: {error}") from error
    hashes = {}
    for number, line in enumerate(lines, start=1):
        value, _, name = line.partition("  ")
        if len(value) != 64 or not name:
            raise ValueError(f"{path}: line {number}: expected a hash, two spaces and a path, received {line!r}")
        hashes[name] = value
    return hashes


def text(hashes):
    """The text of a manifest with these hashes."""
    return "".join(f"{value}  {name}\n" for name, value in sorted(hashes.items()))


def actual(folder):
    """The hashes of the files that a manifest must list: everything below the folder that ends in ``.json``."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob("*.json"))
    }


def problems(folder):
    """What of a folder is not as its manifest says: a line for each file, in which it is named."""
    listed, found = read(folder), actual(folder)
    lines = [f"{Path(folder, name)}: listed in {NAME}, but not there" for name in sorted(listed.keys() - found.keys())]
    lines += [f"{Path(folder, name)}: not listed in {NAME}" for name in sorted(found.keys() - listed.keys())]
    for name in sorted(listed.keys() & found.keys()):
        if listed[name] != found[name]:
            lines.append(
                f"{Path(folder, name)}: its contents were changed: expected sha256 {listed[name][:12]}..., "
                f"received {found[name][:12]}..."
            )
    return lines
