"""What must be settled before any test module imports Keras."""

import os

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


def pytest_collection_modifyitems(config, items):
    """On another backend, leave out the tests of what only TensorFlow does."""
    if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
        return
    own = [item for item in items if item.get_closest_marker("tensorflow")]
    config.hook.pytest_deselected(items=own)
    items[:] = [item for item in items if item not in own]


settings.register_profile("every_day", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "every_day")
