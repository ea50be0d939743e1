"""One table of everything that can leave as a file: pictures, pages and data, each made from a `Trace`.

`minigpt export`, the export dialog of the terminal app and the window's menu are all made from it. A row's maker is
named by module and function and is imported when it is first used, so that reading the table costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from engine.errors import Cancelled, InputError, SurroundingsError
from engine.files import atomic_file, shortened
from engine.recording import never
from engine.trace import Trace

PICTURES = ("png", "svg")
DATA = ("csv", "npz")
FORMATS = (*PICTURES, "html", *DATA)


@dataclass(frozen=True)
class Options:
    """How exports look.

    dark    light letters on a dark ground       size       inches, wide and high; None: what suits the picture
    dpi     dots per inch of PNG files           exact      pages hold attention as float32, whatever their size
    layer   the one that single-layer pictures show; head likewise, of single-head ones
    """

    dark: bool = False
    dpi: int = 150
    size: tuple[float, float] | None = None
    exact: bool = False
    layer: int = 0
    head: int = 0


@dataclass(frozen=True)
class Export:
    """One row.

    name     what `--only` and the dialog call it       stem   its file's name, without an ending
    formats  the endings it can be made as              title  one line of what it shows
    maker    "module:function" from (trace, options, format) to the bytes of the file; data is made from (trace) alone
    needs    what a trace must hold for it: "patterns", "lines", "candidates", or "generated" (patterns of generated
             tokens); "" for nothing
    """

    name: str
    stem: str
    formats: tuple[str, ...]
    title: str
    maker: str
    needs: str = ""

    def make(self, trace: Trace, options: Options, format: str) -> bytes:
        """The bytes of the file."""
        module, function = self.maker.split(":")
        maker = getattr(import_module(module), function)
        return maker(trace) if format in DATA else maker(trace, options, format)

    def lacks(self, trace: Trace) -> str | None:
        """Why it cannot be made from this trace, or None."""
        if self.needs == "generated" and trace.about.prompt_length >= len(trace.tokens):
            return "no token of this text was generated"
        if self.needs in ("patterns", "generated"):
            missing = [i for i in range(trace.about.layers) if f"blocks.{i}.attn.pattern" not in trace]
            return f"the attention of layer {missing[0]} is not in the trace" if missing else None
        if self.needs == "lines" and not trace.rows:
            return "the trace does not say which lines were run"
        if self.needs == "candidates" and not trace.candidate_ids.size:
            return "the trace holds no logits"
        return None


EXPORTS: tuple[Export, ...] = (
    Export("tokens", "tokens", ("csv",), "every token: log-probability, rank, entropy after it",
           "engine.analysis.tables:tokens_csv"),
    Export("candidates", "candidates", ("csv",), "the likeliest next tokens after each token",
           "engine.analysis.tables:candidates_csv", "candidates"),
    Export("heads", "heads", ("csv",), "every head at every token: attention entropy, contribution",
           "engine.analysis.tables:heads_csv"),
    Export("lines", "lines", ("csv",), "every operation: shape, FLOPs, bytes, milliseconds",
           "engine.analysis.tables:lines_csv", "lines"),
    Export("memory-table", "memory", ("csv",), "bytes of weights and activations, by block",
           "engine.analysis.tables:memory_csv", "lines"),
    Export("metrics", "metrics", ("npz",), "tokens, candidates, entropies and contributions as arrays",
           "engine.analysis.tables:metrics_npz"),
    Export("values", "values", ("npz",), "every recorded value, by address", "engine.analysis.tables:values_npz"),
    Export("page", "attn_interactive", ("html",), "attention, candidates, entropy and memory, to explore in a browser",
           "viewers.html.attention_page:exported", "patterns"),
    Export("pass", "pass", ("html",), "every operation: equation, shape, cost, values; a page to hand out",
           "viewers.html.pass_page:exported", "lines"),
    Export("attention", "attn_prefill", PICTURES, "attention of every layer and head",
           "viewers.figures.wall:attention_wall", "patterns"),
    Export("layer", "attn_layer", PICTURES, "attention of all heads of a layer",
           "viewers.figures.wall:attention_layer", "patterns"),
    Export("head", "attn_head", PICTURES, "attention of one head",
           "viewers.figures.attention:attention_head", "patterns"),
    Export("generated", "attn_generated", PICTURES, "where the generated tokens look, one head",
           "viewers.figures.attention:attention_generated", "generated"),
    Export("entropy", "entropy_heatmap", PICTURES, "entropy of attention, by head and along the text",
           "viewers.figures.heads:entropy_heatmap", "patterns"),
    Export("entropy-lines", "entropy_lines", PICTURES, "entropy of attention over layers and tokens",
           "viewers.figures.entropy_lines:entropy_lines", "patterns"),
    Export("similarity", "head_similarity", PICTURES, "which heads look alike",
           "viewers.figures.similarity:similarity", "patterns"),
    Export("contribution", "head_contribution", PICTURES, "what each head adds to the residual stream",
           "viewers.figures.heads:head_contribution"),
    Export("habits", "head_habits", PICTURES, "heads of the token before, the first, the same, and of induction",
           "viewers.figures.habits:head_habits", "patterns"),
    Export("logprobs", "logprobs", PICTURES, "how surprising each token was, and the entropy before it",
           "viewers.figures.logprobs:logprobs", "candidates"),
    Export("memory", "memory_log", PICTURES, "bytes per operation, and per layer",
           "viewers.figures.memory:memory_log", "lines"),
    Export("timeline", "inference_timeline", PICTURES, "time per operation, bound by compute or memory",
           "viewers.figures.timeline:inference_timeline", "lines"),
)  # fmt: skip


@dataclass(frozen=True)
class Exported:
    """What became of one file: its path, or why it was left out."""

    path: Path
    left_out: str | None


def chosen(names: Sequence[str] = (), formats: Sequence[str] = FORMATS) -> list[tuple[Export, str]]:
    """The rows of these names (all, if none are given) in these formats. Raises InputError for an unknown one."""
    known = {row.name for row in EXPORTS}
    for name in names:
        if name not in known:
            raise InputError(f"{shortened(name)}: no such export; there are {', '.join(sorted(known))}")
    rows = [(row, format) for row in EXPORTS if not names or row.name in names for format in row.formats]
    return [(row, format) for row, format in rows if format in formats]


def export(
    trace: Trace,
    directory: str | Path,
    rows: Sequence[tuple[Export, str]],
    options: Options | None = None,
    stop: Callable[[], bool] = never,
) -> Iterator[Exported]:
    """Write files into a directory, one after the other, each whole or not at all; yields after each."""
    target = Path(directory)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SurroundingsError(f"{shortened(target)}: cannot be made: {error.strerror}") from error
    for row, format in rows:
        if stop():
            raise Cancelled("stopped; the files that were finished are whole")
        path = target / f"{row.stem}.{format}"
        left_out = row.lacks(trace)
        if left_out is None:
            write_checked(path, row.make(trace, options or Options(), format))
        yield Exported(path, left_out)


def write_checked(path: Path, data: bytes) -> None:
    """Write a file atomically; it counts as written when it was read back."""
    with atomic_file(path) as file:
        file.write(data)
        file.flush()
        file.seek(0)
        if file.read() != data:
            raise SurroundingsError(f"{shortened(path.name)}: what was written reads back differently; it was not kept")
