"""Does the corpus read like stories, is it held out, and can its questions be answered without reading? In figures.

- distinct 8-grams: of all runs of 8 words in the bodies, the share that differ
- skeleton share: the largest share of stories that have one sentence in common once names and nouns are blanked
- held out: triples and windows of 12 words that training and held-out stories share
- baselines: how often the last-mentioned fitting entity, or the most frequent answer, is right
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product
from typing import Any

from engine.corpus.questions import KINDS, Question
from engine.corpus.split import WINDOW, words_of
from engine.corpus.tales import Story, generate
from engine.corpus.words import ANIMALS, PERSONS, PLACES, THINGS

NAMES = frozenset(person.name.lower() for person in PERSONS)
NOUNS = frozenset(thing.noun for thing in THINGS)
SPOTS = frozenset(place.noun for place in PLACES)
BLANKED = NAMES | NOUNS | SPOTS | {*ANIMALS, "boy", "girl"}
_SENTENCE = re.compile(r'(?<=[.!?])"?\s+|\n')


def runs(text: str, length: int) -> Iterator[tuple[str, ...]]:
    """Every run of `length` words."""
    words = words_of(text.lower())
    return zip(*(words[start:] for start in range(length)), strict=False)


def distinct_share(stories: Sequence[Story], length: int = 8) -> float:
    """Distinct runs of words over all runs, of the bodies."""
    found = [run for story in stories for run in runs(story.body, length)]
    return len(set(found)) / len(found)


def skeletons(story: Story) -> set[str]:
    """Its sentences with names and nouns blanked."""
    sentences = (words_of(sentence.lower()) for sentence in _SENTENCE.split(story.body))
    return {" ".join("_" if word in BLANKED else word for word in words) for words in sentences if words}


def commonest_skeletons(stories: Sequence[Story], count: int = 5) -> list[tuple[str, float]]:
    """The sentence skeletons that most stories have, and the share of stories that do."""
    counts = Counter(skeleton for story in stories for skeleton in skeletons(story))
    return [(skeleton, times / len(stories)) for skeleton, times in counts.most_common(count)]


def triples(story: Story) -> set[tuple[str, str, str]]:
    """Every (name, thing, place) the body mentions together."""
    words = set(words_of(story.body.lower()))
    return set(product(words & NAMES, words & NOUNS, words & SPOTS))


def shared(training: Iterable[Story], held_out: Sequence[Story]) -> tuple[int, int]:
    """How many triples and how many windows of 12 words the held-out stories share with the training stories."""
    held_triples = {triple for story in held_out for triple in triples(story)}
    held_windows = {window for story in held_out for window in runs(story.body, WINDOW)}
    both_triples, both_windows = set(), set()
    for story in training:
        both_triples |= held_triples & triples(story)
        both_windows |= held_windows.intersection(runs(story.body, WINDOW))
    return len(both_triples), len(both_windows)


def last_mentioned_score(questions: Sequence[Question]) -> float:
    """How often the fitting entity that the story mentions last is the answer."""
    return sum(question.last == question.answer for question in questions) / len(questions)


def most_frequent_score(questions: Sequence[Question], asked_before: Sequence[Question]) -> float:
    """How often the commonest answer of other stories is the answer."""
    commonest = Counter(question.answer for question in asked_before).most_common(1)[0][0]
    return sum(question.answer == commonest for question in questions) / len(questions)


def of_kind(stories: Iterable[Story], kind: str) -> list[Question]:
    return [question for story in stories for question in story.questions if question.kind == kind]


def measure(stories: int = 1000, seed: int = 0) -> dict[str, Any]:
    """All of it, on as many training and as many held-out stories."""
    training = list(islice(generate(seed, "train"), stories))
    held_out = list(islice(generate(seed, "held_out"), stories))
    lengths = sorted(len(story.body.split()) for story in training)
    both_triples, both_windows = shared(training, held_out)
    return {
        "stories": stories,
        "words_of_a_story": {"shortest": lengths[0], "median": lengths[stories // 2], "longest": lengths[-1]},
        "distinct_words": len({word for story in training for word in words_of(story.body.lower())}),
        "distinct_8_grams": distinct_share(training),
        "commonest_skeletons": dict(commonest_skeletons(training)),
        "questions_per_story": sum(len(story.questions) for story in training) / stories,
        "triples_shared_with_held_out": both_triples,
        "windows_shared_with_held_out": both_windows,
        "baselines": {
            kind: {
                "questions": len(asked := of_kind(held_out, kind)),
                "last_mentioned": last_mentioned_score(asked),
                "most_frequent": most_frequent_score(asked, of_kind(training, kind)),
            }
            for kind in KINDS
        },
    }
