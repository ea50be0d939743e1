"""What a run has shown so far, gathered from its reports; from its log when it is gone on with."""

from __future__ import annotations

import math
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.training.loop import Trainer
from engine.training.report import Glimpse, Report
from engine.training.snapshot import NOTHING, History, Seen

MOST_SEEN = 64  # checkpoints that are remembered; beyond it every second of the older ones goes


class Gathered:
    """The growing part of a snapshot."""

    def __init__(self) -> None:
        self.losses, self.validation, self.rates, self.norms = History(2), History(2), History(2), History(2)
        self.gradient_norms, self.update_ratios, self.ratios_step = NOTHING, NOTHING, 0
        self.seen: tuple[Seen, ...] = ()
        self.tokens_per_s = self.left_s = math.nan

    def read(self, row: dict[str, Any]) -> None:
        """One line of the log."""
        step = row["step"]
        self.losses.add(step, row["loss"])
        self.rates.add(step, row["learning_rate"])
        self.norms.add(step, row["gradient_norm"])
        if "validation_loss" in row:
            self.validation.add(step, row["validation_loss"])
        if "update_ratios" in row:
            self.gradient_norms = MappingProxyType(row["gradient_norms"])
            self.update_ratios, self.ratios_step = MappingProxyType(row["update_ratios"]), step

    def add(self, report: Report, trainer: Trainer) -> None:
        """One update."""
        self.losses.add(report.step, report.loss)
        self.rates.add(report.step, report.learning_rate)
        self.norms.add(report.step, report.gradient_norm)
        if report.validation_loss is not None:
            self.validation.add(report.step, report.validation_loss)
        self.gradient_norms = MappingProxyType(dict(report.gradient_norms))
        if report.update_ratios is not None:
            self.update_ratios, self.ratios_step = MappingProxyType(dict(report.update_ratios)), report.step
        if report.glimpse is not None:
            self.see(report.step, report.glimpse, trainer, report.validation_loss, report.checkpoint)
        self.tokens_per_s, self.left_s = report.tokens_per_s, report.left_s

    def see(self, step: int, glimpse: Glimpse, trainer: Trainer, loss: float | None, path: Path | None) -> None:
        """One more look at the pinned prompt."""
        tokenizer, length = trainer.data.tokenizer, glimpse.prompt_length
        prompt = tokenizer.decode(glimpse.ids[:length], special=False)
        shown = Seen(
            step=step,
            prompt=prompt,
            continuation=glimpse.text[len(prompt) :],
            tokens=tuple(map(tokenizer.token_text, glimpse.ids[:length])),
            ids=glimpse.ids[:length],
            patterns=glimpse.patterns,
            validation_loss=loss,
            path=path,
        )
        kept = self.seen if len(self.seen) < MOST_SEEN else (self.seen[0], *self.seen[1:-1:2], self.seen[-1])
        self.seen = (*kept, shown)
