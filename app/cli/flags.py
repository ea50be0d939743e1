"""Flags that several commands share, and what becomes of them. Nothing heavy is imported until values are made.

The settings' flags come from the engine's own table, so a new setting appears in every command.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from engine.errors import InputError
from engine.settings import TABLE, Setting, Settings
from engine.text import visible

if TYPE_CHECKING:
    from engine.sampling import Sampler

LONGEST_NUMBER = 12  # digits; no count or id is longer
LARGEST_INT = 2**31 - 1  # the libraries take a C int, and limit it themselves to what they have
MODEL_HELP = "a model directory, a .safetensors file, the name of a shipped model, or random:PRESET[:SEED]"


class Parser(argparse.ArgumentParser):
    """argparse, with its errors in our family: one line, what was expected, and where help is."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see '{self.prog} --help'")


def add_model(parser: argparse.ArgumentParser) -> None:
    """The model, as every command takes it."""
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)


def add_settings_flags(parser: argparse.ArgumentParser, names: Collection[str] | None = None) -> None:
    """One flag for each row of the settings' table, or for those of `names`. A flag that is not given stays None."""
    group = parser.add_argument_group("settings", "how the model is run")
    for row in TABLE if names is None else (row for row in TABLE if row.name in names):
        why = row.why.replace("%", "%%")
        if row.is_switch:
            group.add_argument(row.flag, dest=row.name, action=argparse.BooleanOptionalAction, help=why)
        elif row.is_word:
            group.add_argument(row.flag, dest=row.name, type=_word_of(row), metavar="|".join(row.choices), help=why)
        else:
            group.add_argument(row.flag, dest=row.name, type=_value_of(row), metavar="N", help=why)


def settings_from(args: argparse.Namespace) -> Settings:
    """The settings that were given; the others have their defaults."""
    given = {row.name: getattr(args, row.name, None) for row in TABLE}
    return Settings(**{name: value for name, value in given.items() if value is not None})


def default_to(args: argparse.Namespace, settings: Settings) -> None:
    """What was not asked for is as a model was saved."""
    for row in TABLE:
        value = getattr(settings, row.name)
        if getattr(args, row.name, 0) is None and value != getattr(Settings(), row.name):
            setattr(args, row.name, value)


def are_settings_given(args: argparse.Namespace) -> bool:
    """Whether any flag that changes the program was given (the number of threads does not)."""
    return any(getattr(args, row.name, None) is not None for row in TABLE if row.name != "threads")


def add_sampling_flags(parser: argparse.ArgumentParser) -> None:
    """How tokens are drawn."""
    group = parser.add_argument_group("sampling", "how tokens are drawn")
    group.add_argument("--temperature", type=number, default=1.0, metavar="X",
                       help="0 takes the likeliest token; below 1 sharper, above 1 flatter (1)")  # fmt: skip
    group.add_argument("--top-k", type=count, default=0, metavar="K", help="keep the K likeliest tokens; 0: all (0)")
    group.add_argument("--top-p", type=number, default=1.0, metavar="P",
                       help="keep the fewest tokens whose probabilities reach P; 1: all (1)")  # fmt: skip
    group.add_argument("--repetition-penalty", type=number, default=1.0, metavar="X",
                       help="makes tokens that are in the text less likely; 1 does nothing (1)")  # fmt: skip
    group.add_argument("--seed", type=count, default=0, metavar="N", help="the same seed draws the same text (0)")


def sampler_from(args: argparse.Namespace) -> Sampler:
    """The sampler that was asked for. Raises InputError for a value that makes no sense."""
    from engine.sampling import Sampler

    return Sampler(args.temperature, args.top_k, args.top_p, args.repetition_penalty)


def add_prompt_flags(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """The text to run, as text or as ids; `args.prompt` or `args.ids`."""
    group = parser.add_mutually_exclusive_group(required=required)
    group.add_argument("-p", "--prompt", metavar="TEXT", help="the text to run (write --prompt=-x if it begins with -)")
    group.add_argument("--ids", type=ids_of, metavar="1,2,3", help="the token ids to run, as they are")


def add_edit_flag(parser: argparse.ArgumentParser) -> None:
    """Values changed by hand, each as `engine.edit_text` reads it; `args.edit` is a list of texts."""
    parser.add_argument("--edit", action="append", default=[], metavar="EDIT",
                        help="change a value, as blocks.0.attn.pattern:ablate_head:3 or blocks.1.mlp.out:scale:*,4=0.5 "
                             "(token 4); may be given again")  # fmt: skip


@contextmanager
def threads(args: argparse.Namespace) -> Iterator[None]:
    """Limit the threads of the matrix products inside the block, if `--threads` was given."""
    limit = getattr(args, "threads", None)
    if limit is None:
        yield
        return
    import numpy  # noqa: F401  (its library must be loaded to be limited)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(min(limit, LARGEST_INT)):
        yield


def ids_of(text: str) -> list[int]:
    """The ids of "1,2,3"."""
    words = [word.strip() for word in text.split(",")]
    wrong = next((word for word in words if not _is_whole(word)), None)
    if wrong is not None:
        raise argparse.ArgumentTypeError(f"expected token ids as 1,2,3, got {_quoted(wrong)}")
    return [int(word) for word in words]


def count(text: str) -> int:
    """A whole number from 0 up."""
    if not _is_whole(text):
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 up, got {_quoted(text)}")
    return int(text)


def positive(text: str) -> int:
    """A whole number from 1 up."""
    if not _is_whole(text) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 up, got {_quoted(text)}")
    return int(text)


def number(text: str) -> float:
    """A number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {_quoted(text)}") from None


def _value_of(row: Setting) -> Callable[[str], int]:
    """The reader of one setting's value: a whole number that the table allows."""

    def value_of(text: str) -> int:
        if not _is_whole(text) or not row.is_valid(int(text)):
            raise argparse.ArgumentTypeError(f"expected {row.expected}, got {_quoted(text)}")
        return int(text)

    return value_of


def _word_of(row: Setting) -> Callable[[str], str]:
    """The reader of one setting's value: a word that the table allows."""

    def word_of(text: str) -> str:
        if not row.is_valid(text):
            raise argparse.ArgumentTypeError(f"expected {row.expected}, got {_quoted(text)}")
        return text

    return word_of


def _is_whole(word: str) -> bool:
    return re.fullmatch(rf"[0-9]{{1,{LONGEST_NUMBER}}}", word) is not None


def _quoted(word: str) -> str:
    return f"'{visible(word[:40])}'{'...' if len(word) > 40 else ''}"
