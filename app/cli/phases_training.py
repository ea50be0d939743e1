"""Train one of the models of the evolution report in a terminal: progress, time left, and Ctrl-C that saves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.output import say
from app.cli.stopping import Live, saving_signals

if TYPE_CHECKING:
    from engine.training.variants import Texts, Variant


def train(directory: Path, variant: Variant, texts: Texts, minutes: float, settings: Sequence[str]) -> Path:
    """The checkpoint of a variant, trained unless it was before; stopped, it goes on the next time."""
    from engine.training.variants import open_variant, trained_model, updates

    if found := trained_model(directory, variant):
        say(f"{variant.name}: trained before, as {found.name}")
        return found
    live = Live()
    try:
        trainer = open_variant(directory, variant, texts, minutes, settings, live.count)
    finally:
        live.clear()
    try:
        say(f"{variant.name}: {trainer.parameters.size:,} parameters, {trainer.plan.steps - trainer.update:,} updates")
        with saving_signals(trainer):
            for report in updates(trainer, minutes):
                live.show(report)
    finally:
        live.clear()
        trainer.close()
    found = trained_model(directory, variant)
    assert found is not None
    return found
