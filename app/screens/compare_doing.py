"""What the other actions of the Compare screen do: the session's text, copying, and what all screens have."""

from __future__ import annotations

import shlex

from app.screens.compare_choosing import CompareChoosing
from app.screens.compare_cursors import CompareCursors
from app.screens.layers import HelpLayer
from app.screens.looking import Looking
from app.screens.wanted import ScreenWanted
from app.widgets.panel import Panel
from engine.lane import Compared
from engine.text import visible
from viewers.compare_actions import COMPARE_ACTIONS


class CompareDoing(CompareChoosing, CompareCursors):
    """Names after `action_` are the ids of the table."""

    # the session's text

    def action_next_token(self) -> None:
        self.look(place=None)
        self.send("generate", count=1)

    def action_take_back(self) -> None:
        self.look(place=None)
        self.send("take_back")

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
