"""Held-out stories share nothing with training stories that the split promises to keep apart."""

from __future__ import annotations

from itertools import islice

import pytest

from engine.corpus.judge import asked, is_right, judge, prompt
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
    answers = {prompt(story, question): f" {question.answer}\n" for story, question in asked(5, 1)}
    for reply, accuracy in ((answers.__getitem__, 1.0), (lambda _: "", 0.0)):
        verdicts = judge(lambda prompts, reply=reply: [reply(one) for one in prompts], 5, 1)
        assert [(verdict.kind, verdict.accuracy) for verdict in verdicts] == [(kind, accuracy) for kind in KINDS]


def test_an_answer_ends_with_its_line():
    question = asked(1, 1)[0][1]
    assert is_right(f" {question.answer}\nQ: More?", question)
    assert not is_right(f" {question.answer} And more.", question)
