"""The `minigpt` section of config.json: which rewrites a saved model went through, and so which tensors it has.

    "minigpt": {"version": 1, "int8": "all", "int8_embedding": false, "low_rank_mlp": 12}

Where a matrix was rounded the file has `<address>@int8` and `<address>@scale` in its place; where it was made of low
rank, its two factors `<address>@A12` and `<address>@B12`; and where both, the numbers and scales of the factors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.files import refused
from engine.models.config_keys import Key, read_keys, shown

SECTION = "minigpt"
VERSION = 1
LARGEST_RANK = 1 << 20
PARTS = {word: word for word in ("none", "attention", "mlp", "all")}
KEYS = {
    "version": Key(int, VERSION, VERSION),
    "int8": Key(str, choices=PARTS, default="none"),
    "int8_embedding": Key(bool, default=False),
    "low_rank_mlp": Key(int, 1, LARGEST_RANK, default=None, null=None),
}


@dataclass(frozen=True)
class Rewritten:
    """What was done to a model's matrices before it was saved; the names and meanings are those of the settings."""

    int8: str = "none"
    int8_embedding: bool = False
    low_rank_mlp: int | None = None

    def is_int8(self, part: str) -> bool:
        """Whether the matrices of a part ("attention", "mlp", "embedding") are whole numbers."""
        return self.int8_embedding if part == "embedding" else self.int8 in (part, "all")

    def to_json(self) -> dict[str, Any]:
        """The section."""
        return {"version": VERSION, **vars(self)}


def read_rewritten(config: Mapping[str, Any], name: str) -> Rewritten | None:
    """What the section of a config.json says; None if there is none. Raises FileError for what we do not know."""
    raw = config.get(SECTION)
    if raw is None or raw == {}:
        return None
    where = f"{name}: {SECTION}"
    if not isinstance(raw, dict):
        raise refused(name, f"expected an object with keys, got {shown(raw)}", SECTION)
    if unknown := sorted(raw.keys() - KEYS.keys()):
        raise refused(where, "a rewrite that this version does not know; open the plain model", unknown[0])
    values = read_keys(raw, KEYS, where)
    values.pop("version")
    return Rewritten(**values)
