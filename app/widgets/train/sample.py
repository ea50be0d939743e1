"""What the model wrote at a checkpoint: the pinned prompt, and how it went on."""

from __future__ import annotations

from rich.cells import cell_len
from textual.strip import Strip

from app.widgets.train.panel import TrainPanel, slider
from app.widgets.train.view import TrainView
from engine.text import visible
from engine.tokenizer.characters import UNKNOWN
from engine.training.snapshot import Seen, TrainingSnapshot

UNREADABLE = "No character of the pinned prompt is in this text: prompt=… among the settings (t) pins another."


def is_unreadable(seen: Seen) -> bool:
    """Whether no character of the pinned prompt is in the vocabulary, so that it says nothing to the model."""
    return bool(seen.tokens) and set(seen.tokens) == {UNKNOWN}


class SamplePanel(TrainPanel):
    """Up and down scroll."""

    title = "Sample"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._first = 0
        self._lines: list[list[tuple[str, bool]]] = []
        self._made: tuple[Seen, int] | None = None

    def facts(self, run: TrainingSnapshot, look: TrainView) -> object:
        return run.seen, look.at, run.state

    def note(self) -> str:
        return "drawn at each checkpoint"

    def sentence(self) -> str:
        seen = self.look.seen(self.run) if self.snapshot else None
        return f"{seen.prompt}{seen.continuation}" if seen else ""

    def rows(self, run: TrainingSnapshot, width: int, height: int) -> list[Strip]:
        seen = self.look.seen(run)
        if seen is None:
            words = "At each checkpoint the model goes on with a pinned prompt; what it writes stands here."
            return self.wrapped(words, width, height, self.style_of("dim"))
        if self._made is None or self._made[0] is not seen or self._made[1] != width:
            self._lines, self._made, self._first = broken(seen.prompt, seen.continuation, width), (seen, width), 0
        self._first = max(0, min(self._first, len(self._lines) - height + 1))
        rows = [slider(self, run, self.look, width)]
        if is_unreadable(seen):
            rows += self.wrapped(UNREADABLE, width, 2, self.style_of("warn"))
        for line in self._lines[self._first : self._first + height - len(rows)]:
            row = self.row(width)
            for text, is_prompt in line:
                row.add(text, self.style_of("accent") if is_prompt else None)
            rows.append(row.strip())
        return rows

    def move(self, down: int, right: int) -> None:
        self._first = max(0, self._first + down)
        self.refresh()

    def edge(self, end: bool) -> None:
        self._first = len(self._lines) if end else 0
        self.refresh()


def broken(prompt: str, continuation: str, width: int) -> list[list[tuple[str, bool]]]:
    """Lines of at most `width` cells, each of pieces (text, is prompt); broken at spaces where there are any."""
    lines: list[list[tuple[str, bool]]] = []
    for paragraph in _paragraphs(prompt, continuation):
        line: list[tuple[str, bool]] = []
        used = 0
        for whole, is_prompt in paragraph:
            word, size = whole, cell_len(whole)
            if used and used + size > width:
                lines.append(line)
                line, used = [], 0
                if word == " ":
                    continue
            while size > width:  # a word longer than a line
                cut = next(i for i in range(len(word), 0, -1) if cell_len(word[:i]) <= width or i == 1)
                lines.append([(word[:cut], is_prompt)])
                word, size = word[cut:], cell_len(word[cut:])
            line.append((word, is_prompt))
            used += size
        lines.append(line)
    return lines


def _paragraphs(prompt: str, continuation: str) -> list[list[tuple[str, bool]]]:
    """Words and spaces between line ends, all of them harmless."""
    found: list[list[tuple[str, bool]]] = [[]]
    for text, is_prompt in ((prompt, True), (continuation, False)):
        for i, part in enumerate(text.split("\n")):
            if i:
                found.append([])
            for j, word in enumerate(part.split(" ")):
                found[-1] += [(" ", is_prompt)] * bool(j) + [(visible(word), is_prompt)] * bool(word)
    return found
