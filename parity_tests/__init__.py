"""The comparison of Keras layers with the reference."""

__all__ = ["ATTENTION", "SELF_ATTENTION", "Example", "Kind", "Subject", "check", "parity_test", "replay"]

HOMES = {
    "ATTENTION": "dot_product",
    "SELF_ATTENTION": "self_attention",
    "Example": "example",
    "Kind": "example",
    "Subject": "subject",
    "check": "verdict",
    "parity_test": "suite",
    "replay": "counterexample",
}


def __getattr__(name):
    # On demand, so that ``python -m parity_tests --help`` and a mistyped option need not wait for Keras.
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    from keras_impl.backend import quiet_start

    with quiet_start():
        return getattr(import_module(f"parity_tests.{HOMES[name]}"), name)
