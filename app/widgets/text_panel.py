"""The text, token by token, coloured by how well the model foresaw it."""

from __future__ import annotations

from functools import lru_cache

from rich.style import Style
from textual.message import Message
from textual.strip import Strip

from app.widgets.edges import edge_words, within
from app.widgets.ink import cells, clip, ink
from app.widgets.panel import Panel, first_row
from engine.snapshot import Snapshot, TokenView
from engine.text import visible
from viewers.differing import MOST_KL, difference_at, difference_sentence, drift_shade, flipped
from viewers.palette import RGB, blend, hexed, readable_on
from viewers.tokens import surprise, token_parts, why_not_drawn
from viewers.view import DIFFERENCE

SURPRISE: RGB = (238, 134, 32)
STEPS = 8  # shades of surprise: more could not be told apart
NEXT = "▁"
FLIPPED = Style(bold=True, italic=True)  # a sign that needs no colour


class TextPanel(Panel):
    """Tokens in reading order. The cursor stands on one of them, or behind the last, where the next one comes."""

    title = "Text"

    class Moved(Message):
        """The token cursor goes to `place`."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._top = 0
        self._ground: RGB = (0, 0, 0)
        self._lines: list[list[tuple[int, str]]] = []  # what stands where, for the mouse and for up and down

    def note(self) -> list[tuple[str, Style]]:
        """The legend: what plain and full colour mean."""
        dim, ground = self.style_of("dim"), self.background_colors[1].rgb
        if self.view.colouring == "none":
            return [("e", self.style_of("accent")), ("  not coloured", dim)]
        if self.view.colouring == DIFFERENCE:
            low, high = "KL 0", f"≥{MOST_KL:g} √, bold: other first choice"
        else:
            low, high = ("p 1", "≤.0001") if self.view.colouring == "probability" else ("entropy 0", "log V")
        shades = [blend(ground, SURPRISE, step / STEPS) for step in range(STEPS + 1)]
        return [
            ("e", self.style_of("accent")),
            (f"  {low} ", dim),
            *((" ", Style(bgcolor=hexed(shade))) for shade in shades),
            (f" {high} ", dim),
        ]

    def sentence(self, width: int | None = None) -> str:
        snapshot = self.snapshot
        if snapshot is None:
            return ""
        place = self.view.place(snapshot)
        if place >= len(snapshot.tokens):
            return f"next token, {place}: {why_not_drawn(snapshot)}"
        if self.view.colouring == DIFFERENCE:
            return difference_sentence(snapshot, place)
        return token_sentence(snapshot.tokens[place], place, width)

    def body(self, snapshot: Snapshot, width: int, height: int) -> list[Strip]:
        place = self.view.place(snapshot)
        self._ground = self.background_colors[1].rgb
        self._lines = layout(snapshot.tokens, width, snapshot.has_tokenizer)
        if not snapshot.tokens:
            return self.wrapped("No text yet. Press i to write a prompt.", width, height, self.style_of("dim"))
        room = max(1, height - 1)
        line = next((i for i, spans in enumerate(self._lines) if any(t == place for t, _ in spans)), 0)
        self._top = first_row(line, len(self._lines), room, self._top)
        rows = [self._line(snapshot, spans, width) for spans in self._lines[self._top : self._top + room]]
        rows += [self.row(width).strip()] * (room - len(rows))
        hidden = len(self._lines) - room
        more = f"lines {self._top + 1}–{self._top + room} of {len(self._lines)}" if hidden > 0 else ""
        last = self.row(width).add(self.sentence(width), self.style_of("strong"))
        return [*rows, last.add("  ").right(more, self.style_of("dim")).strip()]

    def _line(self, snapshot: Snapshot, spans: list[tuple[int, str]], width: int) -> Strip:
        row = self.row(width)
        for place, text in spans:
            row.extend([ink(text, self._style(snapshot, place))], cells(text))
        return row.strip()

    def _style(self, snapshot: Snapshot, place: int) -> Style:
        base = self.base
        if place >= len(snapshot.tokens):
            style = base + self.style_of("dim")
        else:
            token = snapshot.tokens[place]
            style = base + self._shade(token, snapshot.vocab, place)
            style += FLIPPED if self.view.colouring == DIFFERENCE and flipped(snapshot, place) else Style()
            style += Style(underline=True) if token.siblings else Style()
        return style + self.style_of("cursor") if place == self.view.place(snapshot) else style

    def _shade(self, token: TokenView, vocab: int, place: int) -> Style:
        if self.view.colouring == "none":
            return tint(self._ground, self.styles.color.rgb, 0.10 if place % 2 else 0.0)
        if self.view.colouring == DIFFERENCE:
            amount = drift_shade(difference_at(self.snapshot, place))
        else:
            amount = surprise(token, self.view.colouring, vocab)
        if amount is None:
            return self.style_of("dim")
        return tint(self._ground, SURPRISE, round(amount * STEPS) / STEPS)

    def clicked(self, x: int, y: int) -> None:
        spans = self._lines[self._top + y] if self._top + y < len(self._lines) else []
        for place, text in spans:
            x -= cells(text)
            if x < 0:
                self.post_message(self.Moved(place))
                return

    def move(self, down: int, right: int) -> None:
        if self.snapshot is None:
            return
        place = self.view.place(self.snapshot)
        if down:
            line = next((i for i, spans in enumerate(self._lines) if any(t == place for t, _ in spans)), 0)
            if self._lines and within(line + down, len(self._lines)) == line:
                self.post_message(self.Remark(edge_words("line", line, len(self._lines))))
                return
            there = self._lines[within(line + down, len(self._lines))] if self._lines else []
            index = next((i for i, (t, _) in enumerate(self._lines[line]) if t == place), 0) if self._lines else 0
            place = there[min(index, len(there) - 1)][0] if there else place
        self.post_message(self.Moved(min(max(place + right, 0), len(self.snapshot.tokens))))

    def edge(self, end: bool) -> None:
        if self.snapshot is not None:
            self.post_message(self.Moved(len(self.snapshot.tokens) if end else 0))


def token_sentence(token: TokenView, place: int, width: int | None = None) -> str:
    """`token 7 "·cat" (id 403): p 0.412, choice 1, entropy 1.32, logprob -0.89`; within `width`, as much as fits."""
    head, parts = token_parts(token, place)
    while width is not None and len(parts) > 1 and cells(f"{head}: {', '.join(parts)}") > width:
        parts.pop()
    return f"{head}: {', '.join(parts)}"


@lru_cache(maxsize=256)
def tint(ground: RGB, colour: RGB, amount: float) -> Style:
    """The background between ground and a colour, with text that can be read on it."""
    shade = blend(ground, colour, amount)
    return Style(bgcolor=hexed(shade), color=hexed(readable_on(shade)) if amount > 0.3 else None)


@lru_cache(maxsize=1 << 14)
def piece(text: str, width: int, gap: str) -> tuple[str, int]:
    """A token as it is shown, at most one line of it, and its cells."""
    whole = (visible(text, spaces=True) or "∅") + gap
    shown = clip(whole, min(cells(whole), width))
    return shown, cells(shown)


def layout(tokens: tuple[TokenView, ...], width: int, are_texts: bool = True) -> list[list[tuple[int, str]]]:
    """Tokens over lines: a token that ends with a newline ends its line; one longer than a line is cut."""
    lines: list[list[tuple[int, str]]] = [[]]
    used = 0
    gap = "" if are_texts else " "  # ids run into each other without
    for place, token in enumerate((*tokens, None)):
        text, size = piece(token.text, width, gap) if token else (NEXT, 1)
        if used + size > width:
            lines.append([])
            used = 0
        lines[-1].append((place, text))
        used += size
        if text.endswith("↵") and place < len(tokens):
            lines.append([])
            used = 0
    return lines
