"""What a person may open, in words: rows that a front end lists. Who weighs them is not known here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Offer:
    """One row of the list of models. `spec` is what opens it.

    group      shipped, recent, random, here
    verdict    "fits", "does not fit", "no model", "unknown"; nothing for a directory on the way to one
    why        the verdict in full: what is needed and free, or why it is no model
    opens      whether it can be opened; a directory that is only on the way is entered instead
    """

    group: str
    spec: str
    verdict: str = ""
    why: str = ""
    parameters: int | None = None
    shape: str = ""
    opens: bool = True
    is_directory: bool = False


Offers = Callable[[str, Sequence[str]], Sequence[Offer]]
"""From what is typed and what was opened lately to the rows."""
