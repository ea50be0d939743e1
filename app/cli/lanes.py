"""What is compared, from the command line: a trace file, or MODEL[:setting,...] over a prompt."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.flags import threads
from app.cli.opening import open_for, prompt_ids
from app.cli.output import Progress, say
from engine.errors import InputError
from engine.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.model import Model
    from engine.trace import Trace

TRACE = ".trace.safetensors"
LANE_HELP = (
    f"a file F{TRACE}, or MODEL[:setting,...], as tales:int8=all,rank=32: the plain program with these settings; "
    "named as their flags are, without the dashes"
)


@dataclass(frozen=True)
class Side:
    """One side as it was written: a trace's path, or a model and its settings."""

    words: str
    trace: Path | None
    model: str
    settings: Settings


def read_side(words: str) -> Side:
    """Understand one side; nothing is opened. Raises InputError for a setting that is none."""
    from engine.lane import PLAIN, with_words

    if words.endswith(TRACE):
        return Side(words, Path(words), "", PLAIN)
    model, settings = split(words)
    return Side(words, None, model, with_words(PLAIN, settings))


def split(words: str) -> tuple[str, str]:
    """MODEL and the settings behind its last colon; paths and `random:PRESET:SEED` have colons of their own."""
    if words.startswith("random:"):
        head, *rest = words.split(":")
        at = 3 if len(rest) > 1 and rest[1].isdecimal() else 2
        return ":".join([head, *rest[: at - 1]]), ":".join(rest[at - 1 :])
    if ":" not in words or _exists(words):
        return words, ""
    model, _, settings = words.rpartition(":")
    return model, settings


def _exists(words: str) -> bool:
    try:
        return Path(words).exists()
    except (OSError, ValueError):
        return False


class Opened:
    """The traces of both sides. A model that stands on both is opened once."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self._models: dict[str, Model] = {}

    def traces(self, a: Side, b: Side) -> tuple[Trace, Trace]:
        """Read the files, run the models. Without a prompt a model reads the text of the other side's trace."""
        self._check(a, b)
        read = {side: read_trace(side.trace) for side in (a, b) if side.trace}
        given = next((trace.tokens for trace in read.values()), ())
        texts = ("prompt", "ids"), ("prompt_b", "ids_b")
        first, second = (
            read.get(side) or self._recorded(side, names, given) for side, names in zip((a, b), texts, strict=True)
        )
        return first, second

    def _check(self, a: Side, b: Side) -> None:
        args, models = self.args, [side for side in (a, b) if side.trace is None]
        if args.prompt is None and args.ids is None and len(models) == 2:
            raise InputError("one of -p/--prompt and --ids is required; see 'minigpt diff --help'")
        if b.trace and (args.prompt_b is not None or args.ids_b is not None):
            raise InputError("--prompt-b and --ids-b are for a model; B is a trace, which has its text")

    def _recorded(self, side: Side, names: tuple[str, str], given: Sequence[int]) -> Trace:
        from engine.lane import Lane

        model = self._model(side.model)
        lane = Lane(model, side.settings, tuple(self._ids(model, names) or given))
        progress = Progress("lines")
        try:
            with threads(argparse.Namespace(threads=side.settings.threads)):
                return lane.record(report=progress.show, budget_bytes=self.args.budget << 20)
        finally:
            progress.clear()

    def _model(self, spec: str) -> Model:
        if spec not in self._models:
            self._models[spec] = open_for(argparse.Namespace(model=spec))
        return self._models[spec]

    def _ids(self, model: Model, names: tuple[str, str]) -> list[int]:
        """The ids of this side's prompt, else of the common one; none if none was given."""
        for prompt, ids in dict.fromkeys((names, ("prompt", "ids"))):
            text = argparse.Namespace(prompt=getattr(self.args, prompt), ids=getattr(self.args, ids))
            if text.prompt is not None or text.ids is not None:
                return prompt_ids(text, model)
        return []


def read_trace(path: Path) -> Trace:
    """A saved trace, with what is missing in it said."""
    from engine.trace_file import open_trace

    trace = open_trace(path)
    if trace.dropped:
        say(f"{path.name}: {len(trace.dropped)} values were not recorded and are not compared")
    return trace
