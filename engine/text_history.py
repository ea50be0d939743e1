"""The texts that a session had before, so that every change of the text can be undone and done again.

A text is the node at its end; the tree it hangs in keeps what was tried. What an earlier prompt's tree computed is let
go, and computed again when one returns to it.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.errors import InputError
from engine.timeline import Node

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

    def undo(self, now: Node | None, go_to: Callable[[Node], None]) -> None:
        """Back to the text before the last change, by `go_to`. Raises InputError where there is none."""
        self._go(now, go_to, self.past, self.future, "there is no earlier text to go back to")

    def redo(self, now: Node | None, go_to: Callable[[Node], None]) -> None:
        """Forward again. Raises InputError where nothing was undone."""
        self._go(now, go_to, self.future, self.past, "no change of the text was undone")

    @staticmethod
    def _go(now: Node | None, go_to: Callable[[Node], None], source: list[Node], target: list[Node], lack: str) -> None:
        if not source or now is None:
            raise InputError(lack)
        go_to(source[-1])  # only what has come about is noted
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
