"""What the actions of the Compare screen do: choosing B, moving the shared cursors, and what all screens have."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.cli.lanes import split
from app.cli.opening import require_memory
from app.screens.layers import AskLayer, HelpLayer, ids_in
from app.screens.looking import Looking
from app.screens.placing import Placing
from app.screens.wanted import ScreenWanted
from app.widgets.compare.lanes import Choice
from app.widgets.compare.view import ORDERS, CompareView, Pair
from app.widgets.panel import Panel
from engine.analysis.drift import Drift
from engine.errors import InputError, MiniGPTError
from engine.lane import Compared, plainly, words_of
from engine.snapshot import Snapshot
from engine.text import visible
from viewers.compare_actions import COMPARE_ACTIONS
from viewers.listing_tree import same_in_block

if TYPE_CHECKING:
    from app.screens.explore import Explore


class CompareDoing(Placing):
    """Names after `action_` are the ids of the table."""

    if TYPE_CHECKING:
        explore: Explore
        pair: Pair | None
        view: CompareView

        def look(self, **changes: object) -> None: ...

    other_model: str | None = None  # B's, as it was typed; None: the session's
    found = -1  # where the last search stood
    sought = ""

    # B

    def take_choice(self, choice: Choice) -> None:
        """Make B what stands in a row of the Lanes panel."""
        if choice.kind == "setting":
            self.take_words(choice.words)
        elif choice.kind == "none":
            self.send("uncompare")
        else:
            getattr(self, f"action_edit_{choice.kind}")()

    def take_words(self, words: str) -> None:
        """B is this session's model and text under other settings."""
        self.other_model = None
        self.send("compare", words=words)

    def words_a(self) -> str:
        """The settings of A in words."""
        return words_of(plainly(self.pair.snapshot.settings)) if self.pair else ""

    @staticmethod
    def lane_a(snapshot: Snapshot) -> str:
        """What A is called, as the session stands."""
        return ":".join(filter(None, (snapshot.model_name, words_of(plainly(snapshot.settings)))))

    def action_compare(self) -> None:
        self.bring("lanes")

    def action_edit_words(self) -> None:
        hint = "names as the flags have them: int8=all,rank=32,kv-window=16,optimize · Enter takes them · Esc leaves"
        self.app.push_screen(AskLayer("B's settings", hint, self.words_a()), self._words)

    def _words(self, words: str | None) -> None:
        if words is not None:
            self.take_words(words.strip())

    def action_edit_model(self) -> None:
        hint = (
            "a directory, a shipped model or random:PRESET; settings may follow a colon · Enter opens it · Esc leaves"
        )
        self.app.push_screen(AskLayer("Another model as B", hint, self.other_model or ""), self._model)

    def _model(self, words: str | None) -> None:
        if not words or not words.strip():
            return
        model, settings = split(words.strip())
        try:
            require_memory(model)
        except MiniGPTError as error:
            self.say(f"error: {error}")
            return
        self.other_model = model
        self.send("compare", words=settings or self.words_a(), model=model)

    def action_edit_text(self) -> None:
        if self.pair is None:
            return
        hint = "↵ is a new line · the positions that both texts have are compared · Enter runs it · Esc leaves"
        if self.pair.snapshot.has_tokenizer:
            self.app.push_screen(AskLayer("Another text for B", hint, self.explore.opening.prompt or ""), self._text)
        else:
            ids = ",".join(str(token.id) for token in self.pair.snapshot.tokens)
            self.app.push_screen(AskLayer("Another text for B, as ids: 1,2,3", hint, ids), self._ids)

    def _text(self, text: str | None) -> None:
        if text is not None:
            self.other_model = None
            self.send("compare", words=self.words_a(), **({"text": text} if text else {}))

    def _ids(self, words: str | None) -> None:
        if words is None:
            return
        try:
            ids = ids_in(words)
        except InputError as error:
            self.say(f"error: {error}")
            return
        self.other_model = None
        self.send("compare", words=self.words_a(), **({"ids": ids} if ids else {}))

    # the session's text

    def action_next_token(self) -> None:
        self.look(place=None)
        self.send("generate", count=1)

    def action_take_back(self) -> None:
        self.look(place=None)
        self.send("take_back")

    # the cursors

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
        if drift is not None and at is not None and (there := same_in_block(at.address, by)) in drift:
            self.look(address=there)

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
        self.look(head=min(max(now + by, 0), at.apart.shape[1] - 1))

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

    # copying

    def action_copy(self) -> None:
        self._copy(self.focused.sentence() if isinstance(self.focused, Panel) else "")

    def action_copy_command(self) -> None:
        if self.pair is None or self.pair.compared is None:
            self.say("Nothing is compared yet.")
        else:
            self._copy(command_of(self.pair.compared, self.explore.opening.model, self.other_model))

    def _copy(self, words: str) -> None:
        if words:
            self.app.copy_to_clipboard(visible(words))
        self.say(f"copied: {words}" if words else "Nothing to copy here.")

    # the app

    def send(self, command: str, **arguments: Any) -> None:
        """Queue a command to the driver of the session."""
        self.say("")
        if self.explore.opening.driver is not None:
            self.explore.opening.driver.send(command, **arguments)

    def action_save_screen(self) -> None:
        Looking.action_save_screen(self)  # type: ignore[arg-type]  # it needs no more than a screen's `say`

    def action_explore(self) -> None:
        self.post_message(ScreenWanted("explore"))

    def action_train(self) -> None:
        self.post_message(ScreenWanted("train"))

    def action_help(self) -> None:
        self.app.push_screen(HelpLayer(COMPARE_ACTIONS))

    def action_palette(self) -> None:
        self.app.action_command_palette()

    def action_close(self) -> None:
        """The topmost layer: a maximised panel, running work, a chosen token or address; then the screen itself."""
        if self.maximised:
            self.action_maximise()
        elif self.explore.busy:
            self.explore.cancel()
        elif self.view.place is not None or self.view.address is not None:
            self.look(place=None, address=None, head=None)
        else:
            self.action_explore()

    def action_quit(self) -> None:
        self.app.exit()


def command_of(compared: Compared, model: str, other: str | None) -> str:
    """What compares the same on the command line. `model` and `other` are the models as they were typed."""
    lanes = (compared.name_a, compared.a, model), (compared.name_b, compared.b, other or model)
    sides = [model + name.removeprefix(trace.about.name) for name, trace, model in lanes]
    ids_a, ids_b = (",".join(map(str, trace.tokens)) for trace in (compared.a, compared.b))
    words = ["minigpt", "diff", *sides, f"--ids={ids_a}", *([f"--ids-b={ids_b}"] if ids_a != ids_b else [])]
    return shlex.join(words)
