"""Opening a model in a thread, so that the screen is there at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.sampling import Sampler
from engine.settings import Settings

if TYPE_CHECKING:
    from engine.driver import Driver

DEFAULT_PROMPT = "Once upon a time"
FIRST_VIEW = "blocks.0.attn.pattern"


class Opening:
    """A model on its way in. `driver` is there when it is open, `error` if it could not be."""

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
    ) -> None:
        self.model, self.prompt, self.ids, self.kind = model, prompt, ids, kind
        self.settings, self.sampler, self.seed = settings or Settings(), sampler or Sampler(), seed
        self.driver: Driver | None = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._open, name="opening", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        if self.driver is not None:
            self.driver.close()

    def _open(self) -> None:
        try:
            from app.cli.opening import require_memory
            from engine.driver import Driver
            from engine.session import open_session

            require_memory(self.model)
            session = open_session(self.model, self.settings, self.sampler, self.seed)
            config = session.model.config
            if session.model.tokenizer is None and self.prompt is None and self.ids is None:
                self.ids = [i % config.vocab for i in range(min(6, config.context))]
            if self.ids is None and self.prompt is None:
                self.prompt = DEFAULT_PROMPT
            driver = Driver(session)
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
