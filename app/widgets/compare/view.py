"""What the Compare screen shows, and what a person looks at there: frozen values that all panels share."""

from __future__ import annotations

from dataclasses import dataclass

from engine.analysis.drift import THRESHOLD, Drift, Place
from engine.lane import Compared
from engine.snapshot import Snapshot

ORDERS = ("as executed", "worst first", "over only")


@dataclass(frozen=True, eq=False)
class Pair:
    """The session as it is, and the newest comparison, which may be of an older text; None before the first."""

    snapshot: Snapshot
    compared: Compared | None

    @property
    def drift(self) -> Drift | None:
        return self.compared.drift if self.compared else None

    @property
    def is_stale(self) -> bool:
        """Whether the text has changed since it was compared."""
        ids = tuple(token.id for token in self.snapshot.tokens)
        return self.compared is not None and self.compared.a.tokens != ids


@dataclass(frozen=True)
class CompareView:
    """address    under the cursor; None: the first that parts
    place      the token under the cursor, 0..T where T is the place of the next; None: the next
    head       the slice of a value with heads; None: the one with the largest difference
    threshold  the relative error above which an address has parted
    """

    address: str | None = None
    place: int | None = None
    head: int | None = None
    threshold: float = THRESHOLD
    order: str = ORDERS[0]

    def first(self, drift: Drift) -> Place | None:
        """The first place that parts, in execution order."""
        return next((place for place in drift.places if place.is_over(self.threshold)), None)

    def listed(self, drift: Drift) -> tuple[Place, ...]:
        """The places in the order that was chosen."""
        if self.order == "worst first":
            return drift.worst(len(drift.places))
        if self.order == "over only":
            return tuple(place for place in drift.places if place.is_over(self.threshold))
        return drift.places

    def at(self, drift: Drift) -> Place | None:
        """The place under the cursor: the chosen one, else the first that parts, else the last."""
        chosen = next((place for place in drift.places if place.address == self.address), None)
        return chosen or self.first(drift) or (drift.places[-1] if drift.places else None)

    def token(self, drift: Drift) -> int:
        """Where the token cursor stands, among the positions that were compared and the next one."""
        return drift.positions if self.place is None else min(self.place, drift.positions)
