"""What is pasted arrives as one text, whatever is in it, and however the terminal hands it over."""

from __future__ import annotations

import pytest
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key, Paste
from tui_factory import HOSTILE, application

from app.screens.pasting import BEGIN, END, PastingDriver, WholePastes


def told(*chunks: str) -> list[str]:
    """The keys and pastes of what a terminal sends."""
    parser, found = WholePastes(), []
    for chunk in chunks:
        found += list(parser.feed(chunk))
    return [event.text if isinstance(event, Paste) else event.key for event in found if isinstance(event, (Key, Paste))]


@pytest.mark.parametrize("text", [*HOSTILE, "plain", "", "two\nlines", "\x1b", "\x1b[A\x1bq"])
def test_an_escape_in_a_paste_is_text_and_no_key(text: str) -> None:
    assert told(f"a{BEGIN}{text}{END}b") == ["a", text, "b"]


def test_a_paste_may_come_in_pieces_and_be_followed_by_another() -> None:
    sent = f"{BEGIN}one \x1b[31m{END}{BEGIN}two{END}q"
    for at in range(len(BEGIN), len(sent)):
        assert told(sent[:at], sent[at:]) == ["one \x1b[31m", "two", "q"]


def test_keys_are_read_as_before() -> None:
    assert told("x\x1b[A", "\x1b[", "B") == ["x", "up", "down"]


def test_the_app_reads_its_terminal_so() -> None:
    assert issubclass(PastingDriver, LinuxDriver) and application().get_driver_class() is PastingDriver
