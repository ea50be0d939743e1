"""Compare our speed with a peer's: alternating runs in one sitting, the median ratio and its spread.

    python benchmarks/speed.py --peer PATH/torch_peer.py --peer-python PATH/python [--pairs 5] [--only decode] [-o FILE]

Each run is a process of its own, so neither side warms the other's caches. A ratio above 1 means that we are faster.
Nothing else should run meanwhile: with two threads on two cores, one busy neighbour halves either side.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

OURS = Path(__file__).with_name("ours.py")
WORK = {
    "decode": [("gpt2-2x240", 1.7), ("llama-6x384", 3.0), ("llama-6x288-v32k", 3.0), ("gpt2-124m", 2.2)],
    "prefill 128": [("gpt2-2x240", 0.9), ("llama-6x384", 1.5), ("llama-6x288-v32k", 1.5), ("gpt2-124m", 1.4)],
    "prefill 512": [("gpt2-2x240", 0.8), ("llama-6x384", 1.2), ("llama-6x288-v32k", 0.9), ("gpt2-124m", 1.4)],
}
"""What is compared, and the ratio that we promise."""


def measure(command: list[str]) -> dict[str, float]:
    """One process; its JSON line."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(work: str, shape: str, pairs: int, threads: int, peer: list[str]) -> dict[str, object]:
    """Alternate `pairs` times; tokens per second of both sides and the ratios of the pairs."""
    what, *length = work.split()
    tail = [what, shape, str(threads), *length]
    ours, theirs = [], []
    for _ in range(pairs):
        ours.append(measure([sys.executable, str(OURS), *tail]))
        theirs.append(measure([*peer, *tail]))
    ratios = [a["tokens_per_s"] / b["tokens_per_s"] for a, b in zip(ours, theirs, strict=True)]
    return {
        "ours": statistics.median(row["tokens_per_s"] for row in ours),
        "peer": statistics.median(row["tokens_per_s"] for row in theirs),
        "ratio": statistics.median(ratios),
        "low": min(ratios),
        "high": max(ratios),
        "ours_mib": max(row["peak_mib"] for row in ours),
        "peer_mib": max(row["peak_mib"] for row in theirs),
    }


def extras(shape: str, threads: int) -> tuple[float, float, float]:
    """Tokens per second with sampling stages and snapshots; NumPy calls per token; microseconds outside of them."""
    full = measure([sys.executable, str(OURS), "decode", shape, str(threads), "--full"])["tokens_per_s"]
    outside = measure([sys.executable, str(OURS), "outside", shape, str(threads)])
    return full, outside["calls"], outside["outside_us"]


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
    peer = [args.peer_python, args.peer]
    lines = [
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {args.threads} threads, "
        f"{args.pairs} alternating pairs; tokens per second, medians; ratio with the lowest and highest pair.",
        "",
        "| work | shape | ours | peer | ratio | spread | promised | ours MiB | peer MiB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for work in args.only or WORK:
        for shape, promised in WORK[work]:
            r = compare(work, shape, args.pairs, args.threads, peer)
            row = f"| {work} | {shape} | {r['ours']:,.0f} | {r['peer']:,.0f} | **{r['ratio']:.2f}** "
            row += f"| {r['low']:.2f} to {r['high']:.2f} | {promised} | {r['ours_mib']} | {r['peer_mib']} |"
            print(row, flush=True)
            lines.append(row)
    lines += [
        "",
        "| decode | with sampling and snapshots | calls per token | µs per token outside NumPy, at most |",
        "|---|---|---|---|",
    ]
    for shape, _ in WORK["decode"]:
        full, calls, outside_us = extras(shape, args.threads)
        lines.append(f"| {shape} | {full:,.0f} | {calls:.0f} | {outside_us:.0f} |")
        print(lines[-1], flush=True)
    if args.output:
        args.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
