"""Two runs side by side: the first address at which they part, how the error grows, and what it does to the text.

A and B are two settings of a model, two models, or traces that were saved, also by another program. What is compared
is each value by its address; the measure is max |a - b| / max |a|. A model is run as the plain program, which shows
every value, with the settings that are named; `optimize` compares what generation runs.

The exit code is 0 whether or not they part: the answer is in the data. With --check it is 4 if they part, for scripts
(1 always means a bug of ours, 2 and 3 a refusal, so a difference has a code of its own).
"""

from __future__ import annotations

import argparse

from app.cli.flags import add_prompt_flags, count, ids_of, number, positive
from app.cli.lanes import LANE_HELP, Opened, read_side
from app.cli.output import line, write_json
from engine.errors import InputError

HELP = "compare two settings, models or traces; name the first address that parts"
EXAMPLE = 'minigpt diff shakespeare shakespeare:rank=12 -p "ROMEO:"'
PARTED = 4
LIMIT = 10


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help=LANE_HELP)
    parser.add_argument("b", metavar="B", help="the same, for the other side")
    add_prompt_flags(parser, required=False)
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--prompt-b", metavar="TEXT", help="another prompt for B; compared on the common positions")
    other.add_argument("--ids-b", type=ids_of, metavar="1,2,3", help="the same as ids")
    parser.add_argument("--threshold", type=number, default=1e-5, metavar="X",
                        help="the relative error above which an address has parted (1e-5)")  # fmt: skip
    parser.add_argument("--limit", type=count, default=LIMIT, metavar="N",
                        help=f"how many of the worst addresses and tokens are listed ({LIMIT})")  # fmt: skip
    parser.add_argument("--budget", type=positive, default=1024, metavar="MIB",
                        help="memory for the values of each side; beyond it some are not compared (1024)")  # fmt: skip
    parser.add_argument("--check", action="store_true", help=f"exit with {PARTED} if they part")
    parser.add_argument("--json", action="store_true", help="every address and token, for a machine")


def run(args: argparse.Namespace) -> int:
    if not args.threshold >= 0:
        raise InputError(f"--threshold: expected a number from 0 up, got {args.threshold}")
    a, b = Opened(args).traces(read_side(args.a), read_side(args.b))

    from app.cli.diff_report import facts, report
    from engine.analysis.drift import compare

    drift = compare(a, b, args.threshold)
    if not drift.places:
        raise InputError(f"{args.a} and {args.b} have no address in common that both recorded with one shape")
    if args.json:
        write_json(facts(args.a, args.b, a, b, drift))
    else:
        for text in report(args.a, args.b, a, b, drift, args.limit):
            line(text)
    return PARTED if args.check and drift.has_parted else 0
