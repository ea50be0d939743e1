"""Everything that can be seen of one pass, as files: pictures (PNG, SVG), pages (HTML), tables (CSV, NPZ).

Of a model and a text, of a trace, or of a session. Without a format, all of them; --list says what there is. Each file
is written whole or not at all, and its path is printed. The command that makes the same files again is said at the end.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli import flags, recorded
from app.cli.output import Progress, line, say
from engine.errors import InputError

if TYPE_CHECKING:
    from engine.trace import Trace
    from viewers.exports import Options

HELP = "write pictures, pages and tables of one pass"
EXAMPLE = 'minigpt export shakespeare -p "Hark! Who" -o hark --png --html'
FORMATS = ("png", "svg", "html", "csv", "npz")
SIZE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)x([0-9]{1,3}(?:\.[0-9]{1,2})?)")
SMALLEST_SIZE, LARGEST_SIZE, LARGEST_DPI = 1.0, 60.0, 1200


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", nargs="?", metavar="MODEL", help=recorded.SOURCE_HELP)
    parser.add_argument("-o", "--output", metavar="DIR", help="the directory to write into; made if it is not there")
    group = parser.add_argument_group("what to write", "all formats of everything, unless some are named")
    for format in FORMATS:
        group.add_argument(f"--{format}", action="store_true", help=f"the files that end in .{format}")
    group.add_argument("--only", action="append", metavar="NAME", help="only this; may be repeated, or as A,B")
    group.add_argument("--list", action="store_true", help="say what there is, and write nothing")
    look = parser.add_argument_group("how it looks")
    look.add_argument("--dark", action="store_true", help="light on dark")
    look.add_argument("--dpi", type=flags.positive, default=150, metavar="N", help="dots per inch of PNG files (150)")
    look.add_argument("--size", type=size_of, metavar="WxH", help="inches, as 8x5 (what suits each picture)")
    look.add_argument("--layer", type=flags.count, default=0, metavar="N", help="of pictures of one layer (0)")
    look.add_argument("--head", type=flags.count, default=0, metavar="N", help="of pictures of one head (0)")
    look.add_argument("--exact", action="store_true", help="pages hold attention as float32, however large they grow")
    recorded.add_flags(parser)


def run(args: argparse.Namespace) -> int:
    from viewers.exports import EXPORTS, chosen

    if args.list:
        for row in EXPORTS:
            line(f"{row.name:<16} {', '.join(f'{row.stem}.{format}' for format in row.formats):<44} {row.title}")
        return 0
    if not args.source or not args.output:
        raise InputError("MODEL and -o DIR are required; see 'minigpt export --help'")
    names = [name for words in args.only or () for name in words.split(",")]
    rows = chosen(names, [format for format in FORMATS if getattr(args, format)] or FORMATS)
    if not rows:
        raise InputError("nothing is left to write: what --only names has none of these formats; see --list")
    options = _options(args)
    trace = recorded.trace_from(args)
    _check_place(trace, args)

    from viewers.exports import export

    progress = Progress("files")
    for done, exported in enumerate(export(trace, Path(args.output), rows, options), 1):
        progress.clear()
        if exported.left_out:
            say(f"{exported.path.name} is left out: {exported.left_out}")
        else:
            line(str(exported.path))
        progress.show(done, len(rows))
    progress.clear()
    say(f"again: {_again(trace, args, names, options)}")
    return 0


def _again(trace: Trace, args: argparse.Namespace, names: list[str], options: Options) -> str:
    """The command that makes the same files: a model's text stands in it as ids, drawn tokens included."""
    from viewers.commands import export_command, text_words

    text = []
    if getattr(args, "model", None) == args.source:
        text = text_words(trace.tokens, trace.about.prompt_length, trace.settings, trace.about.seed)
        text += ["--lowered"] if args.lowered else []
    formats = [format for format in FORMATS if getattr(args, format)] or FORMATS
    return export_command(args.source, text, args.output, names, formats, options)


def size_of(text: str) -> tuple[float, float]:
    """The inches of "8x5"."""
    found = SIZE.fullmatch(text)
    inches = tuple(map(float, found.groups())) if found else ()
    if len(inches) != 2 or not all(SMALLEST_SIZE <= side <= LARGEST_SIZE for side in inches):
        raise argparse.ArgumentTypeError("expected inches from 1 to 60, as 8x5")
    return inches[0], inches[1]


def _options(args: argparse.Namespace) -> Options:
    from viewers.exports import Options

    if args.dpi > LARGEST_DPI:
        raise InputError(f"--dpi: expected at most {LARGEST_DPI}, got {args.dpi}")
    return Options(args.dark, args.dpi, args.size, args.exact, args.layer, args.head)


def _check_place(trace: Trace, args: argparse.Namespace) -> None:
    """Refuse a layer or head that is not there, before anything is drawn."""
    for name, given, count in (("--layer", args.layer, trace.about.layers), ("--head", args.head, trace.about.heads)):
        if given >= max(count, 1):
            raise InputError(f"{name}: expected a number from 0 to {count - 1}, got {given}")
