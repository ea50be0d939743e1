"""Text from outside shows itself and is obeyed by nobody."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text import counted, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, 3 < 4 & [bold]", "plain text, 3 < 4 & [bold]"),
        ("a\nb\tc", "a↵b→c"),
        ("\x1b[31mred", "\\u{001B}[31mred"),
        ("\0", "\\u{0000}"),
        ("a\u202eb", "a\\u{202E}b"),
        ("\u200b\ufeff", "\\u{200B}\\u{FEFF}"),
        ("\ud800", "\\u{D800}"),
        ("\ue000", "\\u{E000}"),
        ("\u2028", "\\u{2028}"),
        ("\x85\x7f", "\\u{0085}\\u{007F}"),
        ("日本 é ß 👍", "日本 é ß 👍"),
        ("\r", "\\u{000D}"),
        ("", ""),
    ],
)
def test_what_is_shown(text, shown):
    assert visible(text) == shown


def test_spaces_show_where_tokens_are_looked_at():
    assert visible(" a b ", spaces=True) == "·a·b·" and visible(" a ") == " a "


@given(st.text(st.characters(exclude_categories=())))
def test_no_character_that_a_screen_obeys_is_left(text):
    shown = visible(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    shown.encode()
    assert visible(shown) == shown


def test_every_character_there_is():
    assert all(unicodedata.category(c)[0] != "C" for c in visible("".join(map(chr, range(0, sys.maxunicode + 1, 7)))))


def test_one_thing_is_no_more_than_one():
    said = [counted(n, "token") for n in (0, 1, 2, 1024)]
    assert said == ["0 tokens", "1 token", "2 tokens", "1,024 tokens"]
