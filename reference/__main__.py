"""Work attention through step by step: a small example, or arrays of your own."""

import argparse
import os
import sys
from typing import Any
from zipfile import BadZipFile

import numpy as np

from reference.worked import worked

EXAMPLE: dict[str, Any] = {
    "query": [[1.0, 0.0, 1.0], [0.0, 2.0, 1.0]],
    "key": [[1.0, 0.0, 1.0], [0.0, 1.0, 2.0]],
    "value": [[1.0, 2.0], [3.0, 4.0]],
    "d_output": [[1.0, 0.0], [0.0, 1.0]],
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status: 0; 1 if a case disagrees; 2 if something cannot be used."""
    options = _parser().parse_args(arguments)
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # for the shades of the heat-map
    agrees = True
    try:
        if options.command == "golden":
            from reference.golden import read_case  # here, as most runs need no bounds
            from reference.worked_case import worked_case

            case = read_case(options.case)
            try:
                lines, agrees = worked_case(case)
            except ValueError as error:
                raise ValueError(f"{options.case}: {error}") from error
        else:
            lines = worked(**(EXAMPLE if options.npz is None else _load(options.npz)))
    except (OSError, ValueError) as error:
        print(f"reference: {error}", file=sys.stderr)
        return 2
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0 if agrees else 1


def _load(path: str) -> dict[str, Any]:
    known = ("query", "key", "value", "scale", "softcap", "bias", "mask", "d_output")
    with open(path, "rb") as stream:
        try:
            file = np.load(stream, allow_pickle=False)
        except (EOFError, ValueError, BadZipFile) as error:
            raise ValueError(f"{path}: expected an .npz file, received something else") from error
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError(f"{path}: expected an .npz file, received a single array")
        arrays: dict[str, Any] = {name: file[name] for name in file.files}
    missing = [name for name in known[:3] if name not in arrays]
    unknown = [name for name in arrays if name not in known]
    if missing or unknown:
        received = ", ".join(arrays) or "none"
        raise ValueError(f"{path}: expected arrays query, key, value (and {', '.join(known[3:])}), received {received}")
    if "softcap" in arrays and arrays["softcap"].ndim == 0:
        arrays["softcap"] = arrays["softcap"][()]  # the number itself
    return arrays


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reference",
        description="Show dot-product attention step by step, forward and backward.",
        epilog="example: python -c \"import numpy as np; x = np.eye(3); np.savez('mine.npz', query=x, key=x, value=x,"
        ' scale=2.0)"; python -m reference --npz mine.npz',
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    golden = commands.add_parser(
        "golden",
        help="work a golden case through",
        description="Show a golden case step by step, and compare it with what it expects.",
        epilog="example: python -m reference golden parity_tests/golden/cases/dot_product/by_hand_causal.json",
    )
    golden.add_argument("case", metavar="CASE.json", help="the file of a case")
    parser.add_argument(
        "--npz",
        metavar="FILE",
        help="arrays named query, key and value; also scale, softcap, bias, mask and d_output, if there are any",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
