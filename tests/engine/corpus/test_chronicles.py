"""A chronicle tells what became of two or three things, and its answers can be read from it."""

from __future__ import annotations

import re

import pytest

from engine.corpus.chronicles import chronicle_at
from engine.corpus.split import Watch
from engine.corpus.tales import END, write_corpus
from engine.corpus.words import PERSONS, THINGS

CHRONICLES = [chronicle_at(7, number) for number in range(300)]
NAMES = {person.name for person in PERSONS}
NOUNS = {thing.noun for thing in THINGS}


def body(chronicle: str) -> str:
    return chronicle.partition("\nQ: ")[0]


def answers(chronicle: str, asked: str) -> list[tuple[str, str]]:
    """Of the questions that begin so: the last word asked about, and the answer without its full stop."""
    return re.findall(rf"^Q: {asked} .*?(\w+)\? A: (.*)\.$", chronicle, flags=re.M)


@pytest.mark.parametrize("asked", ["Who has", "Where is", "What did"])
def test_every_kind_is_asked_often(asked):
    assert sum(len(answers(text, asked)) for text in CHRONICLES) > 0.5 * len(CHRONICLES)


def test_it_is_about_two_or_three_things_and_persons():
    for text in CHRONICLES:
        words = set(re.findall(r"\w+", body(text)))
        assert 2 <= len(words & NOUNS) <= 3
        assert 1 <= len(words & NAMES) <= 3


def test_a_thing_is_where_it_was_last_seen_and_nobody_has_it():
    """Read without the engine: the place follows the last mention of the thing, if no "it" comes after that."""
    read = 0
    for text in CHRONICLES:
        held = {thing for thing, _ in answers(text, "Who has")}
        for thing, place in answers(text, "Where is"):
            assert thing not in held
            *_, last = (
                sentence for sentence in re.split(r'(?<=[.!])"? ', body(text)) if re.search(rf"\b{thing}\b", sentence)
            )
            after = body(text).partition(last)[2]
            if not re.search(r"\bit\b", after):
                assert place.lower() in last.lower()
                read += 1
    assert read > 50


def test_whom_a_thing_was_given_to_last_has_it():
    """Read without the engine: a last sentence about the thing that hands it over by name, and no "it" after that."""
    read = 0
    for text in CHRONICLES:
        for thing, name in answers(text, "Who has"):
            handed = re.search(rf".*(?:handed|passed|gave) the {thing} to (\w+)(.*)", body(text))
            if handed and handed[1] in NAMES and not re.search(rf"\bit\b|\b{thing}\b", handed[2]):
                assert name == handed[1]
                read += 1
    assert read > 15


def test_most_sentences_say_what_happened_to_a_thing():
    sentences = [s for text in CHRONICLES for s in re.split(r"(?<=\.) ", body(text))]
    assert sum(any(re.search(rf"\b{noun}\b", s) for noun in NOUNS) for s in sentences) > 0.6 * len(sentences)


def test_nothing_of_a_held_out_story_is_in_it():
    assert all(Watch("train").after(body(text)) for text in CHRONICLES[:100])


def test_chronicles_come_last_and_the_same_seed_tells_the_same(tmp_path):
    path = tmp_path / "chronicles.txt"
    write_corpus(path, 0, 5, rounds=1, chronicles=3)
    *_, a, b, c, end = path.read_text().split(f"{END}\n")
    assert [a, b, c, end] == [*(chronicle_at(5, number) for number in range(3)), ""]
    assert chronicle_at(5, 0) != chronicle_at(6, 0)
