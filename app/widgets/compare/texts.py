"""Both texts, each token coloured by how far the lanes' predictions of it are apart; changed choices are underlined."""

from __future__ import annotations

import math

from rich.style import Style
from textual.message import Message
from textual.strip import Strip

from app.widgets.compare.panel import ComparePanel
from app.widgets.edges import edge_words, within
from app.widgets.ink import cells, ink
from app.widgets.panel import first_row
from app.widgets.text_panel import layout
from engine.analysis.drift import Drift
from engine.lane import Compared
from engine.snapshot import TokenView
from engine.text import visible
from engine.trace import Trace
from viewers.differences import size_text

Spans = list[tuple[int, str]]


class TextsPanel(ComparePanel):
    """Token i is coloured by KL(A || B) of the prediction that foresaw it: that after token i - 1."""

    title = "Text"

    class Moved(Message):
        """The token cursor goes to `place`."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._lines: list[tuple[str, Spans]] = []  # "A" or "B" and its spans, for the mouse and for up and down
        self._top = 0
        self._tokens: tuple[object, dict[str, tuple[TokenView, ...]]] = (None, {})

    def note(self) -> list[tuple[str, Style]]:
        return [("KL nats ", self.style_of("dim")), *self.legend()]

    def sentence(self) -> str:
        if self.pair is None or self.pair.compared is None:
            return ""
        return token_sentence(self.pair.compared, self.look.token(self.pair.compared.drift))

    def rows(self, compared: Compared, width: int, height: int) -> list[Strip]:
        drift, place = compared.drift, self.look.token(compared.drift)
        self._lines = self._laid_out(compared, width - 2)
        tail = self._tail(compared, width, height)
        room = max(1, height - len(tail))
        line = next((i for i, (_, spans) in enumerate(self._lines) if any(t == place for t, _ in spans)), 0)
        self._top = first_row(line, len(self._lines), room, self._top)
        shown = self._lines[self._top : self._top + room]
        rows = [self._line(drift, side, spans, width, place) for side, spans in shown]
        return [*rows, *[self.row(width).strip()] * (room - len(rows)), *tail]

    def _tail(self, compared: Compared, width: int, height: int) -> list[Strip]:
        """What is said of the whole text and of the token under the cursor, if there is room for it."""
        if height <= 3:
            return []
        most = 2 if len(self._lines) + 4 <= height else 1
        words = summary(compared) + (" (underlined)" if changed_choices(compared.drift) else "")
        whole = self.wrapped(words, width, most, self.style_of("dim"))
        return [*whole, *self.wrapped(self.sentence(), width, most, self.style_of("strong"))]

    def _laid_out(self, compared: Compared, width: int) -> list[tuple[str, Spans]]:
        """One text where both read the same; else A's lines, then B's."""
        if self._tokens[0] is not compared:
            self._tokens = compared, {"A": views(compared.a), "B": views(compared.b)}
        same = compared.a.tokens == compared.b.tokens
        return [
            ("=" if same else side, spans)
            for side in ("A" if same else "AB")
            for spans in layout(self._tokens[1][side], max(2, width), compared.a.about.has_tokenizer)
        ]

    def _line(self, drift: Drift, side: str, spans: Spans, width: int, place: int) -> Strip:
        row = self.row(width).add(f"{side} ", self.style_of("dim"))
        for token, text in spans:
            row.extend([ink(text, self._style(drift, token, side, place))], cells(text))
        return row.strip()

    def _style(self, drift: Drift, token: int, side: str, place: int) -> Style:
        if token == place:
            return self.base + self.style_of("cursor")
        style = self.base
        if drift.tokens is not None and 1 <= token <= drift.positions:
            style += self.shade(float(drift.tokens.kl[token - 1]))
            style += Style(underline=bool(drift.tokens.flips[token - 1]))
        else:
            style += self.style_of("dim")
        return style + Style(reverse=True) if token in drift.unequal else style

    def move(self, down: int, right: int) -> None:
        drift = self.pair.drift if self.pair else None
        if drift is None:
            return
        place = self.look.token(drift)
        if down and self._lines:
            line = next((i for i, (_, spans) in enumerate(self._lines) if any(t == place for t, _ in spans)), 0)
            if within(line + down, len(self._lines)) == line:
                self.post_message(self.Remark(edge_words("line", line, len(self._lines))))
                return
            there = self._lines[within(line + down, len(self._lines))][1]
            index = next((i for i, (t, _) in enumerate(self._lines[line][1]) if t == place), 0)
            place = there[min(index, len(there) - 1)][0] if there else place
        self.post_message(self.Moved(min(max(place + right, 0), drift.positions)))

    def edge(self, end: bool) -> None:
        if self.pair is not None and self.pair.drift is not None:
            self.post_message(self.Moved(self.pair.drift.positions if end else 0))

    def clicked(self, x: int, y: int) -> None:
        spans = self._lines[self._top + y][1] if self._top + y < len(self._lines) else []
        x -= 2
        for token, text in spans:
            x -= cells(text)
            if x < 0:
                self.post_message(self.Moved(token))
                return


class TokensPanel(ComparePanel):
    """A table of the same: what each lane expects at every place, with its probability."""

    title = "Tokens"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._top = 0

    def note(self) -> str:
        return "d, D: next, last other choice"

    def sentence(self) -> str:
        if self.pair is None or self.pair.compared is None:
            return ""
        return token_sentence(self.pair.compared, self.look.token(self.pair.compared.drift))

    def rows(self, compared: Compared, width: int, height: int) -> list[Strip]:
        drift, place = compared.drift, self.look.token(compared.drift)
        if drift.tokens is None:
            words = "Predictions are not compared: the two vocabularies differ, or the logits were not recorded."
            return self.wrapped(words, width, height, self.style_of("dim"))
        number, each = 9, max(8, (width - 6 - 9 - 4) // 3)
        row = self.row(width)
        row.base += self.style_of("dim")
        row.column("", 6).column("token", each).column("KL nats", number, align="right").add("    ")
        head = row.column("A expects", each).column("B expects", each).strip()
        room = max(1, height - 1)
        self._top = first_row(place, drift.positions + 1, room, self._top, ahead=2)
        shown = range(self._top, min(self._top + room, drift.positions + 1))
        return [head, *(self._token(compared, i, i == place, width, each) for i in shown)]

    def _token(self, compared: Compared, i: int, is_cursor: bool, width: int, each: int) -> Strip:
        row, found = self.row(width), compared.drift.tokens
        assert found is not None
        if is_cursor:
            row.base += self.style_of("cursor" if self.has_focus else "mark")
        row.add("▶" if is_cursor else " ").column(str(i), 5)
        row.column(text_at(compared.a, i), each)
        if i == 0:
            return row.add("  the first, so nothing foresaw it", self.style_of("dim")).strip()
        kl, flips = float(found.kl[i - 1]), bool(found.flips[i - 1])
        row.column(size_text(kl), 9, None if is_cursor else self.shade(kl), "right")
        row.add("  ≠ " if flips else "    ", self.style_of("warn"))
        row.column(expected(compared.a, i - 1), each, self.style_of("strong") if flips else None)
        return row.column(expected(compared.b, i - 1), each, self.style_of("strong") if flips else None).strip()

    def move(self, down: int, right: int) -> None:
        drift = self.pair.drift if self.pair else None
        if drift is not None:
            place = self.look.token(drift) + down + right
            self.post_message(TextsPanel.Moved(min(max(place, 0), drift.positions)))

    def edge(self, end: bool) -> None:
        if self.pair is not None and self.pair.drift is not None:
            self.post_message(TextsPanel.Moved(self.pair.drift.positions if end else 0))

    def clicked(self, x: int, y: int) -> None:
        drift = self.pair.drift if self.pair else None
        if drift is not None and y and self._top + y - 1 <= drift.positions:
            self.post_message(TextsPanel.Moved(self._top + y - 1))


def views(trace: Trace) -> tuple[TokenView, ...]:
    """The tokens of a trace, as a text is laid out from them."""
    return tuple(
        TokenView(id, text, None, None, None, False) for id, text in zip(trace.tokens, trace.about.texts, strict=True)
    )


def text_at(trace: Trace, i: int) -> str:
    """The token at a place, with its spaces visible."""
    return visible(trace.about.texts[i], spaces=True) if i < len(trace.about.texts) else "next"


def expected(trace: Trace, row: int) -> str:
    """The first choice after token `row`, with its probability: `·cat 41.2%`."""
    if row >= len(trace.candidate_ids) or not trace.candidate_ids.shape[1]:
        return "—"
    id, logprob = int(trace.candidate_ids[row, 0]), float(trace.candidate_logprobs[row, 0])
    return f"{visible(trace.candidate_texts.get(id, str(id)), spaces=True)} {100 * math.exp(logprob):.1f}%"


def summary(compared: Compared) -> str:
    """Mean KL and changed first choices, in one line."""
    drift = compared.drift
    if drift.tokens is None:
        return "predictions are not compared"
    mean = size_text(drift.tokens.mean_kl)
    return f"mean KL(A||B) {mean} nats · {changed_choices(drift)} of {drift.positions} choices changed"


def changed_choices(drift: Drift) -> int:
    """At how many tokens B's first choice is not A's."""
    return int(drift.tokens.flips.sum()) if drift.tokens is not None else 0


def token_sentence(compared: Compared, place: int) -> str:
    """`token 7 "·cat": KL 0.012 nats; A expects "·cat" 41.2%, B "·dog" 39.0%`."""
    head = f'token {place} "{text_at(compared.a, place)}"' if place < len(compared.a.tokens) else f"next token, {place}"
    found = compared.drift.tokens
    if place == 0 or found is None:
        return f"{head}: the first, so nothing foresaw it" if place == 0 else head
    choices = f"A expects {expected(compared.a, place - 1)}, B {expected(compared.b, place - 1)}"
    return f"{head}: KL {size_text(float(found.kl[place - 1]))} nats; {choices}"
