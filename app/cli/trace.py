"""Record one pass over a text, every value of it, as a file that is opened without the model; or look into one.

The pass is run line by line by the plain program, as the paper writes it, under the settings that change its numbers.
--lowered records the optimized program that generates instead. The format is in assets/docs/trace-format.md.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from app.cli import recorded
from app.cli.output import line, say, write, write_json
from engine.errors import InputError

if TYPE_CHECKING:
    from engine.trace import Trace

HELP = "record one pass as a file, every value of it; or look into such a file"
EXAMPLE = 'minigpt trace shakespeare -p "Hark! Who" -n 20 --seed 1 -o hark.trace.safetensors'


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", nargs="?", metavar="MODEL", help=recorded.SOURCE_HELP)
    parser.add_argument("-o", "--output", metavar="F.trace.safetensors", help="the file to write")
    parser.add_argument("--show", metavar="FILE", help="say what is in a trace")
    parser.add_argument("--value", metavar="ADDRESS", help="with --show: print this value as CSV, its last axis across")
    parser.add_argument("--json", action="store_true", help="with --show: for a machine")
    recorded.add_flags(parser)


def run(args: argparse.Namespace) -> int:
    from engine.trace_file import ENDING, open_trace, save_trace

    if args.show:
        if args.source or args.output:
            raise InputError("--show FILE stands alone; see 'minigpt trace --help'")
        show(open_trace(args.show), args)
        return 0
    if not args.source or not args.output:
        raise InputError("MODEL and -o F.trace.safetensors are required; see 'minigpt trace --help'")
    if not args.output.endswith(ENDING):
        raise InputError(f"-o: expected a name that ends in {ENDING}, by which traces are known")
    trace = recorded.trace_from(args)
    save_trace(trace, args.output)
    say(f"wrote {args.output}: {len(trace.values)} values of {len(trace.tokens)} tokens, {trace.value_bytes:,} bytes")
    return 0


def show(trace: Trace, args: argparse.Namespace) -> None:
    """What is in a trace, or one of its values."""
    if args.value:
        from engine.analysis.tables import value_csv

        write(value_csv(trace[args.value]).decode())
    elif args.json:
        write_json(facts(trace))
    else:
        _print(trace)


def facts(trace: Trace) -> dict[str, Any]:
    """Everything but the arrays, as plain values."""
    from engine.trace_json import trace_to_json

    values = {
        address: {"shape": list(array.shape), "dtype": str(array.dtype)} for address, array in trace.values.items()
    }
    return trace_to_json(trace) | {"values": values}


def _print(trace: Trace) -> None:
    about = trace.about
    line(f"model      {about.name}: {about.line}")
    line(f"settings   {' '.join(trace.settings.flags()) or 'as they come'}")
    line(f"tokens     {len(trace.tokens)}, {about.prompt_length} given: {''.join(about.texts)[:200]}")
    if trace.rows:
        flops = sum(row.cost.flops for row in trace.rows)
        line(
            f"program    {len(trace.rows)} lines, {flops:,} FLOPs, {1e3 * trace.elapsed_s:.1f} ms when it was recorded"
        )
    if trace.edits:
        line(f"edits      {', '.join(f'{edit.kind} {edit.address}' for edit in trace.edits)}")
    line(f"values     {len(trace.values)}, {trace.value_bytes:,} bytes; {len(trace.dropped)} left out")
    for address, array in trace.values.items():
        line(f"  {address:<28} {'×'.join(map(str, array.shape))}")
