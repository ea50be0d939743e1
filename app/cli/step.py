"""The forward pass as a list of operations: address, operation, shape, FLOPs, bytes and measured milliseconds.

Without settings flags it is the plain program, as the paper writes it, over the whole text. With any of them (--kv,
--optimize and so on) it is the program that those settings run; with a cache that is the pass of the last token.
With --training it goes on: the loss, every gradient, and what one update makes of every weight.
With --edit values are changed by hand, and what that does to the next token is said.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from app.cli import flags
from app.cli.output import line, say, write, write_json
from engine.errors import InputError

if TYPE_CHECKING:
    from engine.model import Model
    from engine.session import Session
    from engine.snapshot import ListingRow

HELP = "list the operations of one forward pass, measured"
EXAMPLE = "minigpt step random:gpt2-2x240 --ids 1,2,3 --until blocks.0.attn.pattern --value"
COLUMNS = ("address", "op", "shape", "flops", "bytes_read", "bytes_written", "ms")


def add_flags(parser: argparse.ArgumentParser) -> None:
    flags.add_model(parser)
    flags.add_prompt_flags(parser, required=False)
    parser.add_argument("--until", metavar="ADDRESS", help="stop when this value is computed")
    flags.add_edit_flag(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--value", action="store_true", help="print the last value computed instead of the listing")
    what.add_argument("--program", action="store_true", help="print the program with its equations; run nothing")
    what.add_argument("--diff", action="store_true",
                      help="print how the settings' program differs from the plain one; run nothing")  # fmt: skip
    parser.add_argument("--training", action="store_true",
                        help="the plain program, its loss, the backward pass, one update of the weights")  # fmt: skip
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="for a machine")
    form.add_argument("--csv", action="store_true", help="the listing as comma-separated values")
    flags.add_settings_flags(parser)


def run(args: argparse.Namespace) -> int:
    from app.cli.opening import open_for

    _check(args)
    model = open_for(args)
    if args.program or args.diff:
        from app.cli.programs import print_diff, print_program

        (print_program if args.program else print_diff)(args, model)
        return 0
    with flags.threads(args):
        session = _stepped(args, model)
    if args.value:
        from app.cli.value import print_value

        print_value(session, args.json)
    else:
        _print_listing(session, args)
    return 0


def _check(args: argparse.Namespace) -> None:
    """Refuse what does not go together, before anything is loaded."""
    flags.settings_from(args)
    if args.csv and (args.value or args.program or args.diff):
        raise InputError("--csv is for the listing; see 'minigpt step --help'")
    if args.until and (args.program or args.diff):
        raise InputError("--until is for a pass that runs; see 'minigpt step --help'")
    if args.training and (args.program or args.diff or flags.are_settings_given(args)):
        raise InputError("--training runs the plain program: leave out --program, --diff and the settings flags")
    if args.edit and (args.program or args.diff or args.training):
        raise InputError(
            "--edit is for a pass that runs and is not learned from: leave out --program, --diff, --training"
        )
    if args.prompt is None and args.ids is None and not (args.program or args.diff):
        raise InputError("one of -p/--prompt and --ids is required; see 'minigpt step --help'")


def _stepped(args: argparse.Namespace, model: Model) -> Session:
    """A session whose pass has run as far as was asked."""
    from app.cli.opening import prompt_ids, session_for
    from engine.session import never

    session = session_for(args, model)
    session.pass_kind = "generating" if flags.are_settings_given(args) else "plain"
    session.prompt(ids=prompt_ids(args, model))
    if args.training:
        session.restep("training")
    if args.edit:
        _edit(session, args.edit)
    assert session.stepper is not None
    session.stepper.run_until(args.until, never)
    say(f"{session.stepper.what}; {session.stepper.run.cursor} of {len(session.stepper.run.program)} lines done")
    return session


def _edit(session: Session, texts: list[str]) -> None:
    """Change values, and say what that does to the next token."""
    from engine.editing import edit
    from engine.session import never
    from engine.weighing import weigh

    for text in texts:
        edit(session, text, never)
    say(str(weigh(session, never)))


def _print_listing(session: Session, args: argparse.Namespace) -> None:
    assert session.stepper is not None
    stepping = session.stepper.view()
    rows = [_row(row) for row in stepping.rows[: stepping.cursor]]
    if args.json:
        write_json({"what": stepping.what, "lines_in_program": len(stepping.rows), "lines": rows})
    elif args.csv:
        _print_csv(rows)
    else:
        _print_table(rows)


def _row(row: ListingRow) -> dict[str, Any]:
    return {
        "address": row.address,
        "op": row.op,
        "call": row.call,
        "shape": list(row.shape),
        "flops": row.cost.flops,
        "bytes_read": row.cost.bytes_read,
        "bytes_written": row.cost.bytes_written,
        "ms": None if row.elapsed_s is None else 1e3 * row.elapsed_s,
        "is_view": row.is_view,
    }


def _print_csv(rows: list[dict[str, Any]]) -> None:
    """Nothing needs quotes: addresses and operations hold neither commas nor spaces."""
    write(",".join(COLUMNS) + "\n")
    for row in rows:
        cells = row | {"shape": "x".join(map(str, row["shape"])), "ms": f"{row['ms']:.6f}"}
        write(",".join(str(cells[column]) for column in COLUMNS) + "\n")


def _print_table(rows: list[dict[str, Any]]) -> None:
    total = {key: sum(row[key] for row in rows) for key in ("flops", "bytes_read", "bytes_written", "ms")}
    cells = [_cells(row) for row in rows] + [_cells({"address": "total", "op": "", "shape": [], **total})]
    head = ("address", "operation", "shape", "FLOPs", "bytes", "ms")
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    for row in (head, *cells):
        left = [f"{cell:<{width}}" for cell, width in zip(row[:3], widths[:3], strict=True)]
        right = [f"{cell:>{width}}" for cell, width in zip(row[3:], widths[3:], strict=True)]
        line("  ".join([*left, *right]))


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    moved = row["bytes_read"] + row["bytes_written"]
    return (
        row["address"],
        row["op"],
        "×".join(map(str, row["shape"])),
        f"{row['flops']:,}",
        f"{moved:,}",
        f"{row['ms']:.3f}",
    )
