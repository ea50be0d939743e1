"""Write the embedded corpus: short children's stories with questions at the end, as many as wanted.

The same seed writes the same bytes. Held-out stories share no (name, thing, place) and no 12 words in a row with
training stories, whatever the seeds. --measure prints, instead, how varied the stories are, that the two splits are
apart, and how far one gets with the questions without reading.
"""

from __future__ import annotations

import argparse
from typing import Any

from app.cli.flags import positive
from app.cli.output import Progress, line, say, write_json
from engine.errors import InputError

HELP = "write the corpus of children's stories"
EXAMPLE = "minigpt corpus tales -o tales.txt --stories 200000 --seed 0"
STORIES = 1000


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", choices=["tales"], help="which corpus")
    parser.add_argument("-o", "--output", metavar="FILE", help="the text file to write")
    parser.add_argument("--stories", type=positive, default=STORIES, metavar="N", help=f"how many ({STORIES:,})")
    parser.add_argument("--seed", type=int, default=0, help="other seeds give other stories (0)")
    parser.add_argument("--split", choices=["train", "held-out"], default="train", help="which stories (train)")
    parser.add_argument("--measure", action="store_true", help="measure N stories of each split instead of writing")
    parser.add_argument("--json", action="store_true", help="the figures for a machine")


def run(args: argparse.Namespace) -> int:
    from engine.corpus.measures import measure
    from engine.corpus.tales import write_corpus

    if args.measure:
        figures = measure(args.stories, args.seed)
        write_json(figures) if args.json else _print(figures)
        return 0
    if args.output is None:
        raise InputError("expected -o FILE to write to, or --measure; got neither")
    progress = Progress("stories")
    try:
        size = write_corpus(args.output, args.stories, args.seed, args.split.replace("-", "_"), progress.show)
    finally:
        progress.clear()
    if args.json:
        write_json({"stories": args.stories, "bytes": size, "seed": args.seed, "split": args.split})
    else:
        say(f"wrote {args.stories:,} stories, {size:,} bytes")
    return 0


def _print(figures: dict[str, Any]) -> None:
    words = figures["words_of_a_story"]
    line(f"stories of each split            {figures['stories']:,}")
    line(f"words of a story                 {words['shortest']} to {words['longest']}, half below {words['median']}")
    line(f"distinct words                   {figures['distinct_words']:,}")
    line(f"distinct 8-grams of all          {figures['distinct_8_grams']:.3f}")
    for skeleton, share in figures["commonest_skeletons"].items():
        line(f"stories with a sentence alike    {share:.1%}  {skeleton}")
    line(f"questions per story              {figures['questions_per_story']:.2f}")
    line(f"triples shared with held out     {figures['triples_shared_with_held_out']}")
    line(f"12-word runs shared              {figures['windows_shared_with_held_out']}")
    for kind, scores in figures["baselines"].items():
        blind = f"last mentioned {scores['last_mentioned']:.1%}, most frequent {scores['most_frequent']:.1%}"
        line(f"blind answers to {kind:<15} {blind} of {scores['questions']} questions")
