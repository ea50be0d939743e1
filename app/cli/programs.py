"""Programs as text: one of them, or how two differ. Nothing is run."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from app.cli.flags import are_settings_given, settings_from
from app.cli.output import line, say, write_json
from engine.listing import call_text, diff, listing

if TYPE_CHECKING:
    from engine.model import Model
    from engine.program import Line, Program


def print_program(args: argparse.Namespace, model: Model) -> None:
    """The plain program, or the one of the settings that were given."""
    program = settings_program(args, model) if are_settings_given(args) else model.program
    if args.json:
        facts = {"inputs": program.inputs, "outputs": program.outputs, "params": program.params}
        write_json({**facts, "lines": [_line(each) for each in program.lines]})
        return
    for row in listing(program).split("\n"):
        line(row.rstrip())


def print_diff(args: argparse.Namespace, model: Model) -> None:
    """How the program of the settings differs from the plain one."""
    changes = diff(model.program, settings_program(args, model))
    counts = {kind: sum(change.kind == kind for change in changes) for kind in ("gone", "new", "changed", "same")}
    if args.json:
        rows = [
            {"kind": c.kind, "old": str(c.old) if c.old else None, "new": str(c.new) if c.new else None}
            for c in changes
        ]
        write_json({"counts": counts, "changes": rows})
        return
    for change in changes:
        line(str(change))
    say(", ".join(f"{count} {kind}" for kind, count in counts.items()))


def settings_program(args: argparse.Namespace, model: Model) -> Program:
    """What one new token runs under the settings of a command line."""
    from engine.prepare import prepare

    return prepare(model.config, model.weights, settings_from(args)).step[0]


def _line(each: Line) -> dict[str, Any]:
    return {
        "address": each.out,
        "op": each.op.name,
        "call": call_text(each),
        "ins": each.ins,
        "equation": each.op.equation,
        "where": each.where,
    }
