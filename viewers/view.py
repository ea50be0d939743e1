"""What a person is looking at, apart from the session's own state: one frozen value that all panels share."""

from __future__ import annotations

from dataclasses import dataclass

from engine.snapshot import Snapshot

COLOURINGS = ("probability", "entropy", "none")
DIFFERENCE = "difference"  # a colouring too, where there is a second lane
ATTENTION = ("head", "layer", "wall", "likeness")
VALUE_FORMS = ("heat map", "numbers", "histogram")
SCALES = ("√", "even", "log", "row")


@dataclass(frozen=True)
class AttentionView:
    """How attention is drawn.

    what         one "head", all heads of its "layer", the "wall" of all layers, or the "likeness" of all heads
    scale        how shares become colours: by their root, evenly, by their logarithm, or each row by its largest
    hides_first  the first token is left out and what remains of each row is divided by its sum
    """

    what: str = "head"
    scale: str = "√"
    hides_first: bool = False


@dataclass(frozen=True)
class View:
    """token     the token under the cursor; None follows the end of the text
    layer, head  what attention, entropy and values with heads show
    address      the line or group under the listing's cursor; None follows the stepped pass
    watched      addresses whose values are kept in sight
    value_as     one of VALUE_FORMS
    over_mean    the entropy panel shows the mean over the text, not one token
    by_token     the entropy panel shows the heads of one layer over all tokens
    """

    token: int | None = None
    layer: int = 0
    head: int = 0
    address: str | None = None
    colouring: str = "probability"
    over_mean: bool = False
    watched: tuple[str, ...] = ()
    value_as: str = "heat map"
    by_token: bool = False
    attention: AttentionView = AttentionView()

    def place(self, snapshot: Snapshot) -> int:
        """Where the token cursor stands: 0..T, and T is the place of the next token."""
        return len(snapshot.tokens) if self.token is None else min(self.token, len(snapshot.tokens))

    def query(self, snapshot: Snapshot) -> int:
        """The token that looks: the one under the cursor, or the last."""
        return max(0, min(self.place(snapshot), len(snapshot.tokens) - 1))
