"""What each stage of sampling leaves, and the tree of texts, as rows of words for the small dialogs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from app.widgets.ink import clip
from engine.sampling_stages import SamplingStage
from engine.snapshot import Branch
from engine.text import counted, visible
from viewers.numbers import percent_text

HEAD = f"{'stage':<12}{'left':>9}{'holding':>9}{'likeliest':>11}{'entropy':>9}"


def stage_rows(stages: Sequence[SamplingStage]) -> list[str]:
    """A table: tokens left, the model's probability that they hold, the likeliest now, nats; and what was done."""
    if not stages:
        return []
    rows, before = [HEAD], stages[0]
    for stage in stages:
        numbers = f"{stage.left:>9,}{percent_text(stage.mass):>9}{percent_text(stage.best):>11}{stage.entropy:>9.3f}"
        rows.append(f"{stage.name:<12}{numbers}  {done_by(stage, before)}".rstrip())
        before = stage
    return rows


def done_by(stage: SamplingStage, before: SamplingStage) -> str:
    """`cuts 4,056, of 2.9%`; of a stage that removes nothing, how many logits it changed."""
    if stage.left < before.left:
        return f"cuts {before.left - stage.left:,}, of {percent_text(before.mass - stage.mass).strip()}"
    return f"changes {stage.changed:,}" if stage.changed else "" if stage is before else "nothing"


def branch_rows(branches: Sequence[Branch], width: int) -> list[str]:
    """The tree: what each branch says from where it left, how likely its first token was, how long its text is."""
    return [_branch(branch, width) for branch in branches]


def _branch(branch: Branch, width: int) -> str:
    mark = "● " if branch.active else "  "
    stem = "   " * (branch.depth - 1) + "└─ " if branch.depth else ""
    left = f"at {branch.starts_at}, p {share_of(branch.first_logprob)} · " if branch.depth else ""
    head = f"{mark}{stem}{left}{counted(branch.length, 'token')} · "
    text = visible(branch.own_text or branch.text)
    room = max(8, width - len(head))
    return head + clip(text if branch.depth or len(text) <= room else "…" + text[1 - room :], room)


def share_of(logprob: float | None) -> str:
    return "?" if logprob is None else percent_text(math.exp(logprob)).strip()
