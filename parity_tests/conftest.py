"""What must be settled before any test module imports Keras."""

import copy
import os

import pytest
from hypothesis import settings

# oneDNN prepares a kernel for every new shape, which makes small calls several times slower; users run with it, so
# test_check.py has one check run with it on, in a process of its own.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of PyTorch
os.environ.setdefault("NPROC", "1")  # of JAX, whose compiler takes twice as long to make code that runs faster
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

# Of these only that of the backend in use can be imported.
collect_ignore = ["backends"]
MARK = "mark.backend"  # as it stands in a file with such tests


def pytest_ignore_collect(collection_path, config):
    """With ``-m backend``, do not read files in which nothing has that mark: that took longer than all else."""
    of_backends = config.option.markexpr == "backend" and collection_path.suffix == ".py"
    if of_backends and MARK not in collection_path.read_text(encoding="utf-8"):
        return True
    return None


def pytest_collection_modifyitems(config, items):
    """Leave out what takes long unless this is CI, and on another backend the tests of what only TensorFlow does."""
    if not os.environ.get("CI"):
        for item in items:
            if item.get_closest_marker("ci"):
                item.add_marker(pytest.mark.skip(reason="takes long; CI=true pytest runs it"))
    if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
        return
    own = [item for item in items if item.get_closest_marker("tensorflow")]
    config.hook.pytest_deselected(items=own)
    items[:] = [item for item in items if item not in own]


@pytest.fixture
def only_corners(monkeypatch):
    """Takes what is asked of a corner's choices: the others are left out, where all of them would take long."""
    from parity_tests import search

    walk_corners = search.walk_corners

    def restrict(wanted):
        def walk_wanted(subject, visit, seed):
            subject = copy.copy(subject)
            corners = {name: choices for name, choices in subject.kind.corners.items() if wanted(choices)}
            subject.kind = subject.kind._replace(corners=corners)
            walk_corners(subject, visit, seed)

        monkeypatch.setattr(search, "walk_corners", walk_wanted)

    return restrict


@pytest.fixture
def shorter(monkeypatch):
    """Makes long examples so many times shorter, and their faults show beyond as many times fewer positions."""
    from parity_tests import long, mutants

    def shorten(times):
        monkeypatch.setattr(mutants.long, "REACH", mutants.long.REACH // times)
        for kind, examples in long.LONG.items():
            lengths = {
                name: {axis: -(-one[axis] // times) for axis in ("T", "S") if axis in one}
                for name, one in examples.items()
            }
            monkeypatch.setitem(long.LONG, kind, {name: {**one, **lengths[name]} for name, one in examples.items()})

    return shorten


settings.register_profile("every_day", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=60)  # the same ones every time
settings.load_profile("ci" if os.environ.get("CI") else "every_day")
