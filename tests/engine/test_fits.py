"""What a model takes is known from its configuration, before a weight is read."""

from __future__ import annotations

import pytest

from engine import fits
from engine.errors import SurroundingsError
from engine.model import open_model


@pytest.mark.parametrize("spec", ["shakespeare", "random:gpt2-2x240"])
def test_the_bytes_foreseen_are_those_of_the_weights(spec):
    config = fits.config_of(spec)
    assert config is not None
    assert fits.weights_bytes(config) == sum(array.nbytes for array in open_model(spec).weights.values())


def test_what_is_no_model_is_not_weighed(tmp_path):
    assert fits.config_of(str(tmp_path)) is None and fits.config_of("random:nothing") is None
    fits.require_memory(str(tmp_path))  # opening it says what is wrong


def test_more_than_is_free_is_refused_and_as_much_is_not(monkeypatch):
    config = fits.config_of("random:gpt2-2x240")
    assert config is not None
    monkeypatch.setattr(fits, "available_bytes", lambda: fits.weights_bytes(config))
    fits.require_memory("random:gpt2-2x240")
    monkeypatch.setattr(fits, "available_bytes", lambda: fits.weights_bytes(config) - 1)
    with pytest.raises(SurroundingsError, match=r"random:gpt2-2x240: needs .* close other programs"):
        fits.require_memory("random:gpt2-2x240")
    monkeypatch.setattr(fits, "available_bytes", lambda: None)  # unknown: nothing is refused
    fits.require_memory("random:gpt2-2x240")
