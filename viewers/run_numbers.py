"""Quantities of a training run as people read them; a dash for what was not measured."""

from __future__ import annotations

import math

from engine.training.snapshot import TrainingSnapshot

DASH = "—"


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3.4 h`; of what is not nothing, but less than a second, `under 1 s`."""
    if not math.isfinite(seconds):
        return DASH
    if 0 < seconds < 1:
        return "under 1 s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def about(seconds: float) -> str:
    """A duration that was guessed, in a sentence: `about 12 min`, but `under 1 s`."""
    words = duration(seconds)
    return words if words.startswith("under") else f"about {words}"


def loss_text(loss: float) -> str:
    return f"{loss:.4f}" if math.isfinite(loss) else DASH


def small_text(value: float) -> str:
    """Three digits that count: `0.00198`, `1.2e-05`."""
    if not math.isfinite(value):
        return DASH
    return f"{value:.3g}" if value == 0 or 1e-4 <= abs(value) < 1e5 else f"{value:.1e}"


def perplexity_text(loss: float) -> str:
    if not math.isfinite(loss):
        return DASH
    return f"{math.exp(loss):,.2f}" if loss < 20 else f"e^{loss:.0f}"


def layer_words(run: TrainingSnapshot, name: str) -> str:
    """`blocks.0: gradient norm 0.0123, update/weight 0.00198 at update 100`."""
    ratio = run.update_ratios.get(name, math.nan)
    said = f", update/weight {small_text(ratio)} at update {run.ratios_step:,}" if math.isfinite(ratio) else ""
    return f"{name}: gradient norm {small_text(run.gradient_norms[name])}{said}"
