"""Held-out stories share nothing with training stories that the split promises to keep apart."""

from __future__ import annotations

from itertools import islice

import pytest

from engine.corpus.judge import Mistake, asked, is_right, judge, prompt
from engine.corpus.measures import runs, shared, triples
from engine.corpus.questions import KINDS
from engine.corpus.split import WINDOW, has_mark, holds_pair, is_held_out
from engine.corpus.tales import generate


@pytest.fixture(scope="module")
def held_out():
    return list(islice(generate(3, "held_out"), 60))


@pytest.fixture(scope="module")
def training():
    return list(islice(generate(3), 400))


def test_nothing_is_shared(training, held_out):
    assert shared(training, held_out) == (0, 0)


def test_the_measure_sees_what_is_shared(held_out):
    both_triples, both_windows = shared(held_out[:1], held_out)
    assert both_triples == len(triples(held_out[0])) > 0
    assert both_windows == len(set(runs(held_out[0].body, WINDOW)))


def test_every_triple_is_on_its_side(training, held_out):
    assert all(is_held_out(*triple) for story in held_out for triple in triples(story))
    assert not any(is_held_out(*triple) for story in training for triple in triples(story))


def test_every_window_without_a_pair_is_on_its_side(training, held_out):
    for stories, is_kept_out in ((training, False), (held_out, True)):
        for window in (window for story in stories for window in runs(story.body, WINDOW)):
            assert holds_pair(window) or has_mark(window) == is_kept_out, window


def test_the_judge_gives_full_marks_for_the_answers_and_none_for_silence():
    questions = asked(5, 1)
    answers = {prompt(*pair): f" {pair[1].answer}\n" for pairs in questions.values() for pair in pairs}
    told = judge(lambda prompts: [answers[one] for one in prompts], questions, 1)
    assert [(verdict.kind, verdict.accuracy) for verdict in told] == [(kind, 1.0) for kind in KINDS]
    silent = judge(lambda prompts: [""] * len(prompts), questions, 1)
    assert [(verdict.kind, verdict.accuracy) for verdict in silent] == [(kind, 0.0) for kind in KINDS]


def test_the_judge_tells_what_was_said_wrongly_and_of_which_kind():
    questions = asked(4, 1)
    story, question = questions["where"][2]
    verdicts = judge(lambda ps: [" On the moon.\n" if p == prompt(story, question) else "" for p in ps], questions, 1)
    (where,) = [verdict for verdict in verdicts if verdict.kind == "where"]
    assert where.mistakes[2] == Mistake(question.question, question.answer, "On the moon.")
    assert [len(verdict.mistakes) for verdict in verdicts] == [4, 4, 4]


def test_the_questions_are_the_first_of_their_kind():
    for kind, pairs in asked(6, 2).items():
        every = (q for story in generate(2, "held_out") for q in story.questions if q.kind == kind)
        assert [question for _, question in pairs] == list(islice(every, 6))


def test_an_answer_ends_with_its_line():
    _, question = asked(1, 1)["who"][0]
    assert is_right(f" {question.answer}\nQ: More?", question)
    assert not is_right(f" {question.answer} And more.", question)
