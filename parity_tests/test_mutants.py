"""The check finds every fault of the gallery, and finds none in the layers that the faults were planted in."""

import pytest

import keras_impl
from parity_tests import mutants, score, subjects


@pytest.mark.parametrize("name", mutants.GALLERY)
def test_every_fault_is_found(name):
    finding = score.find(name, examples=100)
    assert finding.properties, f"{name} was not found in {finding.examples} examples"
    assert "agreement" not in finding.properties, f"{name} does not compute anything wrong; it raises"


@pytest.mark.parametrize("name", mutants.GALLERY)
def test_every_fault_has_one_sentence(name):
    sentence = mutants.GALLERY[name].__doc__
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("layer", [keras_impl.AttentionLayer, keras_impl.SelfAttention])
def test_a_layer_without_a_fault_is_not_found(layer, monkeypatch):
    monkeypatch.setitem(mutants.GALLERY, "Sound", layer)
    finding = score.find("Sound", examples=50)
    assert finding.properties == ()
    assert finding.examples >= 50


def test_the_gallery_has_faults_of_every_kind():
    kinds = [issubclass(fault, keras_impl.SelfAttention) for fault in mutants.GALLERY.values()]
    assert len(subjects.KINDS) == len(set(kinds))
    assert len(mutants.GALLERY) >= 10
