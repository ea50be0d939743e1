"""Values as traces and sessions keep them in JSON, and back: every key with its type, every refusal in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from engine.errors import InputError
from engine.files import refused, shortened
from engine.settings import Settings

LARGEST_ID = 2**31 - 1
SESSION_ENDING, TRACE_ENDING = ".minigpt.json", ".trace.safetensors"  # by which files are known


def settings_to_json(settings: Settings) -> dict[str, Any]:
    """Every setting by its name."""
    return {field.name: getattr(settings, field.name) for field in fields(settings)}


def settings_from_json(raw: object, name: str) -> Settings:
    """Settings from their saved form; what is not said has its default. An unknown one is refused: it may matter."""
    known = {field.name for field in fields(Settings)}
    given = an_object(raw, name, "settings")
    for key in given:
        if key not in known:
            raise refused(name, "is a setting that this version does not know (saved by a newer one?)", key)
    try:
        return Settings(**given)
    except (InputError, TypeError) as error:
        raise refused(name, str(error), "settings") from None


def an_object(raw: object, name: str, key: str) -> dict[str, Any]:
    """`raw` if it is a JSON object."""
    if not isinstance(raw, dict):
        raise refused(name, f"expected an object, got {shortened(raw, 40)}", key)
    return raw


def a_list(raw: object, name: str, key: str, what: str, is_right: Callable[[Any], bool]) -> list[Any]:
    """`raw` if it is a list of what passes; `what` says in the plural what that is."""
    if not isinstance(raw, list):
        raise refused(name, f"expected a list of {what}, got {shortened(raw, 40)}", key)
    for i, value in enumerate(raw):
        if not is_right(value):
            raise refused(name, f"expected {what}, got {shortened(value, 40)} at place {i}", key)
    return raw


def a_text(raw: object, name: str, key: str) -> str:
    """`raw` if it is a text."""
    if not isinstance(raw, str):
        raise refused(name, f"expected a text, got {shortened(raw, 40)}", key)
    return raw


def texts_of(raw: object, name: str, key: str) -> tuple[str, ...]:
    """A list of texts."""
    return tuple(a_list(raw, name, key, "texts", lambda text: isinstance(text, str)))


def token_ids(raw: object, name: str, key: str = "tokens") -> tuple[int, ...]:
    """A list of token ids."""
    return tuple(a_list(raw, name, key, "token ids, whole numbers from 0 up", is_id))


def is_id(value: object) -> bool:
    """Whether a value can be a token id: true is no number, and 2.0 no whole one."""
    return type(value) is int and 0 <= value <= LARGEST_ID
