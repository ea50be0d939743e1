"""200 updates against those that PyTorch made from the same weights and texts, and recorded: see `tests/golden/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.models.names import places, with_prefix
from engine.ops.optimizer import AdamSettings
from engine.training.optimizer import Adam
from engine.training.parameters import FlatParameters
from engine.training.schedule import Schedule
from engine.training.step import TrainingStep
from engine.weights import open_checkpoint

Array = np.ndarray
AGREE = 1e-3  # relative, as the project demands
NORMS_AGREE = 5e-5  # Adam forgives a gradient that is a tenth too small, and the losses with it: its norm does not
CASES = ("gpt2", "llama", "sinusoidal")  # tied; grouped queries and rotations; texts of unequal length, padded
STEPS = 200
RATES = Schedule(peak=5e-3, warmup=20, steps=STEPS, floor=5e-4)
ADAMW = AdamSettings(beta1=0.9, beta2=0.95, eps=1e-8, decay=0.1, clip=1.0, decoupled=True)
Train = Callable[..., tuple[FlatParameters, dict[str, Array]]]


@pytest.fixture
def train(golden: Path) -> Train:
    """Train a case as it was recorded; the new parameters, and the loss and the gradient's norm of each update."""

    def run(
        name: str, recorded: Mapping[str, Array], accumulation: int = 1, **options: Any
    ) -> tuple[FlatParameters, dict[str, Array]]:
        opened = open_checkpoint(golden / "models" / f"training-{name}")
        parameters = FlatParameters(opened.config, opened.weights)
        adam, rows = Adam(parameters, ADAMW), []
        total = np.empty_like(parameters.gradient)
        with closing(TrainingStep(parameters, **options)) as step:
            for update, (tokens, targets) in enumerate(zip(recorded["tokens"], recorded["targets"], strict=True)):
                total[:], loss, count = 0, 0.0, 0
                for part in np.split(np.arange(len(tokens)), accumulation):
                    found = step.gradients(tokens[part].astype(int), targets[part].astype(int), update)
                    total += parameters.gradient
                    loss, count = loss + found.loss_sum, count + found.target_count
                rows.append((loss / count, adam.update(RATES.rate(update), count, total).norm))
        return parameters, dict(zip(("losses", "norms"), np.array(rows).T, strict=True))

    return run


@pytest.fixture
def recorded(golden: Path) -> Callable[[str], Mapping[str, Array]]:
    return lambda name: dict(np.load(golden / "recorded" / f"training-{name}.npz"))


def assert_the_curve_is(recorded: Mapping[str, Array], curve: Mapping[str, Array]) -> None:
    np.testing.assert_allclose(curve["losses"], recorded["losses"], rtol=AGREE)
    np.testing.assert_allclose(curve["norms"], recorded["norms"], rtol=NORMS_AGREE)


@pytest.mark.parametrize("name", CASES)
def test_the_model_learned_and_the_rate_is_pytorchs(recorded, name):
    told = recorded(name)
    assert told["losses"].shape == (STEPS,) and told["losses"][-20:].mean() < 0.55 * told["losses"][0]
    np.testing.assert_allclose([RATES.rate(u) for u in range(STEPS)], told["rates"], rtol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_every_loss_and_the_final_weights_are_pytorchs(train, recorded, name):
    told = recorded(name)
    parameters, curve = train(name, told)
    assert_the_curve_is(told, curve)
    seen = set()
    for address, place in places(parameters.config).items():
        key = f"final/{with_prefix(parameters.config.family, place.tensor)}"
        part = place.columns[0] // (place.columns[1] - place.columns[0]) if place.columns else 0
        seen.add((key, part))
        if address.endswith("attn.k.bias"):  # softmax takes no notice of it: its gradient is rounding error and no more
            continue
        norm = np.linalg.norm(parameters.values[address].astype(np.float64))
        assert norm == pytest.approx(np.sqrt(told[key][part]), rel=AGREE), address
    assert len(seen) == sum(len(parts) for key, parts in told.items() if key.startswith("final/"))


@pytest.mark.parametrize("options", [{"accumulation": 2}, {"checkpointed": (0, 1)}, {"threads": 1}], ids=str)
def test_however_the_gradient_is_computed_the_curve_is_the_same(train, recorded, options):
    told = recorded("sinusoidal")  # its halves have unequal numbers of targets
    _, curve = train("sinusoidal", told, **options)
    assert_the_curve_is(told, curve)
