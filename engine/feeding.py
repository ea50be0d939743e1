"""From what a decoder computed to the tokens of a text: each token's node gets its logits and its attention."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engine.decoder import Decoder, Fed
from engine.errors import Cancelled
from engine.snapshot import AttentionRows
from engine.timeline import Node


def feed_prompt(
    decoder: Decoder, ids: Sequence[int], stop: Callable[[], bool], report: Callable[[int, int], None] | None
) -> Node:
    """Feed the tokens of a new text; returns the node of the last. Raises Cancelled if `stop` says so."""
    node: Node | None = None
    done = 0
    decoder.stop = stop
    for fed in decoder.feed(ids):
        rows = rows_of(fed)
        for row in fed.logits:
            node = node.child(ids[done], False) if node is not None else Node(ids[done], None)
            node.receive(row.copy(), rows)
            done += 1
        if report:
            report(done, len(ids))
        if done < len(ids) and stop():
            raise Cancelled(f"stopped after {done} of {len(ids)} tokens; the text before is unchanged")
    assert node is not None
    return node


def replay(decoder: Decoder, leaf: Node) -> None:
    """Bring a decoder to the text that ends at `leaf`, running what is new to it; if it fails, no node changes."""
    nodes = list(leaf.path())[::-1]
    shared = 0
    while shared < min(len(nodes) - 1, len(decoder.ids)) and nodes[shared].id == decoder.ids[shared]:
        shared += 1
    decoder.rewind(shared)
    made: list[tuple[np.ndarray, AttentionRows]] = []
    for fed in decoder.feed([node.id for node in nodes[shared:]]):
        rows = rows_of(fed)
        made += ((row.copy(), rows) for row in fed.logits)
    for node, (logits, rows) in zip(nodes[shared:], made, strict=True):
        node.receive(logits, rows)


def rows_of(fed: Fed) -> AttentionRows:
    """The attention of a call, in memory of its own."""
    return AttentionRows(fed.first, tuple(map(owned, fed.patterns)), tuple(map(owned, fed.keys)))


def owned(array: np.ndarray) -> np.ndarray:
    """The array, read-only; copied if it keeps something larger in memory."""
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    owned = array if root.nbytes == array.nbytes else array.copy()
    owned.flags.writeable = False
    return owned


def node_bytes(node: Node) -> int:
    """Bytes of the logits and attention kept with a token; those of a chunk are shared out over its tokens."""
    logits = node.logits.nbytes if node.logits is not None else 0
    if node.rows is None:
        return logits
    return logits + sum(pattern.nbytes // pattern.shape[1] for pattern in node.rows.patterns)
