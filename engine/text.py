"""`visible`: text from outside, made harmless for a screen or a report.

Tokens, prompts, paths and messages may hold escape codes, bidirectional marks or lone surrogates. Every such string
passes through here once before a person sees it, so a terminal or a browser shows it and obeys none of it.
"""

from __future__ import annotations

import unicodedata

SPACE, NEWLINE, TAB = "·", "↵", "→"  # · ↵ →
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, format, surrogate, private, unassigned, line separators


def visible(text: str, spaces: bool = False) -> str:
    """`text` with every character that a screen might obey replaced by a printable one.

    With `spaces`, a space is shown as `·`, as token views want it. Newline and tab become `↵` and `→`; other
    control, format, private and surrogate characters become `\\u{XXXX}`.
    """
    if text.isascii() and text.isprintable():  # most text, and most often asked
        return text.replace(" ", SPACE) if spaces else text
    return "".join(_shown(c, spaces) for c in text)


def counted(count: int, thing: str) -> str:
    """`1 layer`, `1,024 tokens`: a number of things, in words that end in s where there are more than one."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _shown(c: str, spaces: bool) -> str:
    if c == " ":
        return SPACE if spaces else c
    if c == "\n":
        return NEWLINE
    if c == "\t":
        return TAB
    if c.isascii() and c.isprintable():
        return c
    return f"\\u{{{ord(c):04X}}}" if unicodedata.category(c) in HIDDEN else c
