"""A plot is a list of beats; a beat is one or two sentences and the events they tell.

The text of a plot has one beat per line: `give A X B: {A} gave {X} to {B.name}.` Events come before `:`, several with
`;`. A line `= put A X P` takes its sentence from the bank of that name. Lines between `either`, `or` and `end` are
alternatives: one is drawn. A line that begins with `?` is left out every other time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.corpus.template import Nodes, compile_template, expected_words
from engine.corpus.world import PARAMETERS

WAYS = 8  # tried through a plot before the shortest of them is taken


@dataclass(frozen=True)
class Beat:
    """Events, each a verb with its roles, and the sentence that tells them."""

    events: tuple[tuple[str, ...], ...]
    text: Nodes
    source: str
    words: float  # expected


@dataclass(frozen=True)
class Plot:
    """`wanted` is the kinds of thing each role needs; `beats` holds Beats and lists of alternative sequences."""

    name: str
    wanted: Mapping[str, str]
    beats: tuple[Any, ...]

    def unfold(self, random: Callable[[], float], longest: float) -> list[Beat]:
        """One way through the plot, of at most `longest` expected words where that is easily found."""
        ways: list[tuple[float, list[Beat]]] = []
        while len(ways) < WAYS and not (ways and ways[-1][0] <= longest):
            told: list[Beat] = []
            _unfold(self.beats, random, told)
            ways.append((sum(beat.words for beat in told), told))
        return min(ways, key=lambda way: way[0])[1]


def _unfold(beats: tuple[Any, ...], random: Callable[[], float], told: list[Beat]) -> None:
    for beat in beats:
        if isinstance(beat, Beat):
            told.append(beat)
        else:
            _unfold(beat[int(random() * len(beat))], random, told)


def read_plots(text: str, banks: Mapping[str, str], macros: Mapping[str, str]) -> list[Plot]:
    """Read plots, each beginning with `plot NAME: X=kinds, Y=kinds`."""
    plots = []
    for block in re.split(r"^plot ", text, flags=re.M)[1:]:
        head, *lines = [line.strip() for line in block.splitlines() if line.strip()]
        name, _, roles = head.partition(":")
        wanted = dict(role.strip().split("=") for role in roles.split(","))
        beats, end = _sequence(lines, 0, banks, macros)
        assert end == len(lines), name
        plots.append(Plot(name, wanted, beats))
    return plots


def _sequence(
    lines: list[str], at: int, banks: Mapping[str, str], macros: Mapping[str, str]
) -> tuple[tuple[Any, ...], int]:
    beats: list[Any] = []
    while at < len(lines) and lines[at] not in ("or", "end"):
        if lines[at] == "either":
            choices = []
            while lines[at] != "end":
                sequence, at = _sequence(lines, at + 1, banks, macros)
                choices.append(sequence)
            beats.append(choices)
            at += 1
        else:
            beat = read_beat(lines[at].removeprefix("? "), banks, macros)
            beats.append([(), (beat,)] if lines[at].startswith("? ") else beat)
            at += 1
    return tuple(beats), at


def read_beat(line: str, banks: Mapping[str, str], macros: Mapping[str, str]) -> Beat:
    """One line of a plot."""
    head, _, text = line.partition(":")
    from_bank = head.startswith("=")
    events = tuple(tuple(event.split()) for event in head.lstrip("= ").split(";") if event.strip())
    if from_bank:
        verb, *roles = events[0]
        text = "[" + re.sub(r"\n *\|", "|", banks[verb]) + "]"
        for number, role in enumerate(roles, start=1):
            text = re.sub(rf"\{{{number}(?=[.}}])", "{" + role, text)
        events = tuple(("own", *roles) for verb, *roles in events) if verb == "bring" else events
        events = events if events[0][0] in PARAMETERS else ()
    assert not re.search(r"\{[1-3]", text), line
    for _ in range(3):
        for name, value in macros.items():
            text = text.replace(f"@{name}", value)
    template = compile_template(" ".join(text.split()))
    return Beat(events, template, line, expected_words(template))
