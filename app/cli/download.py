"""Fetch a public text to train on. Where there is no network, it says so; all other commands need none."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.cli.output import Progress, line, say

HELP = "fetch a public text to train on"
EXAMPLE = "minigpt download text:tinyshakespeare -o tinyshakespeare.txt"


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="NAME", help="text:tinyshakespeare")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to (a file of its own name, here)")


def run(args: argparse.Namespace) -> int:
    from engine.training.download import download, public_text

    text = public_text(args.what)
    target = Path(args.output or text.file)
    say(f"fetching {text.url}: {text.about}")
    progress = Progress("bytes")
    try:
        is_new = download(text, target, progress.show)
    finally:
        progress.clear()
    say(f"{text.size:,} bytes, checksum as expected" if is_new else "it is here already, checksum as expected")
    line(str(target))
    return 0
