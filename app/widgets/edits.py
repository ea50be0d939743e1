"""What was changed by hand in the stepped pass, and what that does to the next token."""

from __future__ import annotations

from textual.strip import Strip

from app.widgets.panel import Panel
from engine.effect import Effect
from engine.snapshot import Snapshot
from engine.text import visible
from viewers.numbers import percent_text

CARRIED = "Generating carries them: the plain program over the whole text for each token, without a cache."
UNMEASURED = "What this does to the next token is not measured yet: r runs the pass with the edits and without."
NONE = "Nothing is changed. a changes the value under the listing's cursor."


class EditsPanel(Panel):
    """Offered while there are edits."""

    title = "Edits"
    offered = False

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._top = 0

    def drawn_from(self, snapshot: Snapshot) -> object:
        stepping = snapshot.stepping
        return stepping and stepping.edits, snapshot.edits, snapshot.effect, snapshot.tokens

    def note(self) -> str:
        return "u undoes"

    def sentence(self) -> str:
        return str(self.snapshot.effect or "") if self.snapshot else ""

    def body(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        edits = snapshot.stepping.edits if snapshot.stepping else ()
        if not edits:
            return self.wrapped(NONE, width, height, self.style_of("dim"))
        rows: list[Strip] = []
        for i, edit in enumerate(edits, 1):
            row = self.row(width).add(f"{i} ", self.style_of("dim")).add(edit.text, self.style_of("strong"))
            rows.append(row.strip())
            if edit.problem:
                rows += self.wrapped(f"left out: {edit.problem}", width, 2, self.style_of("warn"))
        rows += self._effect(snapshot, snapshot.effect, width)
        rows += self._generating(snapshot, width)
        self._top = min(self._top, max(0, len(rows) - height))
        return rows[self._top :][:height]

    def _generating(self, snapshot: Snapshot, width: int) -> list[Strip]:
        """What of them the text that comes is written with."""
        rows = self.wrapped(CARRIED, width, 3, self.style_of("dim"))
        for edit in snapshot.edits:
            if edit.problem:
                words = f"generating goes without {edit.text}: {edit.problem}"
                rows += self.wrapped(words, width, 3, self.style_of("warn"))
        return rows

    def _effect(self, snapshot: Snapshot, effect: Effect | None, width: int) -> list[Strip]:
        dim = self.style_of("dim")
        if effect is None:
            takes_part = snapshot.stepping is not None and any(not edit.problem for edit in snapshot.stepping.edits)
            return self.wrapped(UNMEASURED if takes_part else "No edit takes part in this pass.", width, 2, dim)
        old = "" if effect.ids == tuple(t.id for t in snapshot.tokens) else " · older text, r renews"
        head = f"token after {len(effect.ids)}, {effect.what} pass · KL {effect.kl:.3g} nats{old}"
        rows = self.wrapped(head, width, 2, self.style_of("warn" if old else "accent"))
        name = max(8, width - 29)
        title = self.row(width).add("").column("next token", name, dim)
        rows.append(
            title.column("before", 7, dim, "right").column("after", 7, dim, "right").add("   rank", dim).strip()
        )
        for moved in effect.rows:
            change = moved.after - moved.before
            style = self.style_of("good" if change > 0.0005 else "warn" if change < -0.0005 else "dim")
            row = (
                self.row(width)
                .column(f'"{visible(moved.text)}"', name)
                .column(percent_text(moved.before), 7, dim, "right")
            )
            row.column(percent_text(moved.after), 7, style, "right")
            rows.append(row.add(f"   {moved.rank_before} → {moved.rank_after}", style).strip())
        return rows

    def move(self, down: int, right: int) -> None:
        self._top = max(0, self._top + down)
        self.refresh()
