"""What the Compare screen does to choose B: other settings, another model, another text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.cli.lanes import split
from app.screens.layers import AskLayer, ids_or_said
from app.screens.placing import Placing
from app.widgets.compare.lanes import Choice
from app.widgets.compare.view import Pair
from engine.errors import MiniGPTError
from engine.fits import require_memory
from engine.lane import plainly, words_of
from engine.snapshot import Snapshot

if TYPE_CHECKING:
    from app.screens.explore import Explore


class CompareChoosing(Placing):
    """Names after `action_` are the ids of the table."""

    if TYPE_CHECKING:
        explore: Explore
        pair: Pair | None

    other_model: str | None = None  # B's, as it was typed; None: the session's

    def send(self, command: str, **arguments: Any) -> None:
        """Queue a command to the driver of the session."""
        self.say("")
        if self.explore.opening.driver is not None:
            self.explore.opening.driver.send(command, **arguments)

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
        if (ids := ids_or_said(words, self.say)) is not None:
            self.other_model = None
            self.send("compare", words=self.words_a(), **({"ids": ids} if ids else {}))
