"""Commands that make the same files again: what "copy as command" copies, and what an export says at its end."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from engine.settings import Settings
from viewers.exports import FORMATS, Options


def text_words(ids: Sequence[int], given: int, settings: Settings, seed: int | None = None) -> list[str]:
    """A text and how it is run, as words of a command line; generated tokens stand as ids, so nothing is drawn anew."""
    words = ["--ids", ",".join(map(str, ids)), *settings.flags()]
    if given < len(ids):
        words += ["--given", str(given), *(["--seed", str(seed)] if seed else [])]
    return words


def export_command(
    source: str,
    text: Sequence[str],
    directory: str,
    names: Sequence[str] = (),
    formats: Sequence[str] = FORMATS,
    options: Options | None = None,
) -> str:
    """`minigpt export ...` as a shell takes it; defaults are left out."""
    words = ["minigpt", "export", source, *text, "-o", directory]
    if set(formats) != set(FORMATS):
        words += [f"--{format}" for format in FORMATS if format in formats]
    if names:
        words += ["--only", ",".join(names)]
    return shlex.join([*words, *_options_words(options or Options())])


def trace_command(source: str, text: Sequence[str], path: str) -> str:
    """`minigpt trace ...` as a shell takes it."""
    return shlex.join(["minigpt", "trace", source, *text, "-o", path])


def _options_words(options: Options) -> list[str]:
    default = Options()
    words = [flag for flag, is_on in (("--dark", options.dark), ("--exact", options.exact)) if is_on]
    for flag, name in (("--dpi", "dpi"), ("--layer", "layer"), ("--head", "head")):
        if getattr(options, name) != getattr(default, name):
            words += [flag, str(getattr(options, name))]
    if options.size is not None:
        words += ["--size", "x".join(f"{side:g}" for side in options.size)]
    return words
