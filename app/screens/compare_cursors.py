"""What the Compare screen does to look: both lanes share one token, one address, one head, one threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.screens.layers import AskLayer
from app.screens.placing import Placing
from app.widgets.compare.view import ORDERS, CompareView, Pair
from app.widgets.edges import edge_words, within
from engine.analysis.drift import Drift
from engine.text import visible
from viewers.listing_tree import same_in_block


class CompareCursors(Placing):
    """Names after `action_` are the ids of the table."""

    if TYPE_CHECKING:
        pair: Pair | None
        view: CompareView

        def look(self, **changes: object) -> None: ...

    found = -1  # where the last search stood
    sought = ""

    @property
    def drift(self) -> Drift | None:
        return self.pair.drift if self.pair else None

    def go_to(self, address: str) -> None:
        self.look(address=address, head=None)

    def go_to_token(self, place: int) -> None:
        self.look(place=None if self.drift is None or place >= self.drift.positions else place)

    def _flip(self, by: int) -> None:
        """The next token at which the first choice is another one: it is foreseen by the row before."""
        drift = self.drift
        if drift is None or drift.tokens is None:
            self.say("Predictions are not compared.")
            return
        places = [int(row) + 1 for row in drift.tokens.flips.nonzero()[0]]
        self.seen("texts", "tokens")
        self._next(places, self.view.token(drift), by, "B's first choice is A's at every token.", self.go_to_token)

    def action_flip_next(self) -> None:
        self._flip(1)

    def action_flip_previous(self) -> None:
        self._flip(-1)

    def _over(self, by: int) -> None:
        drift = self.drift
        at = self.view.at(drift) if drift else None
        if drift is None or at is None:
            return
        places = [i for i, place in enumerate(drift.places) if place.is_over(self.view.threshold)]
        self.seen("drift", "values")
        nowhere = f"No address is over {self.view.threshold:g}; - lowers the threshold."
        self._next(places, drift.places.index(at), by, nowhere, lambda i: self.go_to(drift.places[i].address))

    def _next(self, places: Sequence[int], now: int, by: int, nowhere: str, go: Any) -> None:
        """Go to the nearest of some places after or before, around the end."""
        if not places:
            self.say(nowhere)
        elif by > 0:
            go(next((place for place in places if place > now), places[0]))
        else:
            go(next((place for place in reversed(places) if place < now), places[-1]))

    def action_over_next(self) -> None:
        self._over(1)

    def action_over_previous(self) -> None:
        self._over(-1)

    def action_first_over(self) -> None:
        drift = self.drift
        first = self.view.first(drift) if drift else None
        if first is None:
            self.say(f"No address is over {self.view.threshold:g}; - lowers the threshold.")
        else:
            self.seen("drift", "values")
            self.go_to(first.address)

    def _threshold(self, factor: float) -> None:
        threshold = float(f"{min(max(self.view.threshold * factor, 1e-9), 10.0):.0e}")
        self.look(threshold=threshold)
        self.lay_out()
        self.say(f"threshold {threshold:g}: a relative error above it counts as parted")

    def action_threshold_up(self) -> None:
        self._threshold(10)

    def action_threshold_down(self) -> None:
        self._threshold(0.1)

    def action_order(self) -> None:
        self.seen("drift")
        self.look(order=ORDERS[(ORDERS.index(self.view.order) + 1) % len(ORDERS)])

    def _layer(self, by: int) -> None:
        drift = self.drift
        at = self.view.at(drift) if drift else None
        if drift is None or at is None:
            return
        if (there := same_in_block(at.address, by)) == at.address:
            self.say("This address is in no layer.")
        elif there in drift:
            self.look(address=there)
        else:
            self.say(f"This is the {'last' if by > 0 else 'first'} layer in which it was compared.")

    def action_layer_down(self) -> None:
        self._layer(-1)

    def action_layer_up(self) -> None:
        self._layer(1)

    def _head(self, by: int) -> None:
        drift = self.drift
        at = self.view.at(drift) if drift else None
        if at is None or len(at.apart.shape) != 4:
            self.say("This value has no heads.")
            return
        now = at.apart.worst[1] if self.view.head is None else self.view.head
        self.look(head=within(now + by, at.apart.shape[1]))
        if self.view.head == now:
            self.say(edge_words("head", now, at.apart.shape[1]))

    def action_head_previous(self) -> None:
        self._head(-1)

    def action_head_next(self) -> None:
        self._head(1)

    def action_find(self) -> None:
        hint = "part of an address, or a token's number · Enter goes there · again: the next"
        self.app.push_screen(AskLayer("Find or go to", hint, self.sought), self._find)

    def _find(self, words: str | None) -> None:
        drift = self.drift
        if not words or drift is None:
            return
        self.found = self.found + 1 if words == self.sought else 0
        self.sought = words
        if words.isdecimal() and int(words) <= drift.positions:
            self.seen("texts", "tokens")
            self.go_to_token(int(words))
            return
        places = [place.address for place in drift.places if words in place.address]
        if not places:
            self.say(f'"{visible(words)}" is in no address that was compared.')
            return
        self.seen("drift")
        self.go_to(places[self.found % len(places)])
        self.say(f'"{visible(words)}": {self.found % len(places) + 1} of {len(places)}; / and Enter finds the next')
