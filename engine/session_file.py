"""A session as a file, `*.minigpt.json`: what is needed to go on where it was left, and nothing that can be computed.

It holds the model's place and fingerprint, settings, sampler, seed, the whole tree of texts, edits and breakpoints. The
model is run again over the active text when it is opened; other branches are run when they are returned to.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.edits import Edit, edit_from_json, edit_to_json
from engine.errors import InputError
from engine.files import atomic_file, read_json, refused, shortened
from engine.model import SHIPPED, Model
from engine.passes import KINDS, PLAIN
from engine.sampling import Sampler
from engine.saved import (
    SESSION_ENDING,
    a_list,
    a_text,
    an_object,
    is_id,
    settings_from_json,
    settings_to_json,
    texts_of,
)
from engine.session import Session, never
from engine.settings import Settings
from engine.timeline import Node

ENDING = SESSION_ENDING
VERSION = 1
NO_PARENT = -1


@dataclass(frozen=True)
class SavedSession:
    """What a session file holds.

    model    as `open_model` takes it           fingerprint  of its weights
    nodes    (id, index of the token before it or -1, whether it was generated) of every token of every branch;
             a token stands after the one before it       leaf  the index of the active text's last token; -1: no text
    """

    model: str
    fingerprint: str
    settings: Settings
    sampler: Sampler
    seed: int
    nodes: tuple[tuple[int, int, bool], ...]
    leaf: int
    edits: tuple[Edit, ...]
    breakpoints: tuple[str, ...]
    pass_kind: str

    @property
    def tokens(self) -> list[int]:
        """The ids of the active text."""
        ids, at = [], self.leaf
        while at != NO_PARENT:
            ids.append(self.nodes[at][0])
            at = self.nodes[at][1]
        return ids[::-1]

    @property
    def given(self) -> int:
        """How many tokens the active text began with before one was generated."""
        count, at = 0, self.leaf
        while at != NO_PARENT:
            count = 0 if self.nodes[at][2] else count + 1
            at = self.nodes[at][1]
        return count


def saved(session: Session) -> SavedSession:
    """The session as it is now, as a value."""
    nodes, index = _flattened(session)
    return SavedSession(
        model=model_spec(session.model),
        fingerprint=session.model.fingerprint,
        settings=session.settings,
        sampler=session.sampler,
        seed=session.seed,
        nodes=nodes,
        leaf=NO_PARENT if session.leaf is None else index[id(session.leaf)],
        edits=tuple(session.edits),
        breakpoints=tuple(sorted(session.breakpoints)),
        pass_kind=session.pass_kind,
    )


def session_text(kept: SavedSession) -> bytes:
    """The file's content; one session gives the same bytes every time."""
    raw = {
        "minigpt_session": VERSION,
        "model": kept.model,
        "fingerprint": kept.fingerprint,
        "settings": settings_to_json(kept.settings),
        "sampler": asdict(kept.sampler),
        "seed": kept.seed,
        "leaf": kept.leaf,
        "nodes": [[id, parent, int(generated)] for id, parent, generated in kept.nodes],
        "edits": [edit_to_json(edit) for edit in kept.edits],
        "breakpoints": list(kept.breakpoints),
        "pass": kept.pass_kind,
    }
    try:
        lines = [f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in raw.items()]
    except ValueError:
        raise InputError("an edit holds NaN or infinity, which a session cannot: undo it, or save a trace") from None
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode("ascii")


def save_session(kept: SavedSession, path: str | Path) -> None:
    """Write a session, whole or not at all; it counts as saved when it was read back."""
    text = session_text(kept)
    with atomic_file(path) as file:
        file.write(text)
        file.flush()
        file.seek(0)
        if file.read() != text:
            raise refused(path, "what was written reads back differently; it was not kept")


