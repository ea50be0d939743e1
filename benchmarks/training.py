"""Compare our training with a peer's: alternating runs in one sitting, the median ratio, its spread, and peak memory.

    python benchmarks/training.py --peer PATH/torch_peer.py --peer-python PATH/python [--pairs 5] [-o FILE]

Each run is a process of its own: forward, backward and AdamW in float32 on random texts. A speed ratio above 1 means
that we are faster, a memory ratio below 1 that our whole process needs less at its peak. Nothing else should run
meanwhile: with two threads on two cores, one busy neighbour halves either side.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.speed import measure

OURS = Path(__file__).with_name("ours_training.py")
WORK = {
    "gpt2-2x240": ((16, 128), 1.8, 0.5),
    "gpt2-6x384": ((8, 256), 1.8, 0.85),
    "char-4x128": ((8, 16), 1.5, None),
    "llama-6x384": ((8, 256), None, None),
}
"""What is compared: texts and tokens of an update, the speed ratio and the memory ratio that we promise."""
HEAD = ("shape", "batch", "ours", "peer", "ratio", "spread", "promised", "ours MiB", "peer MiB", "memory", "promised",
        "arena MiB")  # fmt: skip


def compare(shape: str, pairs: int, threads: int, peer: list[str]) -> tuple[str, ...]:
    """Alternate `pairs` times; a row of the table."""
    (batch, length), speed, memory = WORK[shape]
    tail = [shape, str(threads), str(batch), str(length)]
    ours, theirs = [], []
    for _ in range(pairs):
        ours.append(measure([sys.executable, str(OURS), *tail]))
        theirs.append(measure([*peer, "train", *tail]))
    ratios = [a["tokens_per_s"] / b["tokens_per_s"] for a, b in zip(ours, theirs, strict=True)]
    rate, peer_rate = (statistics.median(row["tokens_per_s"] for row in side) for side in (ours, theirs))
    peak, peer_peak = (max(row["peak_mib"] for row in side) for side in (ours, theirs))
    return (
        shape, f"{batch} x {length}", f"{rate:,.0f}", f"{peer_rate:,.0f}", f"**{statistics.median(ratios):.2f}**",
        f"{min(ratios):.2f} to {max(ratios):.2f}", _promise(speed), f"{peak}", f"{peer_peak}",
        f"**{peak / peer_peak:.2f}**", _promise(memory), f"{ours[0]['arena_mib']}",
    )  # fmt: skip


def _promise(ratio: float | None) -> str:
    return "reported" if ratio is None else f"{ratio:g}"


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure everything asked for and print it as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peer", required=True, help="the peer's script")
    parser.add_argument("--peer-python", default=sys.executable, help="the interpreter that has the peer's library")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=[*WORK], action="append")
    parser.add_argument("-o", "--output", type=Path)
    args = parser.parse_args()
    lines = [
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {args.threads} threads, "
        f"{args.pairs} alternating pairs; tokens per second of forward, backward and AdamW, medians; ratio with the "
        "lowest and highest pair; peak memory of the whole process.",
        "",
        _row(HEAD),
        _row(("---",) * len(HEAD)),
    ]
    print("\n".join(lines), flush=True)
    for shape in args.only or WORK:
        lines.append(_row(compare(shape, args.pairs, args.threads, [args.peer_python, args.peer])))
        print(lines[-1], flush=True)
    if args.output:
        args.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
