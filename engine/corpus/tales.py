"""The stories themselves: each is a function of (seed, split, its number) alone, so any of them can be made again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count, islice
from pathlib import Path
from random import Random

from engine.corpus.banks import BANKS, MACROS, REFRAINS, RHYMES
from engine.corpus.cast import choose_cast
from engine.corpus.chronicles import chronicle_at
from engine.corpus.plot import Beat, Plot, read_plots
from engine.corpus.plots import PLOTS
from engine.corpus.questions import Question, ask, drill
from engine.corpus.rounds import rounds as rounds_of
from engine.corpus.songs import SHEET_WORDS, song_at
from engine.corpus.split import Split, Watch
from engine.corpus.telling import Teller, tell
from engine.corpus.template import Nodes, compile_template, expected_words
from engine.corpus.world import Event
from engine.files.atomic import atomic_file

END = "<|endoftext|>"
SHORTEST, LONGEST = 60, 160  # words of a body, its rhyme not counted
MOST_EXPECTED = 145  # words of a way through a plot: few of these come out too long
RHYME_SHARE = 0.7  # of stories that have a counting-out rhyme
RHYME_WORDS = 26  # that it takes
INTRODUCED = 3  # beats after which everybody's friend A was named
REPORT_EVERY = 500


@dataclass(frozen=True)
class Story:
    """`text` is the body, the lines of questions and the end mark; `facts` is what happened, in order."""

    body: str
    questions: tuple[Question, ...]
    facts: tuple[Event, ...]
    plot: str

    @property
    def text(self) -> str:
        return "\n".join([self.body, *(question.line for question in self.questions), END, ""])


def generate(seed: int, split: Split = "train", drilled: bool = False) -> Iterator[Story]:
    """Stories without end. The same seed gives the same stories; no held-out story shares a triple or a window of 12
    words with any training story, whatever the seeds (see `split`)."""
    return (story_at(seed, split, number, drilled) for number in count())


def story_at(seed: int, split: Split, number: int, drilled: bool = False) -> Story:
    """The story of that number, with a question of each kind, or `drilled`, with all that can be asked of it."""
    rng = Random(f"tales {seed} {split} {number}")
    plot = plots()[int(rng.random() * len(plots()))]
    while True:
        if story := _attempt(plot, rng.random, split, drilled):
            return story


def write_corpus(
    path: str | Path,
    stories: int,
    seed: int,
    split: Split = "train",
    progress: Callable[[int, int], None] | None = None,
    songs: int = 0,
    song_words: int = SHEET_WORDS,
    rounds: int = 0,
    drilled: bool = False,
    chronicles: int = 0,
) -> int:
    """Write that many stories, then `songs`, `rounds` and `chronicles`, to a file, whole or not; returns its bytes.

    song_words of a sheet of songs, about
    progress   is told (stories done, stories in all)
    """
    written = 0
    with atomic_file(path) as file:
        for number, story in enumerate(islice(generate(seed, split, drilled), stories), start=1):
            written += file.write(story.text.encode("ascii"))
            if progress and (number % REPORT_EVERY == 0 or number == stories):
                progress(number, stories)
        for number in range(songs):
            written += file.write(f"{song_at(seed, number, song_words)}{END}\n".encode("ascii"))
        for text in rounds_of(seed, rounds):
            written += file.write(f"{text}{END}\n".encode("ascii"))
        for number in range(chronicles):
            written += file.write(f"{chronicle_at(seed, number)}{END}\n".encode("ascii"))
    return written


@cache
def plots() -> tuple[Plot, ...]:
    """Every plot, read once."""
    return tuple(read_plots(PLOTS, BANKS, MACROS))


@cache
def _refrain_templates() -> dict[str, list[Nodes]]:
    return {name: [compile_template(text) for text in texts] for name, texts in REFRAINS.items()}


def _refrains(random: Callable[[], float]) -> dict[str, Nodes]:
    return {name: all_of[int(random() * len(all_of))] for name, all_of in _refrain_templates().items()}


def _attempt(plot: Plot, random: Callable[[], float], split: Split, drilled: bool) -> Story | None:
    teller = Teller(choose_cast(random, split, plot.wanted), _refrains(random), random)
    rhymes = random() < RHYME_SHARE
    beats = plot.unfold(random, MOST_EXPECTED)
    told = tell(teller, _rhymed(beats, random) if rhymes else beats, Watch(split))
    if told is None:
        return None
    body = " ".join(text for text, _ in told).replace(" / ", "\n")
    facts = tuple(event for _, events in told for event in events)
    questions = (drill if drilled else ask)(body, teller.cast, facts, random)
    is_fit = SHORTEST <= len(body.split()) <= LONGEST + RHYME_WORDS * rhymes and len(questions) > 0
    return Story(body, questions, facts, plot.name) if is_fit else None


def _rhymed(beats: list[Beat], random: Callable[[], float]) -> list[Beat]:
    """The beats with a counting-out rhyme near their beginning, which comes back in the second half."""
    first, again = (Beat((), text, f"rhyme {name}", expected_words(text)) for name, text in _rhyme_templates().items())
    back = INTRODUCED + int((0.5 + 0.5 * random()) * (len(beats) - INTRODUCED + 1))
    return [*beats[:INTRODUCED], first, *beats[INTRODUCED:back], again, *beats[back:]]


@cache
def _rhyme_templates() -> dict[str, Nodes]:
    return {name: compile_template(f"[{' '.join(text.split())}]") for name, text in RHYMES.items()}
