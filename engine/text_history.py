"""The texts that a session had before, so that every change of the text can be undone and done again.

A text is the node at its end; the tree it hangs in keeps what was tried. What an earlier prompt's tree computed is let
go, and computed again when one returns to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.errors import InputError
from engine.timeline import Node

if TYPE_CHECKING:
    from engine.session import Session

MOST_TEXTS = 200


class TextHistory:
    """`past` and `future` hold the ends of texts, the nearest last."""

    def __init__(self) -> None:
        self.past: list[Node] = []
        self.future: list[Node] = []

    def note(self, before: Node | None, now: Node | None) -> None:
        """The text was changed by hand or by generating: what was undone before cannot be done again."""
        if before is None or before is now:
            return
        self.past = [*self.past, before][-MOST_TEXTS:]
        self.future.clear()
        if now is None or root_of(now) is not root_of(before):
            for node in root_of(before).tree():
                node.logits = node.rows = None

    def undo(self, session: Session, stop: Callable[[], bool]) -> None:
        """Back to the text before the last change. Raises InputError where there is none."""
        self._go(session, self.past, self.future, "there is no earlier text to go back to", stop)

    def redo(self, session: Session, stop: Callable[[], bool]) -> None:
        """Forward again. Raises InputError where nothing was undone."""
        self._go(session, self.future, self.past, "no change of the text was undone", stop)

    @staticmethod
    def _go(session: Session, source: list[Node], target: list[Node], lack: str, stop: Callable[[], bool]) -> None:
        if not source or session.leaf is None:
            raise InputError(lack)
        now, wanted = session.leaf, source[-1]
        session.go_to(wanted, stop)  # only what has come about is noted
        source.pop()
        target.append(now)


def hang_in(leaf: Node) -> None:
    """Let the tree know all tokens of a text again; one that was taken back had been let go."""
    for node in leaf.path():
        if node.parent is not None and node not in node.parent.children:
            same = [child for child in node.parent.children if child.id == node.id and not child.children]
            for child in same:
                node.parent.children.remove(child)
            node.parent.children.append(node)


def root_of(node: Node) -> Node:
    """The first token of the text that ends here."""
    *_, first = node.path()
    return first
