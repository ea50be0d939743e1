"""A drill asks all that can be asked of a story; the story itself stays as it is."""

from __future__ import annotations

from engine.corpus.questions import DRILL_WORDS
from engine.corpus.tales import story_at


def test_a_drilled_story_is_the_same_with_more_questions():
    more = 0
    for number in range(60):
        usual, drilled = (story_at(3, "train", number, drilled=how) for how in (False, True))
        if usual.body != drilled.body:
            continue  # one of which nothing could be asked was begun anew
        lines = [question.line for question in drilled.questions]
        assert len(set(lines)) == len(lines)
        assert len(lines) == 1 or len(" ".join([drilled.body, *lines]).split()) <= DRILL_WORDS
        more += len(lines) - len(usual.questions)
    assert more > 30
