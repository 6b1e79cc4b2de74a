"""Write the golden cases. Needs nothing but Python's standard library."""

import argparse
import json
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from parity_tests.golden import catalogue, layout, manifest, oracle

HOME = Path(__file__).parent
EXAMPLE = """\
examples:
  python -m parity_tests.golden.generate
  python -m parity_tests.golden.generate --check
  python -m parity_tests.golden.generate --replace dot_product/softcap

exit status: 0 if the files are what they should be, 1 if one is not, 2 if the command cannot be used
"""


def main(arguments=None):
    """Run the command; return its exit status."""
    options = _parser().parse_args(arguments)
    unknown = sorted(set(options.replace) - catalogue.PLANS.keys())
    if unknown:
        print(f"generate: expected a case of the catalogue, received {unknown[0]!r}", file=sys.stderr)
        return 2
    if options.check and options.replace:
        print("generate: expected --check or --replace, received both", file=sys.stderr)
        return 2
    try:
        wrong = manifest.problems(options.folder) if options.check else generate(options.folder, options.replace)
    except (ValueError, OSError) as error:
        print(f"generate: {error}", file=sys.stderr)
        return 2
    for line in wrong:
        print(line)
    if options.check and not wrong:
        print(f"{len(manifest.read(options.folder))} files are as {manifest.NAME} says.")
    return 1 if wrong else 0


def generate(folder, replace=()):
    """Compute every case, write those that are new, and compare the others with their files.

    Parameters
    ----------
    folder
        Where ``cases`` and the manifest are.
    replace
        The cases, by path, that may change. Only these are computed then, and their revision is one more.

    Returns
    -------
    problems
        A line for each file that is not what it should be and may not be written; nothing else is lost by it.

    Raises
    ------
    ValueError
        If a case that is to be replaced is not there, or its file is damaged, so that its revision is not known.
    """
    Path(folder).mkdir(
        parents=True, exist_ok=True
    )  # so that a place that cannot be is told before anything is computed
    listed = manifest.read(folder) if Path(folder, manifest.NAME).exists() else {}
    revisions = {path: _revision(Path(folder, _name(path))) for path in replace or catalogue.PLANS}
    for path in replace:
        if revisions[path] is None:
            raise ValueError(
                f"{Path(folder, _name(path))}: expected a case to replace, received no file: put it back first; "
                "a new case needs no --replace"
            )
    wrong, right = [], set()
    for path, case in _computed(revisions):
        may_change, is_listed = path in replace, _name(path) in listed
        problem = _settle(Path(folder, _name(path)), path, case, revisions[path], may_change, is_listed)
        if problem:
            wrong.append(problem)
        else:
            right.add(_name(path))
    found = manifest.actual(folder)
    known = {_name(path) for path in catalogue.PLANS}
    others = [name for name in found if name.startswith("cases/") and name not in known]
    wrong += [f"{Path(folder, name)}: not in the catalogue" for name in others]
    # What was not computed is not vouched for anew; what people write, such as the flags, is.
    vouched = {name: value for name, value in found.items() if name in right or name not in known}
    if not wrong:
        _write(Path(folder, manifest.NAME), manifest.text({**listed, **vouched}))
    return wrong


def computed(path):
    """A case of the catalogue with what it must give."""
    given = catalogue.given(path)
    shapes, expected = oracle.truth(given)
    return {**given, "shapes": {**given["shapes"], **shapes}, "expected": expected}


def text_of(path, revision):
    """The file of a case of the catalogue, computed."""
    return _text(computed(path), revision)


def _computed(paths):
    """Each path with its case, computed by as many processes as there are cores."""
    paths = list(paths)
    shows = sys.stderr.isatty()
    with ProcessPoolExecutor() as pool:
        for number, (path, case) in enumerate(zip(paths, pool.map(computed, paths)), start=1):
            if shows:
                print(f"\r{number} of {len(paths)} cases", end="", file=sys.stderr, flush=True)
            yield path, case
    if shows:
        print(file=sys.stderr)


def _settle(file, path, case, before, may_change, is_listed):
    """Write a case if it is new or may change; return what is wrong with its file, which had revision ``before``."""
    if before is None and is_listed:
        return f"{file}: listed in {manifest.NAME}, but not there: put it back"
    if before is not None and file.read_bytes() == _text(case, before).encode():
        if may_change:
            print(f"{path}: unchanged")
        return None
    if before is not None and not may_change:
        return f"{file}: not what the oracle finds: put it back, or --replace {path}"
    revision = 1 if before is None else before + 1
    _write(file, _text(case, revision))
    told = f"revision {revision}; CHANGELOG.md must say: golden case {path}, revision {revision}"
    print(f"{path}: {'written' if before is None else told}")
    return None


def _revision(file):
    """The revision of a case's file, or None if there is no file."""
    if not file.exists():
        return None
    try:
        revision = json.loads(file.read_text(encoding="utf-8"))["revision"]
        if type(revision) is not int or revision < 1:
            raise ValueError(f"revision {revision!r}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{file}: expected a case with a revision, received a damaged file; put it back") from error
    return revision


def _text(case, revision):
    return layout.text({"schema": layout.SCHEMA, "revision": revision, **case})


def _name(path):
    return f"cases/{path}.json"


def _write(path, text):
    """Replace a file as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m parity_tests.golden.generate",
        description="Compute all golden cases, write those that are new, and say which differ from their files.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="compare the hashes of the files, and compute nothing")
    parser.add_argument(
        "--replace", nargs="+", default=[], metavar="NAME", help="let these cases change, and compute no others"
    )
    parser.add_argument("--folder", type=Path, default=HOME, help="where the cases are (default: beside this file)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
