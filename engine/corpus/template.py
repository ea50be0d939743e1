"""Sentences with choices: `[Then|Soon] {A} went home.` draws one of the two and asks who A is.

Brackets nest; an empty choice says nothing, and a choice written twice is twice as likely. `{A.him}` asks for a form.
A compiled template is a tuple of strings, `Slot`s and lists of such tuples.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

Nodes = tuple[Any, ...]
WORDS_OF_A_SLOT = 1.5  # "Mia", "the kite", "in the barn"
_TOKEN = re.compile(r"[\[\]|]|\{[^}]*\}|[^\[\]|{}]+")
_START = re.compile(r'^("?)([a-z])|(?<=[.] )("?)([a-z])|(?<=[.]" )("?)([a-z])|(?<=[!?] )("?)([a-z])')


class Slot(NamedTuple):
    """A place for a role, in one of its forms."""

    role: str
    form: str


def compile_template(text: str) -> Nodes:
    """Read a template. Its brackets must match."""
    tokens = _TOKEN.findall(text)
    nodes, end = _sequence(tokens, 0)
    assert end == len(tokens), text
    return nodes


def draw(nodes: Nodes, random: Callable[[], float], fill: Callable[[str, str], str], out: list[str]) -> None:
    """Append one reading of the template to `out`; `fill(role, form)` gives the words for a slot."""
    for node in nodes:
        if node.__class__ is str:
            out.append(node)
        elif node.__class__ is list:
            draw(node[int(random() * len(node))], random, fill, out)
        else:
            out.append(fill(node.role, node.form))


def expected_words(nodes: Nodes) -> float:
    """How many words a reading of the template has on average."""
    total = 0.0
    for node in nodes:
        if isinstance(node, str):
            total += len(node.split())
        elif isinstance(node, list):
            total += sum(map(expected_words, node)) / len(node)
        else:
            total += WORDS_OF_A_SLOT
    return total


def tidied(text: str) -> str:
    """`text` with single spaces and a capital letter where a sentence begins.

    After `!"` or `?"` the sentence may go on: left alone.
    """
    single = " ".join(text.split()).replace(" ,", ",").replace(" .", ".")
    return _START.sub(lambda found: found.group().upper(), single)


def _sequence(tokens: list[str], at: int) -> tuple[Nodes, int]:
    nodes: list[Any] = []
    while at < len(tokens) and tokens[at] not in "|]":
        if tokens[at] == "[":
            choices, at = _choices(tokens, at + 1)
            nodes.append(choices)
        elif tokens[at][0] == "{":
            role, _, form = tokens[at][1:-1].partition(".")
            nodes.append(Slot(role, form))
            at += 1
        else:
            nodes.append(tokens[at])
            at += 1
    return tuple(nodes), at


def _choices(tokens: list[str], at: int) -> tuple[list[Nodes], int]:
    choices = []
    while True:
        nodes, at = _sequence(tokens, at)
        choices.append(nodes)
        at += 1
        if tokens[at - 1] == "]":
            return choices, at
