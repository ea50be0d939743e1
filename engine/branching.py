"""The tree of texts as rows: which branch left which one, where, with what probability, and how it went on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.snapshot import Branch
from engine.timeline import Node

Decode = Callable[[Sequence[int]], str]


def branches_of(ends: Sequence[Node], active: Node | None, decode: Decode) -> tuple[Branch, ...]:
    """One row for each end, in their order: a branch comes after the one that it left. Nothing for a single end."""
    if len(ends) < 2:
        return ()
    paths = [list(end.path())[::-1] for end in ends]
    now = paths[next((i for i, end in enumerate(ends) if end is active), 0)]
    found: list[Branch] = []
    for i, path in enumerate(paths):
        shared = [common(path, earlier) for earlier in paths[:i]]
        start = max(shared, default=0)
        parent = shared.index(start) if shared else None
        own = path[start:]
        logprobs = [node.logprob for node in own if node.logprob is not None]
        found.append(
            Branch(
                name=f"branch {i + 1}",
                text=decode([node.id for node in path]),
                length=len(path),
                forks_at=common(path, now),
                active=ends[i] is active,
                depth=0 if parent is None else found[parent].depth + 1,
                starts_at=start,
                own_text=decode([node.id for node in own]),
                first_logprob=own[0].logprob if own else None,
                logprob=sum(logprobs) if logprobs else None,
            )
        )
    return tuple(found)


def common(path: Sequence[Node], other: Sequence[Node]) -> int:
    """How many tokens two texts of one tree share."""
    pairs = enumerate(zip(path, other, strict=False))
    return next((i for i, (a, b) in pairs if a is not b), min(len(path), len(other)))
