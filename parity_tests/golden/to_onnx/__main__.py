"""The command that exports golden cases as ONNX backend tests."""

import argparse
import difflib
import importlib
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from keras_impl.backend import quiet_start
from parity_tests.golden import folder
from parity_tests.golden.to_onnx.export import DTYPES, files, inexpressible
from parity_tests.golden.verdict import Truth
from parity_tests.options import check_folder

EXAMPLE = """\
examples:
  python -m parity_tests.golden.to_onnx onnx_tests
  python -m parity_tests.golden.to_onnx onnx_tests dot_product/causal --dtype float16
  python -m parity_tests.golden.to_onnx --run

exit status: 0 if all was written (and agrees, but for what is known), 1 if something disagrees, 2 if the command cannot
be used
"""


def main(arguments=None):
    """Run the command; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (ValueError, ImportError, OSError) as error:
        print(f"to_onnx: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _run(options):
    if not options.folder and not options.run:
        raise ValueError("folder: expected one to write to, or --run, received neither")
    if options.folder:
        check_folder("folder", options.folder)
    _check_installed("onnx", *(["onnxruntime"] if options.run else []))
    cases = folder.read()
    if options.folder in cases:  # a name where the folder should be would become a folder
        raise ValueError(f"folder: expected a folder before the names, received a case, {options.folder!r}")
    for name in options.name:
        if name not in cases:
            similar = difflib.get_close_matches(name, cases, n=1, cutoff=0)[0]
            raise ValueError(f"name: expected a golden case, such as {similar}, received {name!r}")
    chosen = {path: case for path, case in cases.items() if path in options.name or not options.name}
    if options.folder:
        _export(options.folder, chosen, options.dtype)
    return _hold(chosen, options.dtype) if options.run else 0


def _check_installed(*names):
    """Refuse at once what cannot work, which would else look as if every case raised."""
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ValueError(f"{name}: expected the packages of the extra onnx, received {error}") from error


def _export(place, cases, dtype):
    """Write each case that the operator can express, and say what was left out."""
    left_out = Counter()
    for path, case in cases.items():
        reason = inexpressible(case, dtype)
        if reason:
            left_out[reason] += 1
        else:
            write(Path(place, path.replace("/", "__")), files(case, dtype))
    print(f"{len(cases) - left_out.total()} of {len(cases)} cases written to {place} in {dtype}.")
    for reason, many in left_out.most_common():
        print(f"{many} left out: {reason}.")


def write(place, contents):
    """Replace a folder as a whole by files, their bytes by their names."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as temporary:
        made = Path(temporary, place.name)
        for name, content in contents.items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if place.exists():
            shutil.move(place, Path(temporary, "before"))
        os.replace(made, place)


def _hold(cases, dtype):
    """Run the cases, and show what became of them."""
    with quiet_start():
        from rich.console import Console

        from parity_tests.golden import table
        from parity_tests.golden.to_onnx import run
    truth = Truth(cases)
    found = [run.held(truth, target, (dtype,)) for target in run.TARGETS]
    table.show(found, truth, folder.flags(), Console() if sys.stdout.isatty() else Console(width=100))
    return 0 if all(one.agrees for one in found) else 1


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m parity_tests.golden.to_onnx",
        description="Write golden cases as ONNX backend tests, a folder each; or run them.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", nargs="?", metavar="DIR", help="where the tests are written")
    parser.add_argument("name", nargs="*", metavar="NAME", help="a case, such as dot_product/causal (default: all)")
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="of inputs and outputs (default: float32)")
    parser.add_argument(
        "--run", action="store_true", help="hold ONNX's reference evaluator and onnxruntime to the cases"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
