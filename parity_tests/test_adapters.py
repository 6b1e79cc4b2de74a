"""Layers with another signature, adapted as the documents say, and the check in somebody's own suite."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import parity_tests
from parity_tests import adapters
from parity_tests.__main__ import main
from parity_tests.mutants import KeyGradientHalved

ROOT = Path(parity_tests.__file__).parents[1]

LAYERS = """
import keras
from keras import ops
from keras_impl import AttentionLayer

@keras.saving.register_keras_serializable()
class MyAttention(keras.layers.Layer):
    def __init__(self, temperature=1.0, **kwargs):
        super().__init__(**kwargs)
        self.temperature = temperature
        self.inner = AttentionLayer(dtype=self.dtype_policy)

    def call(self, inputs, mask=None, weights=False, causal=False):
        query, value, key = inputs
        inputs = [query / self.temperature, key, value]
        return self.inner(inputs, mask=mask, return_attention_scores=weights, use_causal_mask=causal)

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else mask[0]

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}

@keras.saving.register_keras_serializable()
class FusedAttention(keras.layers.Layer):
    def __init__(self, units, temperature=1.0, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.temperature = temperature
        self.inner = AttentionLayer(dtype=self.dtype_policy)

    def build(self, query_shape, value_shape, key_shape):
        self.kernel = self.add_weight(name="kernel", shape=(query_shape[-1], 3 * self.units))

    def call(self, query, value, key, mask=None, weights=False, causal=False):
        W_q, W_k, W_v = ops.split(self.kernel, 3, axis=1)
        inputs = [query @ W_q / self.temperature, key @ W_k, value @ W_v]
        masks = None if mask is None else [mask] * 3
        return self.inner(inputs, mask=masks, return_attention_scores=weights, use_causal_mask=causal)

    def compute_mask(self, query, mask=None):
        return mask

    def get_config(self):
        return {**super().get_config(), "units": self.units, "temperature": self.temperature}
"""
ADAPTERS = {"MyAttentionSubject": "CONTRIBUTING.md", "FusedAttentionSubject": "README.md"}


def snippet(adapter):
    """The code that defines an adapter in the documents."""
    text = (ROOT / ADAPTERS[adapter]).read_text(encoding="utf-8")
    return next(block.partition("```")[0] for block in text.split("```python\n") if f"class {adapter}" in block)


@pytest.fixture(params=ADAPTERS)
def adapter(request):
    return request.param


@pytest.fixture
def checked(adapter, tmp_path, monkeypatch):
    """Runs the command on an adapter in the current folder, its layer perhaps changed; its exit status."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_package"]:
        del sys.modules[name]  # of another test

    def run(before="", after=""):
        package = tmp_path / "my_package"
        package.mkdir()
        (package / "layers.py").write_text(LAYERS.replace(before, after))
        (package / "checks.py").write_text(snippet(adapter))
        options = ["--examples", "20", "--no-corners", "--json", "report.json"]
        return main(["check", f"my_package.checks:{adapter}", *options])

    return run


def test_an_adapted_layer_agrees(checked):
    assert checked() == 0


@pytest.mark.ci
def test_a_fault_of_an_adapted_layer_is_found_and_its_script_runs(checked, tmp_path):
    assert checked("/ self.temperature", "/ self.temperature**2") == 1
    properties = json.loads((tmp_path / "report.json").read_text())["subjects"][0]["properties"]
    wrong = next(one for one in properties if one["counterexample"] is not None)
    script = [sys.executable, "-c", wrong["counterexample"]["script"]]
    again = subprocess.run(script, capture_output=True, text=True, cwd=tmp_path)
    assert again.returncode == 1, again.stderr
    assert f"{wrong['name']} disagrees with the reference" in again.stdout


def test_an_adapter_is_no_longer_than_fifteen_lines(adapter):
    body = snippet(adapter).partition("class ")[2].splitlines()
    assert len([line for line in body if line.strip() and '"""' not in line]) <= 15


@pytest.mark.parametrize("adapter", adapters.ADAPTERS)
def test_an_adapter_of_a_layer_of_keras_is_shorter_than_forty_lines(adapter):
    assert len(inspect.getsource(adapter).splitlines()) < 40


def test_the_check_is_a_test_of_somebodys_own_suite(tmp_path):
    (tmp_path / "test_layers.py").write_text(
        "from parity_tests import parity_test\n"
        "test_sound = parity_test('keras_impl:AttentionLayer', examples=5, corners=False)\n"
        "test_faulty = parity_test('parity_tests.mutants:KeyGradientHalved', examples=5, corners=False)\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "test_layers.py"]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert finished.returncode == 1, finished.stdout + finished.stderr
    assert "1 failed, 1 passed" in finished.stdout
    assert "d_key disagrees with the reference" in finished.stdout


def test_a_failing_parity_test_shows_the_counterexample():
    with pytest.raises(AssertionError, match=r"raise SystemExit\(replay\("):
        parity_tests.parity_test(KeyGradientHalved, examples=2, corners=False)()