def read_session(path: str | Path) -> SavedSession:
    """Read a session without its model. Raises FileError, in one line, for a file that is none."""
    name = Path(path).name
    raw = read_json(path)
    if not isinstance(raw, dict) or "minigpt_session" not in raw:
        raise refused(name, "is not a session: it has no 'minigpt_session' (the app saves one with ctrl+s)")
    version = raw["minigpt_session"]
    if type(version) is not int or version > VERSION:
        raise refused(name, f"expected at most {VERSION}, got {shortened(version, 20)}; a newer version wrote it",
                      "minigpt_session")  # fmt: skip
    nodes = _nodes(raw.get("nodes"), name)
    leaf = raw.get("leaf")
    if type(leaf) is not int or not NO_PARENT <= leaf < len(nodes) or (leaf == NO_PARENT) != (not nodes):
        raise refused(name, f"expected the index of a node, 0 to {len(nodes) - 1}, got {shortened(leaf, 20)}", "leaf")
    seed, kind = raw.get("seed", 0), raw.get("pass", PLAIN)
    if type(seed) is not int or seed < 0:
        raise refused(name, f"expected a whole number from 0 up, got {shortened(seed, 20)}", "seed")
    if kind not in KINDS:
        raise refused(name, f"expected one of {', '.join(KINDS)}, got {shortened(kind, 20)}", "pass")
    return SavedSession(
        model=a_text(raw.get("model"), name, "model"),
        fingerprint=a_text(raw.get("fingerprint", ""), name, "fingerprint"),
        settings=settings_from_json(raw.get("settings", {}), name),
        sampler=_sampler(raw.get("sampler", {}), name),
        seed=seed,
        nodes=nodes,
        leaf=leaf,
        edits=_edits(raw.get("edits", []), name),
        breakpoints=texts_of(raw.get("breakpoints", []), name, "breakpoints"),
        pass_kind=kind,
    )


def restore(kept: SavedSession, model: Model, anyway: bool = False, stop: Callable[[], bool] = never) -> Session:
    """The session as it was, on an opened model. Raises InputError if that has other weights, unless `anyway`."""
    check_model(kept, model, anyway)
    session = Session(model, kept.settings, kept.sampler, kept.seed)
    session.edits, session.pass_kind = list(kept.edits), kept.pass_kind
    session.breakpoints = set(kept.breakpoints)
    if kept.nodes:
        session.adopt(_tree(kept, model)[kept.leaf], stop)
    return session


def check_model(kept: SavedSession, model: Model, anyway: bool = False) -> None:
    """Raise InputError if a model has other weights than a session was saved with, unless `anyway`."""
    if kept.fingerprint != model.fingerprint and not anyway:
        raise InputError(
            f"{model.name}: has other weights than the session was saved with, so its numbers would differ; "
            "open it with --anyway, or give the model it was made with"
        )


def is_session(path: str | Path) -> bool:
    """Whether a path is meant to be a session, by its name."""
    return str(path).endswith(ENDING)


def model_spec(model: Model) -> str:
    """The model as `open_model` takes it, from any directory."""
    if model.path is None:
        return model.name
    path = model.path.resolve()
    return path.name if path.parent == SHIPPED else str(path)


def _flattened(session: Session) -> tuple[tuple[tuple[int, int, bool], ...], dict[int, int]]:
    """Every token of the tree, each after the one before it and siblings in their order; and each node's index."""
    nodes: list[tuple[int, int, bool]] = []
    index: dict[int, int] = {}
    waiting = session.nodes[:1]
    while waiting:
        node = waiting.pop()
        index[id(node)] = len(nodes)
        nodes.append((node.id, index[id(node.parent)] if node.parent else NO_PARENT, node.generated))
        waiting += reversed(node.children)
    return tuple(nodes), index


def _tree(kept: SavedSession, model: Model) -> list[Node]:
    """The tokens as nodes, joined as they were."""
    made: list[Node] = []
    for id, parent, generated in kept.nodes:
        if id >= model.config.vocab:
            raise InputError(f"token {id}: expected an id from 0 to {model.config.vocab - 1}; is this another model?")
        before = made[parent] if parent != NO_PARENT else None
        made.append(Node(id, before, generated))
        if before is not None:
            before.children.append(made[-1])
    return made


def _nodes(raw: object, name: str) -> tuple[tuple[int, int, bool], ...]:
    rows = a_list(raw, name, "nodes", "lists of an id, a parent and 0 or 1", _is_node)
    for i, (_, parent, _) in enumerate(rows):
        if parent >= i or (parent == NO_PARENT) != (i == 0):
            raise refused(name, f"expected the first to have no parent (-1), the others an earlier one; got {parent} "
                          f"at place {i}", "nodes")  # fmt: skip
    return tuple((id, parent, bool(generated)) for id, parent, generated in rows)


def _is_node(row: Any) -> bool:
    is_row = isinstance(row, list) and len(row) == 3 and all(type(number) is int for number in row)
    return is_row and is_id(row[0]) and row[1] >= NO_PARENT and row[2] in (0, 1)


def _sampler(raw: object, name: str) -> Sampler:
    try:
        return Sampler(**an_object(raw, name, "sampler"))
    except (InputError, TypeError) as error:
        raise refused(name, str(error), "sampler") from None


def _edits(raw: object, name: str) -> tuple[Edit, ...]:
    try:
        return tuple(edit_from_json(edit) for edit in a_list(raw, name, "edits", "objects", lambda _: True))
    except InputError as error:
        raise refused(name, str(error), "edits") from None
