"""What the training panel says, without Qt."""

from __future__ import annotations

import math
import re
from pathlib import Path

from engine.training.snapshot import NONE, PREPARING, RUNNING, Seen, TrainingSnapshot
from viewers.numbers import seconds_text
from viewers.picture import KEY, QUERY, SHARE, Axis, Picture, number_text, pattern_scale

CURVES = ("loss", "learning rate", "gradient norm")
UNITS = {"loss": "nats per token", "learning rate": "learning rate", "gradient norm": "norm before clipping"}
EMPTY = "No run yet: choose a preset and a text, then Begin makes a run and says how long it will take."


def state_words(t: TrainingSnapshot) -> str:
    """How far the run is, in one or two lines."""
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
    lines = [", ".join(parts), t.model_line, t.data_line, t.notice or ""]
    return "\n".join(line for line in lines if line)


def pinned_picture(seen: Seen, layer: int, head: int) -> Picture:
    """Attention over the pinned prompt at one checkpoint."""
    values = seen.patterns[min(layer, seen.layers - 1)][min(head, seen.heads - 1)]
    count = values.shape[0]
    texts = seen.tokens[:count]
    return Picture(values, Axis(QUERY, count, texts), Axis(KEY, count, texts), pattern_scale(1.0), True, "", SHARE)


def free_directory(parent: Path, preset: str, text: str) -> Path:
    """A directory for a run that is not there yet."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{preset}-{Path(text).stem}" if text else preset)[:60]
    n = 1
    while (parent / (name if n == 1 else f"{name}-{n}")).exists():
        n += 1
    return parent / (name if n == 1 else f"{name}-{n}")
