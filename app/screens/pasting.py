"""A pasted text, whole. Textual reads an escape inside it as keys, which then run ahead of the text around them."""

from __future__ import annotations

from collections.abc import Iterable

from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver
from textual.events import Paste
from textual.message import Message

BEGIN, END = "\x1b[200~", "\x1b[201~"


class WholePastes(XTermParser):
    """Hands on what stands between the marks of a paste as one text, whatever is in it."""

    _pasted: str | None = None  # what has come of a paste that has not ended

    def feed(self, data: str) -> Iterable[Message]:
        """What the terminal sent, as events. No data is its end."""
        if not data:
            yield from super().feed(data)
        while data:
            if self._pasted is None:
                before, begin, data = data.partition(BEGIN)
                if before:
                    yield from super().feed(before)
                if not begin:
                    return
                self._pasted = ""
            text, end, data = (self._pasted + data).partition(END)
            self._pasted = None if end else text
            if end:
                yield Paste(text)


class PastingDriver(linux_driver.LinuxDriver):
    """The driver of the terminal, with that parser."""

    def run_input_thread(self) -> None:
        linux_driver.XTermParser = WholePastes  # type: ignore[misc]  # Textual has no other place to say it
        super().run_input_thread()
