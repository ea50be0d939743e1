"""What the window is given when it is started: of the configuration, and the models that can be opened from here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.config import read_config
from app.model_choices import HERE, TEXT, Choice, completions, is_path, on_disk, usual, verdict, weighed
from app.state import read_state
from engine.fits import available_bytes
from viewers.offers import Offer
from viewers.qt.given import Given


def given() -> Given:
    """Theme, keys and models. Raises FileError for a configuration that is wrong."""
    config = read_config()
    return Given(config.theme if config.is_theme_given else None, config.keys, Offered().of)


class Offered:
    """Weighs each model once; how much memory is free is asked when the list is first wanted."""

    def __init__(self) -> None:
        self._free: int | None = None
        self._known: dict[tuple[str, str], Offer] = {}

    def of(self, typed: str, recent: Sequence[str]) -> list[Offer]:
        """The rows of what is typed: a part of a name, or a path. `recent`: what this window opened lately."""
        if not self._known:
            self._free = available_bytes()
        if is_path(typed):
            return [self._offer(HERE, str(path)) for path in completions(typed)]
        lately = dict.fromkeys((*recent, *read_state().models))
        rows = [(group, spec) for group, spec in usual(list(lately)) if group != TEXT]
        return [self._offer(group, spec) for group, spec in rows if typed.lower() in spec.lower()]

    def _offer(self, group: str, spec: str) -> Offer:
        if (group, spec) not in self._known:
            choice = on_disk(Path(spec), self._free) if group == HERE else weighed(group, spec, self._free)
            self._known[group, spec] = offer_of(choice)
        return self._known[group, spec]


def offer_of(choice: Choice) -> Offer:
    """A row for the window."""
    opens = choice.fits is not False and not choice.is_directory
    return Offer(choice.group, choice.spec, verdict(choice), choice.why, choice.parameters, choice.shape, opens,
                 choice.is_directory)  # fmt: skip
