"""What is wrong with the options of a command, in one line: before Keras is imported and anything is computed."""

import os
import tempfile

KINDS = (  # the names of `subjects.KINDS`, for which Keras would have to be imported
    "attention",
    "self_attention",
    "attention_pooling",
    "hierarchical_attention",
    "additive_attention",
    "multi_head_attention",
    "attention_of_heads",
    "softmax",
)
LEAST = {"examples": 1, "workers": 1, "seed": 0, "longest": 16, "heads": 1}


def check_options(options):
    """Refuse numbers that are too small, and places where nothing can be written.

    Parameters
    ----------
    options
        What ``argparse`` made of the command line; those that are None were not given.

    Raises
    ------
    ValueError
        In one line.
    """
    given = {name: value for name, value in vars(options).items() if value is not None}
    for name, least in LEAST.items():
        if given.get(name, least) < least:
            raise ValueError(f"{name}: expected at least {least}, received {given[name]}")
    for name in ("json", "html", "png"):
        if name in given:
            check_file(name, given[name])
    if "folder" in given:
        check_folder("folder", given["folder"])


def check_file(name, path):
    """Refuse a path at which no file can be written."""
    folder = os.path.dirname(os.path.abspath(path))
    is_no_file = os.path.exists(path) and not os.path.isfile(path)  # a folder, or a device, which a file would replace
    if not path or is_no_file or not os.path.isdir(folder):
        raise ValueError(f"{name}: expected a file in a folder that exists, received {path!r}")
    check_folder(name, folder)


def check_folder(name, path):
    """Refuse a path at which there is no folder that can be written to, and none can be made."""
    existing = os.path.abspath(path)
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    try:
        with tempfile.TemporaryFile(dir=existing):  # the permissions alone do not tell
            pass
    except OSError as error:
        raise ValueError(f"{name}: expected a folder that can be written to, received {path!r}") from error
