"""Files that are replaced as a whole, so that nobody ever reads half of one."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path):
    """A path beside ``path`` to write to, which takes its place when all went well, and is gone if not."""
    path = Path(path).resolve()  # not a link to it
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        temporary = Path(folder) / path.name
        yield temporary
        os.replace(temporary, path)
