"""What the terminal app remembers from one time to the next: models, prompts, colours, which panels were in front.

It is a convenience: what cannot be read is as if there were none, and what cannot be written is left.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from app.cli.crash import state_directory
from engine.errors import MiniGPTError
from engine.files import atomic_write

MOST_MODELS, MOST_PROMPTS, MOST_PANELS = 12, 50, 16
LONGEST = 4096  # characters of one entry


@dataclass(frozen=True)
class State:
    """models, prompts   the last used first         panels   of the main screen, the one looked at last first
    theme             that was chosen in the palette; empty if none was
    """

    models: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()
    theme: str = ""

    def with_model(self, spec: str) -> State:
        return replace(self, models=_first(spec, self.models, MOST_MODELS))

    def with_prompt(self, text: str) -> State:
        return replace(self, prompts=_first(text, self.prompts, MOST_PROMPTS))


def state_path() -> Path:
    """The file it is kept in."""
    return state_directory() / "state.json"


def read_state() -> State:
    """What was remembered, as far as it can be read."""
    with suppress(OSError, ValueError, RecursionError):
        raw = json.loads(state_path().read_text(encoding="utf-8"))
        if isinstance(raw, dict):
            return State(
                models=_texts(raw.get("models"), MOST_MODELS),
                prompts=_texts(raw.get("prompts"), MOST_PROMPTS),
                panels=_texts(raw.get("panels"), MOST_PANELS),
                theme=next(iter(_texts([raw.get("theme")], 1)), ""),
            )
    return State()


def write_state(state: State) -> None:
    """Remember this."""
    with suppress(OSError, MiniGPTError, UnicodeError):
        state_path().parent.mkdir(parents=True, exist_ok=True)
        atomic_write(state_path(), json.dumps(asdict(state), ensure_ascii=True, indent=1).encode())


def _first(new: str, others: Sequence[str], most: int) -> tuple[str, ...]:
    """`new` before the others, once; one that is too long is not kept."""
    kept = [new, *(text for text in others if text != new)] if new and len(new) <= LONGEST else list(others)
    return tuple(kept[:most])


def _texts(raw: object, most: int) -> tuple[str, ...]:
    texts = [text for text in raw if isinstance(text, str) and len(text) <= LONGEST] if isinstance(raw, list) else []
    return tuple(dict.fromkeys(texts))[:most]
