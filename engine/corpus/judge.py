"""Does a model answer the questions at the end of stories it never saw? Accuracy per kind, beside answering blindly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from engine.corpus.measures import last_mentioned_score, most_frequent_score, of_kind
from engine.corpus.questions import KINDS, Question
from engine.corpus.tales import Story, generate

TRAINING_STORIES = 300  # that the most frequent answer is counted in


@dataclass(frozen=True)
class Verdict:
    """One kind of question: how many were asked, and the shares answered rightly."""

    kind: str
    questions: int
    accuracy: float
    last_mentioned: float
    most_frequent: float


def prompt(story: Story, question: Question) -> str:
    """The story up to where its answer belongs. The answer follows after one space and ends with the line."""
    return f"{story.body}\nQ: {question.question} A:"


def is_right(reply: str, question: Question) -> bool:
    """Whether the first line of a reply is the answer, the spaces around it aside."""
    return reply.lstrip(" ").split("\n", 1)[0].strip() == question.answer


def asked(count: int, seed: int) -> list[tuple[Story, Question]]:
    """`count` questions of held-out stories for each kind."""
    return [pair for kind in KINDS for pair in islice(_pairs(kind, seed), count)]


def judge(answer: Callable[[list[str]], list[str]], count: int = 500, seed: int = 1) -> list[Verdict]:
    """Ask `count` held-out questions of each kind. `answer` takes prompts and gives what follows each."""
    pairs = asked(count, seed)
    replies = answer([prompt(story, question) for story, question in pairs])
    right = [is_right(reply, question) for reply, (_, question) in zip(replies, pairs, strict=True)]
    training = list(islice(generate(seed, "train"), TRAINING_STORIES))
    verdicts = []
    for start, kind in zip(range(0, len(pairs), count), KINDS, strict=True):
        questions = [question for _, question in pairs[start : start + count]]
        blind = last_mentioned_score(questions), most_frequent_score(questions, of_kind(training, kind))
        verdicts.append(Verdict(kind, count, sum(right[start : start + count]) / count, *blind))
    return verdicts


def _pairs(kind: str, seed: int) -> Iterator[tuple[Story, Question]]:
    return ((story, q) for story in generate(seed, "held_out") for q in story.questions if q.kind == kind)
