"""The sheet every figure is drawn on: size, title, footer; and how a sheet becomes a file that is always the same.

A figure is a function `(trace, look, pick) -> Figure`; `written` makes its bytes. What a figure shows can so be looked
at before it is a file.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.errors import InputError
from engine.text import visible
from viewers.figures.style import LABEL, SMALL, TITLE, Theme, settings_of, theme_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from engine.trace import Trace
    from viewers.exports import Options

FORMATS = ("png", "svg")
SMALLEST, LARGEST = 2.5, 60.0  # inches
FEWEST_DPI, MOST_DPI = 30, 1200
MOST_PIXELS = 100_000_000
MARGIN = 0.12  # inches around everything
TITLE_INCHES = 1.0  # about what title and footer take
LEADING = 1.35  # line height over font size
HASH_LETTERS = 12


@dataclass(frozen=True)
class Look:
    """How a figure is written. `size` (width, height) in inches; None leaves it to the figure."""

    format: str = "png"
    dark: bool = False
    size: tuple[float, float] | None = None
    dpi: int = 150

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise InputError(f"format: expected {' or '.join(FORMATS)}, got {visible(repr(self.format))}")
        if not (isinstance(self.dpi, int) and FEWEST_DPI <= self.dpi <= MOST_DPI):
            raise InputError(f"dpi: expected a whole number from {FEWEST_DPI} to {MOST_DPI}, got {self.dpi!r}")
        if self.size is None:
            return
        if not all(math.isfinite(inches) and SMALLEST <= inches <= LARGEST for inches in self.size):
            raise InputError(f"size: expected inches from {SMALLEST} to {LARGEST}, got {self.size[0]} x {self.size[1]}")
        if self.size[0] * self.size[1] * self.dpi**2 > MOST_PIXELS:
            raise InputError(f"size: {self.size[0]} x {self.size[1]} inches at {self.dpi} dpi are more than "
                             f"{MOST_PIXELS:,} pixels; choose fewer dpi or inches")  # fmt: skip

    @property
    def theme(self) -> Theme:
        return theme_of(self.dark)

    def style(self) -> AbstractContextManager[None]:
        """Within it, figures are made and written as they should look."""
        from matplotlib import rc_context

        settings: Any = settings_of(self.theme)
        return rc_context(settings)


class Pick(NamedTuple):
    """Which layer and head a figure is of, where it is of one."""

    layer: int = 0
    head: int = 0


FIRST = Pick()


class Drawing:
    """A picture of a trace, made of a function `(trace, look, pick) -> Figure`.

    Called with a trace, options and a format, it gives the bytes of a file; `figure` gives what would be written.
    """

    def __init__(self, draw: Callable[[Trace, Look, Pick], Figure]) -> None:
        self.draw = draw
        functools.update_wrapper(self, draw)

    def __call__(self, trace: Trace, options: Options, format: str) -> bytes:
        look = Look(format, options.dark, options.size, options.dpi)
        return written(self.figure(trace, look, Pick(options.layer, options.head)), look)

    def figure(self, trace: Trace, look: Look, pick: Pick = FIRST) -> Figure:
        return drawn(look, lambda: self.draw(trace, look, pick))


def drawn(look: Look, draw: Callable[[], Figure]) -> Figure:
    """What `draw` draws under the settings of a look, laid out once and for good."""
    from viewers.figures.ticks import settle

    with look.style(), quiet_glyphs():
        figure = draw()
        settle(figure)
    return figure


@contextmanager
def quiet_glyphs() -> Iterator[None]:
    """A letter that no font has is drawn as a box, without a word; in an SVG the reader's fonts may have it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def sheet(look: Look, title: str, said: str, footer: str, size: tuple[float, float]) -> Figure:
    """An empty figure with a title, a line below it that says what is seen, and a footer that says where it is from.

    size      inches for what is drawn between title and footer; the size of a look is that of the whole sheet
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    wide, high = look.size or (size[0], size[1] + TITLE_INCHES)
    figure = Figure(figsize=(wide, high), dpi=look.dpi, layout="constrained")
    FigureCanvasAgg(figure)
    texts = [(line, TITLE, look.theme.ink, "bold") for line in _wrapped(figure, visible(title), TITLE, "bold")]
    below = _wrapped(figure, visible(said), LABEL, "normal") if said else []
    texts += [(line, LABEL, look.theme.muted, "normal") for line in below]
    notes = _wrapped(figure, footer, SMALL, "normal")
    top = MARGIN + sum(points for _, points, *_ in texts) * LEADING / 72 + 0.03
    bottom = MARGIN / 2 + len(notes) * SMALL * LEADING / 72 + 0.06
    if look.size is None:
        high = size[1] + top + bottom
        figure.set_figheight(high)
    _write(figure, texts, high - MARGIN)
    _write(figure, [(line, SMALL, look.theme.muted, "normal") for line in notes], bottom - 0.06)
    room = max(high - top - bottom, high * 0.2) / high
    layout: Any = figure.get_layout_engine()
    layout.set(rect=(0, bottom / high, 1, room), w_pad=MARGIN, h_pad=0.04, wspace=0.02, hspace=0.02)
    figure.set_label(visible(title))
    return figure


def written(figure: Figure, look: Look) -> bytes:
    """The file: the same bytes for the same figure, without a date or the name of a program."""
    title = figure.get_label() or None
    metadata = {"Software": None} if look.format == "png" else {
        "Title": title, "Date": None, "Creator": None, "Format": None, "Type": None,
    }  # fmt: skip
    file = BytesIO()
    with look.style(), quiet_glyphs():
        figure.savefig(file, format=look.format, dpi=look.dpi, metadata=metadata)
    return file.getvalue()


def footer_of(trace: Trace, *more: str) -> str:
    """Where a picture is from: model, its hash, settings, text, seed, version, and whatever `more` says."""
    about = trace.about
    generated = len(trace.tokens) - about.prompt_length
    parts = [
        visible(about.name),
        visible(about.line),
        f"model {visible(trace.fingerprint[:HASH_LETTERS])}",
        about.dtype,
        f"settings {' '.join(trace.settings.flags()) or 'as they are by default'}",
        f"{len(trace.tokens):,} tokens, {f'{generated:,} of them generated' if generated else 'all of them given'}",
        *([f"seed {about.seed}"] if about.seed is not None else []),
        *([f"{len(trace.edits)} edits by hand"] if trace.edits else []),
        *more,
        f"MiniGPT {about.version}",
    ]
    return " · ".join(parts)


def checked(trace: Trace, pick: Pick) -> Pick:
    """The pick, if the model has it. Raises InputError."""
    for word, value, count in (("layer", pick.layer, trace.about.layers), ("head", pick.head, trace.about.heads)):
        if not 0 <= value < count:
            raise InputError(f"{word} {value}: this model has {word}s 0 to {count - 1}")
    return pick


def _write(figure: Figure, texts: list[tuple[str, float, str, str]], top: float) -> None:
    """Write lines (text, points, colour, weight) below each other, from `top` inches above the lower edge."""
    wide, high = figure.get_figwidth(), figure.get_figheight()
    for text, points, colour, weight in texts:
        at: dict[str, Any] = {"size": points, "color": colour, "weight": weight, "va": "top", "in_layout": False}
        figure.text(MARGIN / wide, top / high, text, **at)
        top -= points * LEADING / 72


def _wrapped(figure: Figure, text: str, points: float, weight: str) -> list[str]:
    """Lines no wider than the figure, broken at spaces; a word that is too long alone is cut."""
    room = (figure.get_figwidth() - 2 * MARGIN) * figure.dpi
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(figure, longer, points, weight) <= room:
            lines[-1] = longer
        else:
            lines.append(_cut(figure, word, points, weight, room))
    return lines


def _cut(figure: Figure, word: str, points: float, weight: str, room: float) -> str:
    if width_of(figure, word, points, weight) <= room:
        return word
    while len(word) > 1 and width_of(figure, word + "…", points, weight) > room:
        word = word[: -max(1, len(word) // 16)]
    return word + "…"


def width_of(figure: Figure, text: str, points: float, weight: str = "normal") -> float:
    """How wide a text will be, in pixels of the figure."""
    from matplotlib.font_manager import FontProperties

    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    wide, _, _ = renderer.get_text_width_height_descent(text, FontProperties(size=points, weight=weight), False)
    return float(wide)
