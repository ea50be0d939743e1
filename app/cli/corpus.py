"""The embedded corpus: short children's stories with questions at the end, and how well a model answers those.

`tales` writes as many as wanted. The same seed writes the same bytes. Held-out stories share no (name, thing, place)
and no 12 words in a row with training stories, whatever the seeds. --measure prints, instead, how varied the stories
are, that the two splits are apart, and how far one gets with the questions without reading.

`judge` asks a model questions of held-out stories, as many of each kind, and prints how many it answers rightly,
beside two ways to answer without reading: with the fitting name, place or deed that the story mentions last, and with
the commonest answer of other stories. The model answers greedily, up to the end of the line.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from app.cli.flags import MODEL_HELP, count, positive
from app.cli.output import Progress, line, say, write_json
from engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.corpus.judge import Verdict

HELP = "write the corpus of children's stories, or ask a model its questions"
EXAMPLE = "minigpt corpus tales -o tales.txt --stories 200000 --seed 0"
STORIES, QUESTIONS = 1000, 500
SHEET_WORDS = 110  # engine.corpus.songs
EXERCISES = ("songs", "rounds", "chronicles")
ASKED = ("stories", *EXERCISES, "song_words", "drill", "seed", "split")


def add_flags(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="corpus", metavar="tales | judge", required=True)
    tales = kinds.add_parser("tales", help="write or measure the stories", allow_abbrev=False)
    tales.add_argument("-o", "--output", metavar="FILE", help="the text file to write")
    tales.add_argument("--stories", type=count, default=STORIES, metavar="N", help=f"how many ({STORIES:,})")
    tales.add_argument("--drill", action="store_true", help="ask all that can be asked of a story, not one of a kind")
    tales.add_argument("--songs", type=count, default=0, metavar="N",
                       help="how many songs after them: verses that come back, to learn repeating (0)")  # fmt: skip
    tales.add_argument("--song-words", type=positive, default=SHEET_WORDS, metavar="N",
                       help=f"about how many words a sheet of songs has ({SHEET_WORDS})")  # fmt: skip
    tales.add_argument("--rounds", type=count, default=0, metavar="N",
                       help="how many rounds after those: the same names in any order (0)")  # fmt: skip
    tales.add_argument("--chronicles", type=count, default=0, metavar="N",
                       help="how many chronicles after those: what became of a few things (0)")  # fmt: skip
    tales.add_argument("--seed", type=int, default=0, help="other seeds give other stories (0)")
    tales.add_argument("--split", choices=["train", "held-out"], default="train", help="which stories (train)")
    tales.add_argument("--measure", action="store_true", help="measure N stories of each split instead of writing")
    tales.add_argument("--json", action="store_true", help="the figures for a machine")
    judge = kinds.add_parser("judge", help="ask a model held-out questions", allow_abbrev=False,
                             epilog="example: minigpt corpus judge tales --mistakes 5")  # fmt: skip
    judge.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    judge.add_argument("--count", type=positive, default=QUESTIONS, metavar="N", help=f"of each kind ({QUESTIONS})")
    judge.add_argument("--seed", type=int, default=3, help="other seeds ask about other stories (3)")
    judge.add_argument("--mistakes", type=positive, default=0, metavar="N", help="also print N wrong answers per kind")
    judge.add_argument("--json", action="store_true", help="the figures, and all wrong answers, for a machine")


def run(args: argparse.Namespace) -> int:
    return _judge(args) if args.corpus == "judge" else _tales(args)


def _tales(args: argparse.Namespace) -> int:
    from engine.corpus.measures import measure
    from engine.corpus.tales import write_corpus

    if args.measure and not args.stories:
        raise InputError("--stories: expected at least 1 to measure, got 0")
    if args.measure:
        figures = measure(args.stories, args.seed)
        write_json(figures) if args.json else _print(figures)
        return 0
    if args.split == "held-out" and any(getattr(args, name) for name in EXERCISES):
        raise InputError("--songs, --rounds, --chronicles: belong to training; held-out texts are stories only")
    if args.output is None:
        raise InputError("expected -o FILE to write to, or --measure; got neither")
    progress = Progress("stories")
    try:
        size = write_corpus(
            args.output,
            args.stories,
            args.seed,
            args.split.replace("-", "_"),
            progress.show,
            songs=args.songs,
            song_words=args.song_words,
            rounds=args.rounds,
            drilled=args.drill,
            chronicles=args.chronicles,
        )
    finally:
        progress.clear()
    if args.json:
        write_json({key: getattr(args, key) for key in ASKED} | {"bytes": size})
    else:
        counts = ((getattr(args, name), name) for name in ("stories", *EXERCISES))
        say(f"wrote {', '.join(f'{count:,} {name}' for count, name in counts if count)}, {size:,} bytes")
    return 0


def _judge(args: argparse.Namespace) -> int:
    from app.cli.opening import open_for
    from engine.analysis.replies import Replier
    from engine.corpus.judge import asked, judge

    model = open_for(args)
    replier, progress = Replier(model), Progress("questions found")
    try:
        questions = asked(args.count, args.seed, progress.show)
        progress = Progress("questions answered")
        verdicts = judge(lambda prompts: replier(prompts, progress.show), questions, args.seed)
    finally:
        progress.clear()
    if args.json:
        facts = {"model": model.name, "fingerprint": model.fingerprint, "seed": args.seed}
        write_json({**facts, "kinds": [asdict(verdict) for verdict in verdicts]})
    else:
        _print_verdicts(verdicts, args.mistakes)
    return 0


def _print_verdicts(verdicts: Sequence[Verdict], mistakes: int) -> None:
    line("kind   questions    right   last mentioned   most frequent")
    for v in verdicts:
        line(f"{v.kind:<5} {v.questions:>10,} {v.accuracy:>8.1%} {v.last_mentioned:>16.1%} {v.most_frequent:>15.1%}")
    for v in verdicts:
        for mistake in v.mistakes[:mistakes]:
            line(f"{v.kind}: {mistake.question} {mistake.answer} But it said: {mistake.reply}")


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
