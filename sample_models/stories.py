"""What the page of the model of stories says beside the usual: how it goes on, what it answers, which head repeats.

Every figure is measured here, on the model as it is stored. The stories are of the held-out split, which shares no
(name, thing, place) and no 12 words in a row with any training story.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from textwrap import fill

import numpy as np

from engine.analysis.induction import HALF, loss_without, measure_heads, repeats
from engine.analysis.replies import Replier
from engine.corpus.judge import asked, judge
from engine.corpus.tales import Story, generate
from engine.model import Model
from engine.sampling import Sampler
from engine.session import Session
from engine.text import visible
from engine.tokenizer import Tokenizer
from engine.training.batches import padded
from engine.training.parameters import FlatParameters
from engine.training.step import TrainingStep

HELD_OUT, SHOWN_SEED, ASKED_SEED = "held-out.txt", 2, 3  # other seeds than of training and validation
MOST_BYTES = 64 << 10
SHOWN, QUESTIONS, BATCH = 20, 500, 16
OPENING_WORDS = 8  # the fewest that a story is begun with, in whole sentences
INDUCTION = 0.3  # from here on a head counts as an induction head
WIDTH = 116

PAGE = """
## Questions it never saw

{questions} questions of each kind about held-out stories (seed {asked_seed}), answered greedily; beside it two ways to
answer without reading: with the fitting name, place or deed that the story mentions last, and with the commonest answer
of other stories. `minigpt corpus judge {name}` prints this table:

| kind | right | last mentioned | most frequent |
|---|---|---|---|
{judgement}

## The head that repeats

{induction} `minigpt heads {name}` prints all heads.

## Stories it never saw

`{held_out}` holds {count} held-out stories; their loss is {loss:.3f} nats per token. The same file is written by
`minigpt corpus tales --split held-out --seed {shown_seed} --stories {count} -o {held_out}`. Below, the model goes on
with how the first {shown} of them begin (in brackets), until it ends the story.

Greedily, the likeliest token each time:

~~~~
{greedy}
~~~~

At temperature 0.8, the seeds 0 to {last_seed}:

~~~~
{sampled}
~~~~
"""


def page(model: Model, target: Path) -> str:
    """Write the held-out stories beside the model; return what its page says about them."""
    assert model.tokenizer is not None
    stories = held_out_stories()
    (target / HELD_OUT).write_text("".join(story.text for story in stories))
    openings = [opening(story) for story in stories[:SHOWN]]
    return PAGE.format(
        name=target.name, questions=QUESTIONS, asked_seed=ASKED_SEED, judgement="\n".join(judgement(model)),
        induction=induction(model), held_out=HELD_OUT, shown_seed=SHOWN_SEED, count=len(stories),
        loss=loss(model, stories), shown=SHOWN, last_seed=SHOWN - 1,
        greedy="\n\n".join(continued(model, text, Sampler(0.0), 0) for text in openings),
        sampled="\n\n".join(continued(model, text, Sampler(0.8), seed) for seed, text in enumerate(openings)),
    )  # fmt: skip


def held_out_stories() -> list[Story]:
    """As many whole stories as fit into the file."""
    found: list[Story] = []
    left = MOST_BYTES
    for story in generate(SHOWN_SEED, "held_out"):
        left -= len(story.text)
        if left < 0:
            break
        found.append(story)
    return found


def opening(story: Story) -> str:
    """The first sentence, and the next where that is short."""
    ends = (match.end() for match in re.finditer(r'[.!?]"?(?=\s)', story.body))
    return next(text for end in ends if len((text := story.body[:end]).split()) >= OPENING_WORDS)


def continued(model: Model, text: str, sampler: Sampler, seed: int) -> str:
    """The opening in brackets, and how the model goes on until it ends the story, in short lines."""
    assert model.tokenizer is not None
    session = Session(model, sampler=sampler, seed=seed)
    session.prompt(text)
    given = len(session.tokens)
    for _ in session.generate(model.config.context - given):
        pass
    rest = model.tokenizer.decode(session.tokens[given:], special=False)
    return "\n".join(fill(visible(line), WIDTH) for line in f"[{text}]{rest}".strip("\n").split("\n"))


def judgement(model: Model) -> Iterator[str]:
    """A row of the table for each kind of question."""
    for v in judge(Replier(model), asked(QUESTIONS, ASKED_SEED), ASKED_SEED):
        yield f"| {v.kind} | {v.accuracy:.1%} | {v.last_mentioned:.1%} | {v.most_frequent:.1%} |"


def induction(model: Model) -> str:
    """The induction head that is missed most when it is left out; if no head is one, the head that comes nearest."""
    texts = repeats(model)
    heads = measure_heads(model, texts)
    without = {head: loss_without(model, texts, [head]) for head in heads.best(5)}
    scores = heads.scores.induction
    real = [head for head in without if scores[head] >= INDUCTION] or heads.best(1)
    layer, head = max(real, key=without.__getitem__)
    rise = without[layer, head] - heads.second_loss
    return fill(
        f"On {len(texts.tokens)} random repeated sequences of 2 x {HALF} tokens, layer {layer}, head {head} (counted "
        f"from 0) has a mean induction score of {scores[layer, head]:.2f}: that share of its attention goes to the "
        f"token that followed the earlier occurrence. Leaving it out raises the loss of the second half by {rise:.2f} "
        f"nats per token, from {heads.second_loss:.2f} to {without[layer, head]:.2f}.", WIDTH + 4,
    )  # fmt: skip


def loss(model: Model, stories: list[Story]) -> float:
    """Nats per token over whole stories, each with its end, one by one."""
    assert model.tokenizer is not None
    step = TrainingStep(FlatParameters(model.config, model.weights))
    total, count = 0.0, 0
    examples = (_example(model.tokenizer, story, model.config.context) for story in stories)
    while some := list(islice(examples, BATCH)):
        nats, targets = step.loss(*padded(some, BATCH, model.config.context))
        total, count = total + nats, count + targets
    step.close()
    return total / count


def _example(tokenizer: Tokenizer, story: Story, context: int) -> np.ndarray:
    """The beginning, the story, and the token that ends it."""
    ids = [*tokenizer.beginning, *tokenizer.encode(story.text.rstrip("\n"), special=True)]
    return np.array(ids[: context + 1])
