"""`Switch`: what a change of settings did, as a value: lines that went, came and changed; bytes, speed and drift."""

from __future__ import annotations

from dataclasses import dataclass, fields

from engine.settings import Settings


@dataclass(frozen=True)
class SwitchedLine:
    """One line of a difference; its texts are calls, as `softmax(attn.masked)`.

    kind      "gone", "new", "changed" or "same"
    address   of the new line, or of the old one if it is gone
    """

    kind: str
    address: str
    old: str
    new: str


@dataclass(frozen=True)
class Footprint:
    """Bytes under some settings: weights that the program reads, the cache's slots, activations at the peak; and the
    FLOPs of the next token."""

    weights: int
    cache: int
    activations: int
    flops: int

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.activations


@dataclass(frozen=True)
class Drift:
    """How far the predictions moved over the last `tokens` tokens of the text: mean KL(before || after) in nats, and
    how many first choices became others."""

    tokens: int
    mean_kl: float
    flips: int


@dataclass(frozen=True)
class Switch:
    """What the last change of settings did to what generation runs. `number` counts the changes of a session.

    tokens_per_s   measured under the old settings, if tokens were generated with them
    drift          None where no text was run yet
    """

    number: int
    before: Settings
    after: Settings
    lines: tuple[SwitchedLine, ...]
    bytes_before: Footprint
    bytes_after: Footprint
    tokens_per_s: float | None
    drift: Drift | None

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of the settings that changed."""
        names = (field.name for field in fields(Settings))
        return tuple(name for name in names if getattr(self.before, name) != getattr(self.after, name))

    def count(self, kind: str) -> int:
        """How many lines went, came, changed or stayed."""
        return sum(line.kind == kind for line in self.lines)
