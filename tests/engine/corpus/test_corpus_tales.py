"""The stories are the same for the same seed, true to what happened in them, and varied."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from itertools import islice

import pytest

from engine.corpus.banks import COUNTING
from engine.corpus.measures import (
    commonest_skeletons,
    distinct_share,
    last_mentioned_score,
    most_frequent_score,
    of_kind,
)
from engine.corpus.questions import KINDS
from engine.corpus.tales import END, LONGEST, RHYME_WORDS, SHORTEST, generate, plots, story_at, write_corpus
from engine.corpus.template import Slot
from engine.corpus.words import PERSONS, TRACKED
from engine.corpus.world import STATES

FIRST_20 = "f530b1dde7277261ec766b36c80e1f24eb8b24a80a23d82b6091f6169abae88c"


@pytest.fixture(scope="module")
def stories():
    return list(islice(generate(7), 1000))


def test_the_first_stories_are_the_recorded_ones():
    text = "".join(story.text for story in islice(generate(0), 20))
    assert hashlib.sha256(text.encode("ascii")).hexdigest() == FIRST_20


def test_a_story_can_be_made_again_without_those_before_it(stories):
    assert story_at(7, "train", 41) == stories[41]


def test_a_file_holds_the_stories_in_order(tmp_path, stories):
    seen = []
    size = write_corpus(tmp_path / "tales.txt", 30, 7, progress=lambda *told: seen.append(told))
    written = (tmp_path / "tales.txt").read_bytes()
    assert written == "".join(story.text for story in stories[:30]).encode("ascii")
    assert size == len(written) and seen == [(30, 30)]


def test_every_story_has_its_form(stories):
    for story in stories:
        assert SHORTEST <= len(story.body.split()) <= LONGEST + RHYME_WORDS
        assert 1 <= len(story.questions) <= 3 and story.text.endswith(f"\n{END}\n")
        lines = story.text.removeprefix(story.body).split("\n")[1:-2]
        assert all(re.fullmatch(r"Q: [A-Z].*\? A: [A-Z].*\.", line) for line in lines), lines
        assert not re.search(r"  | [,.!?]|[{}\[\]|@]|\ba [aeiou]|\ban (?!hour)[^aeiou]", story.body), story.body
        assert story.body.count('"') % 2 == 0, story.body


def test_a_counting_rhyme_comes_back_in_the_same_words(stories):
    """Seven stories in ten have words in a row that nothing but their first telling foretells."""
    counting = set(COUNTING)
    rhymed = 0
    for story in stories:
        quotes = Counter(quote for quote in re.findall(r'"([^"]+)[.,!]"', story.body))
        again = [quote for quote, times in quotes.items() if times > 1 and {*quote.lower().split()} <= counting]
        rhymed += bool(again)
        assert all(len(quote.split()) >= 5 for quote in again)
    assert 0.6 < rhymed / len(stories) < 0.8


def test_stories_vary(stories):
    assert distinct_share(stories) >= 0.6
    skeleton, share = commonest_skeletons(stories, 1)[0]
    assert share <= 0.05, skeleton


def test_every_plot_is_told_about_as_often(stories):
    counts = [sum(story.plot == plot.name for story in stories) for plot in plots()]
    assert min(counts) >= 0.4 * len(stories) / len(counts)


def test_who_and_where_are_what_the_last_event_says(stories):
    """An independent reading: the last event that names the thing decides alone."""
    for story in stories:
        for question in story.questions:
            if question.kind == "next":
                continue
            thing = question.question.rstrip("?").split()[-1]
            last = [event for event in story.facts if event.what == thing][-1]
            lies = last.verb in ("put", "carry", "lie")
            assert lies == (question.kind == "where"), story
            told = last.where if lies else last.whom if last.verb == "give" else last.who
            assert question.answer == f"{told[0].upper()}{told[1:]}.", story


def test_what_happened_next_is_the_next_deed_of_the_same_person(stories):
    pronoun = {person.name: person.he for person in PERSONS}
    for question, facts in ((q, story.facts) for story in stories for q in story.questions if q.kind == "next"):
        name = question.question.split()[2]
        deeds = [event.clause for event in facts if event.who == name and event.verb not in STATES]
        before = question.question.split(f" after {pronoun[name]} ")[1].rstrip("?")
        after = deeds[deeds.index(before) + 1]
        assert deeds.count(before) == 1 and question.answer == f"{pronoun[name].capitalize()} {after}."


def test_answers_stand_in_the_story(stories):
    for story in stories:
        for question in story.questions:
            if question.kind in ("who", "where"):
                assert question.answer.rstrip(".").split()[-1] in story.body


def test_questions_cannot_be_answered_without_reading(stories):
    for kind in KINDS:
        questions = of_kind(stories, kind)
        assert len(questions) > 500
        assert last_mentioned_score(questions) < 0.5
        assert most_frequent_score(questions, questions) < 0.15


def test_only_slots_say_names_things_and_places():
    def fixed(nodes):
        for node in nodes:
            if isinstance(node, list):
                for choice in node:
                    yield from fixed(choice)
            elif not isinstance(node, Slot):
                yield node

    def beats(sequence):
        for beat in sequence:
            if isinstance(beat, list):
                for choice in beat:
                    yield from beats(choice)
            else:
                yield beat

    for plot in plots():
        for beat in beats(plot.beats):
            words = set(re.findall("[a-z]+", " ".join(fixed(beat.text)).lower()))
            assert not words & TRACKED, beat.source
