"""Does a model answer the questions at the end of stories it never saw? Accuracy per kind, beside answering blindly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from engine.corpus.measures import last_mentioned_score, most_frequent_score, of_kind
from engine.corpus.questions import KINDS, Question
from engine.corpus.tales import Story, generate

TRAINING_STORIES = 300  # that the most frequent answer is counted in
Report = Callable[[int, int], None]
Asked = tuple[Story, Question]


@dataclass(frozen=True)
class Mistake:
    """A question that was answered wrongly."""

    question: str
    answer: str
    reply: str


@dataclass(frozen=True)
class Verdict:
    """One kind of question: how many were asked, the shares answered rightly, and what the model said wrongly."""

    kind: str
    questions: int
    accuracy: float
    last_mentioned: float
    most_frequent: float
    mistakes: tuple[Mistake, ...]


def prompt(story: Story, question: Question) -> str:
    """The story up to where its answer belongs. The answer follows after one space and ends with the line."""
    return f"{story.body}\nQ: {question.question} A:"


def is_right(reply: str, question: Question) -> bool:
    """Whether the first line of a reply is the answer, the spaces around it aside."""
    return first_line(reply) == question.answer


def first_line(reply: str) -> str:
    """What a reply says, without the spaces around it."""
    return reply.lstrip(" ").split("\n", 1)[0].strip()


def asked(count: int, seed: int, report: Report | None = None) -> dict[str, list[Asked]]:
    """`count` questions of held-out stories for each kind. `report` is told (found, wanted)."""
    found: dict[str, list[Asked]] = {kind: [] for kind in KINDS}
    for story in generate(seed, "held_out"):
        if all(len(pairs) == count for pairs in found.values()):
            break
        for question in story.questions:
            if len(found[question.kind]) < count:
                found[question.kind].append((story, question))
        if report:
            report(sum(map(len, found.values())), count * len(KINDS))
    return found


def judge(answer: Callable[[list[str]], list[str]], questions: dict[str, list[Asked]], seed: int = 0) -> list[Verdict]:
    """Ask the questions of each kind. `answer` takes prompts and gives what follows each.

    seed  of the training stories that the most frequent answer is counted in
    """
    everything = [pair for pairs in questions.values() for pair in pairs]
    replies = iter(answer([prompt(story, question) for story, question in everything]))
    training = list(islice(generate(seed, "train"), TRAINING_STORIES))
    return [
        _verdict(kind, [q for _, q in pairs], list(islice(replies, len(pairs))), of_kind(training, kind))
        for kind, pairs in questions.items()
    ]


def _verdict(kind: str, questions: Sequence[Question], replies: Sequence[str], before: Sequence[Question]) -> Verdict:
    """`before` are questions of training stories."""
    mistakes = tuple(
        Mistake(question.question, question.answer, first_line(reply))
        for question, reply in zip(questions, replies, strict=True)
        if not is_right(reply, question)
    )
    blind = last_mentioned_score(questions), most_frequent_score(questions, before)
    return Verdict(kind, len(questions), 1 - len(mistakes) / len(questions), *blind, mistakes)
