"""What the training panel says, without Qt."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.text import visible
from engine.training.snapshot import NONE, PREPARING, RUNNING, TrainingSnapshot
from viewers.numbers import seconds_text
from viewers.picture import number_text
from viewers.qt.bar_row import BarRow
from viewers.run_numbers import layer_words, small_text

CURVES = ("loss", "learning rate", "gradient norm")
UNITS = {"loss": "nats per token", "learning rate": "learning rate", "gradient norm": "norm before clipping"}
EMPTY = "No run yet: choose a preset and a text, then Begin makes a run and says how long it will take."
NO_GRADIENTS = "The norm of every layer's gradient stands here after the first update."


def state_words(t: TrainingSnapshot) -> str:
    """How far the run is, and the last remark on it."""
    if t.state == NONE and not t.busy:
        return t.notice or EMPTY
    if t.state == PREPARING:
        done = f" {t.progress[0]} of {t.progress[1]}" if t.progress else ""
        return f"preparing: {t.busy or ''}{done}"
    parts = [f"{t.state}: update {t.step:,} of {t.steps:,}"]
    for name, value in (("loss", t.loss), ("validation", t.validation_loss)):
        if not math.isnan(value):
            parts.append(f"{name} {value:.3f}")
    if not math.isnan(t.learning_rate):
        parts.append(f"learning rate {number_text(t.learning_rate)}")
    if not math.isnan(t.tokens_per_s):
        parts.append(f"{t.tokens_per_s:,.0f} tokens/s")
    if t.state == RUNNING and not math.isnan(t.left_s):
        parts.append(f"{seconds_text(t.left_s)} left")
    elif t.estimate is not None and t.step == 0:
        parts.append(f"about {seconds_text(t.estimate.total_s)} in all")
    return "\n".join(line for line in (", ".join(parts), t.notice or "") if line)


def about_words(t: TrainingSnapshot) -> str:
    """What the run is: what stands still while it goes on."""
    facts = (("preset", t.preset), ("text", "  ".join(t.files)), ("changed", " ".join(t.settings)),
             ("model", t.model_line), ("data", t.data_line), ("kept in", str(t.out or "")))  # fmt: skip
    return "\n".join(f"{name}: {words}" for name, words in facts if words) or EMPTY


def gradient_rows(t: TrainingSnapshot) -> list[BarRow]:
    """One row for each layer: the norm of its gradient at the last update, and how far an update moved its weights."""
    return [
        BarRow(name, (norm,), f"{small_text(norm)}   {small_text(t.update_ratios.get(name, math.nan))}",
               layer_words(t, name))
        for name, norm in t.gradient_norms.items()
    ]  # fmt: skip


def gradient_words(t: TrainingSnapshot) -> str:
    """What the two numbers of a row are, and of which update."""
    if not t.gradient_norms:
        return NO_GRADIENTS
    at = f"measured at update {t.ratios_step:,}" if t.ratios_step else "not measured yet"
    return f"Gradient norm, then update/weight: how far one update moves a layer, {at}; 0.001 is usual."


@dataclass(frozen=True)
class KnownRun:
    """A run that is there, and its newest checkpoint."""

    path: Path
    step: int

    @property
    def words(self) -> str:
        return f"{visible(self.path.name)}: from update {self.step:,} on"


def known_runs(parent: Path, most: int = 12) -> list[KnownRun]:
    """The runs in a directory that can be gone on with, the one that was touched last first."""
    from engine.training.checkpoints import PREFIX, checkpoints
    from engine.training.run_directory import PLAN

    found: list[tuple[float, KnownRun]] = []
    with suppress(OSError):
        for path in parent.iterdir():
            saved = checkpoints(path) if (path / PLAN).is_file() else []
            if saved:
                step = int(saved[-1].name.removeprefix(PREFIX))
                found.append((saved[-1].stat().st_mtime, KnownRun(path, step)))
    return [run for _, run in sorted(found, key=lambda pair: -pair[0])[:most]]


def free_directory(parent: Path, preset: str, text: str) -> Path:
    """A directory for a run that is not there yet."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{preset}-{Path(text).stem}" if text else preset)[:60]
    n = 1
    while (parent / (name if n == 1 else f"{name}-{n}")).exists():
        n += 1
    return parent / (name if n == 1 else f"{name}-{n}")


def visible_lines(text: str) -> str:
    """Several lines, each of them harmless."""
    return "\n".join(visible(line) for line in text.split("\n"))
