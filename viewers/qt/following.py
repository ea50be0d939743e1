"""The stepped pass follows the text, as long as nobody steps it; the cursor follows the pass."""

from __future__ import annotations

from typing import Any, Protocol

from engine.snapshot import Snapshot, Stepping

FIRST_VIEW = "blocks.0.attn.pattern"  # how far the pass goes by itself at first


class Sends(Protocol):
    def send(self, command: str, **arguments: Any) -> None: ...


def is_stale(snapshot: Snapshot, stepping: Stepping) -> bool:
    """Whether the text has changed since the pass was begun; a cached pass is over the last tokens only."""
    ids = tuple(token.id for token in snapshot.tokens)
    if stepping.kind == "plain" and len(stepping.ids) != len(ids):
        return True
    return ids[len(ids) - len(stepping.ids) :] != stepping.ids


def cursor_address(before: Snapshot | None, now: Snapshot) -> str | None:
    """Where the listing's cursor goes when the pass has moved: to the line done last. None: it stays."""
    was, stepping = before.stepping if before else None, now.stepping
    if stepping is None or not stepping.rows:
        return None
    if was is not None and (was.cursor, was.what) == (stepping.cursor, stepping.what):
        return None
    return stepping.rows[max(0, stepping.cursor - 1)].address


class Follower:
    """Begins the pass again over a text that has changed, and goes as far as it was."""

    def __init__(self, desk: Sends) -> None:
        self.desk = desk
        self.reached = FIRST_VIEW
        self._asked: object = None

    def follow(self, snapshot: Snapshot) -> None:
        now = snapshot.stepping
        if snapshot.busy or now is None:
            return
        is_old = is_stale(snapshot, now)
        if now.cursor and not is_old:
            self.reached = now.rows[now.cursor - 1].address
            return
        if self._asked == (wanted := (is_old, now.what, snapshot.tokens, snapshot.settings)):
            return
        self._asked = wanted  # once, whatever becomes of it
        if is_old:
            self.desk.send("restep")
        if any(row.address == self.reached for row in now.rows):
            self.desk.send("run_until", address=self.reached)
