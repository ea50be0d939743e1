"""Opening a model in a thread, so that the screen is there at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.sampling import Sampler
from engine.saved import TRACE_ENDING
from engine.settings import Settings

if TYPE_CHECKING:
    from engine.driver import Driver
    from engine.session import Session
    from engine.session_file import SavedSession
    from engine.trace_driver import TraceDriver

DEFAULT_PROMPT = "Once upon a time"
FIRST_VIEW = "blocks.0.attn.pattern"

MEAN_EDIT = "With the mean edit, earlier tokens have the numbers of the text as it is now."


class Opening:
    """A model on its way in, a saved session, or a recorded pass, which needs no model.

    `driver` is there when it is open, `error` if it could not be.

    kept    the session to go on with, `anyway` if its model has other weights now
    """

    def __init__(
        self,
        model: str,
        *,
        prompt: str | None = None,
        ids: Sequence[int] | None = None,
        settings: Settings | None = None,
        sampler: Sampler | None = None,
        seed: int = 0,
        kind: str = "plain",
        kept: SavedSession | None = None,
        anyway: bool = False,
        is_kept_safe: bool = False,
    ) -> None:
        self.model, self.prompt, self.ids, self.kind = model, prompt, ids, kind
        self.kept, self.anyway, self.is_kept_safe = kept, anyway, is_kept_safe
        self.settings, self.sampler, self.seed = settings or Settings(), sampler or Sampler(), seed
        self.driver: Driver | TraceDriver | None = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._open, name="opening", daemon=True)

    @property
    def is_recording(self) -> bool:
        """Whether it is a trace: something to look at, not to go on with."""
        return self.model.endswith(TRACE_ENDING)

    @property
    def remark(self) -> str:
        """What a person has to know of a session that was opened again."""
        kept = self.kept
        if kept is None or kept.given == len(kept.tokens) or all(edit.kind != "mean" for edit in kept.edits):
            return ""  # a text that was given at once has the numbers that it had
        return MEAN_EDIT

    def start(self) -> None:
        self._thread.start()

    def wait(self) -> None:
        """Until it is open, or could not be."""
        self._thread.join()

    def close(self) -> None:
        if self.driver is not None:
            self.driver.close()

    def _open(self) -> None:
        try:
            if self.is_recording:
                self._show_recording()
                return
            from engine.driver import Driver
            from engine.fits import require_memory
            from engine.session import open_session

            require_memory(self.model)
            if self.kept is not None:
                self._reopen(self.kept)
                return
            session = open_session(self.model, self.settings, self.sampler, self.seed)
            config = session.model.config
            if session.model.tokenizer is None and self.prompt is None and self.ids is None:
                self.ids = [i % config.vocab for i in range(min(6, config.context))]
            if self.ids is None and self.prompt is None:
                self.prompt = DEFAULT_PROMPT
            driver = Driver(session, self._keep())
            driver.start()
            if self.ids is not None:
                driver.send("prompt", ids=list(self.ids))
            else:
                driver.send("prompt", text=self.prompt)
            if self.kind != "plain":
                driver.send("pass", kind=self.kind)
            if FIRST_VIEW in session.model.program:
                driver.send("run_until", address=FIRST_VIEW)
            self.driver = driver
        except BaseException as error:
            self.error = error

    def _show_recording(self) -> None:
        from engine.trace_driver import TraceDriver
        from engine.trace_file import open_trace

        self.driver = TraceDriver(open_trace(self.model))

    def _reopen(self, kept: SavedSession) -> None:
        """Go on with a saved session."""
        from engine.driver import Driver
        from engine.model import open_model
        from engine.session_file import restore

        session = restore(kept, open_model(kept.model), self.anyway)
        if session.model.tokenizer is None:
            self.ids = kept.tokens[: kept.given]
        driver = Driver(session, self._keep())
        driver.start()
        if session.stepper is not None and FIRST_VIEW in session.stepper.run.program:
            driver.send("run_until", address=FIRST_VIEW)
        self.driver = driver

    def _keep(self) -> Callable[[Session], None] | None:
        from app.screens.autosave import Autosave

        return Autosave(self.kept) if self.is_kept_safe else None
