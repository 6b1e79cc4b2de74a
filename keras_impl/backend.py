"""The backend of Keras: started quietly."""

import os
import sys
import tempfile
from contextlib import contextmanager


@contextmanager
def quiet_start():
    """Import Keras without the greeting of its backend, which is shown only if the import fails."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as greeting:
        kept = os.dup(2)
        os.dup2(greeting.fileno(), 2)
        try:
            yield
        except BaseException:
            greeting.seek(0)
            os.write(kept, greeting.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
