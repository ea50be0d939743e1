"""What the window is given by whoever starts it, as plain data: it reads no configuration itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from viewers.offers import Offers


@dataclass(frozen=True)
class Given:
    """theme    one of `viewers.qt.theme.CHOICES`; None: as it was left, else as the system has it
    keys     by the id of their action, instead of those of the table
    offers   lists the models that can be opened; None: there is only the dialog for a directory
    """

    theme: str | None = None
    keys: Mapping[str, Sequence[str]] = field(default_factory=lambda: MappingProxyType({}))
    offers: Offers | None = None


NOTHING = Given()
