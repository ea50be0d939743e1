"""What each attention head of a model does, measured on random tokens that are said twice.

Four habits, each as the mean share of a query's attention: to the token before it, to the first token, to earlier
tokens like it, and to what followed those (induction). For the heads with the highest induction scores it says what
leaving the head out costs: by how many nats per token the repetition is foreseen worse.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from app.cli.flags import add_model, count, positive, threads
from app.cli.output import Progress, line, write_json

if TYPE_CHECKING:
    from engine.analysis.induction import Heads

HELP = "say what each attention head does"
EXAMPLE = "minigpt heads tales --best 5"
SEQUENCES, BEST = 50, 3


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--sequences", type=positive, default=SEQUENCES, metavar="N", help=f"how many ({SEQUENCES})")
    parser.add_argument("--best", type=count, default=BEST, metavar="N", help=f"how many heads to leave out ({BEST})")
    parser.add_argument("--seed", type=count, default=0, metavar="N", help="other seeds draw other tokens (0)")
    parser.add_argument("--threads", type=positive, metavar="N", help="threads of the matrix products")
    parser.add_argument("--json", action="store_true", help="the figures for a machine")


def run(args: argparse.Namespace) -> int:
    from app.cli.opening import open_for
    from engine.analysis.induction import loss_without, measure_heads, repeats

    model = open_for(args)
    texts = repeats(model, args.sequences, seed=args.seed)
    progress = Progress("sequences")
    try:
        with threads(args):
            heads = measure_heads(model, texts, progress.show)
            without = {}
            for head in heads.best(args.best):
                progress = Progress(f"sequences without {_name(*head)}")
                without[head] = loss_without(model, texts, [head], progress.show)
    finally:
        progress.clear()
    facts = _facts(heads, without)
    if args.json:
        asked = {"sequences": args.sequences, "tokens_of_a_half": texts.half, "seed": args.seed}
        write_json({"model": model.name, "fingerprint": model.fingerprint, **asked, **facts})
    else:
        _print(facts)
    return 0


def _facts(heads: Heads, without: dict[tuple[int, int], float]) -> dict[str, Any]:
    from math import isnan

    import numpy as np

    def habits(layer: int, head: int) -> dict[str, float | None]:
        shares = {habit: float(table[layer, head]) for habit, table in heads.scores._asdict().items()}
        return {habit: None if isnan(share) else share for habit, share in shares.items()}

    return {
        "first_half_loss": heads.first_loss,
        "second_half_loss": heads.second_loss,
        "heads": [
            {"layer": layer, "head": head, **habits(layer, head)}
            for layer, head in np.ndindex(heads.scores.induction.shape)
        ],
        "left_out": [
            {"layer": layer, "head": head, "induction": habits(layer, head)["induction"],
             "second_half_loss": loss, "rise": loss - heads.second_loss}
            for (layer, head), loss in without.items()
        ],
    }  # fmt: skip


def _print(facts: dict[str, Any]) -> None:
    line("layer head  previous    first     same  induction")
    for row in facts["heads"]:
        shares = " ".join(f"{_share(row[habit]):>8}" for habit in ("previous", "first", "same"))
        line(f"{row['layer']:>5} {row['head']:>4}  {shares} {_share(row['induction']):>10}")
    first, second = facts["first_half_loss"], facts["second_half_loss"]
    line(f"loss of the first half {first:.3f} nats per token, of its repetition {second:.3f}")
    for row in facts["left_out"]:
        name, share = _name(row["layer"], row["head"]), _share(row["induction"])
        line(f"without {name}, induction {share}: {row['second_half_loss']:.3f}, {row['rise']:+.3f} nats")


def _share(share: float | None) -> str:
    """None: the head's window does not reach so far."""
    return "-" if share is None else f"{share:.3f}"


def _name(layer: int, head: int) -> str:
    return f"layer {layer}, head {head}"
