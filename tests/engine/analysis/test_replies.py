"""Replies of a batch are those of the plain program, one prompt and one token at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.analysis.replies import LONGEST, Replier
from engine.errors import InputError
from engine.model import Model
from engine.tokenizer.bytes import ByteTokenizer

PROMPTS = ["Who", "has the", "kite, and the ", "x", "ball? A: No", "Q", "who knows", "W" * 47, "W" * 48, "W" * 60, ""]
NEWLINE = ord("\n")


def reading(make_model, name, **changes) -> Model:
    return replace(make_model(name, vocab_size=256, **changes), tokenizer=ByteTokenizer())


def by_hand(model, plain_run, prompt):
    """The likeliest token of the whole text so far, again and again."""
    ids, made = list(prompt.encode()), list[int]()
    while 0 < len(ids) < model.config.context and len(made) < LONGEST:
        made.append(int(plain_run(model, ids)["logits"][0, -1].argmax()))
        ids.append(made[-1])
        if made[-1] in (NEWLINE, *model.config.eos):
            break
    return ByteTokenizer().decode(made)


@pytest.mark.parametrize("name", ["gpt2", "llama", "mistral", "sinusoidal"])
@pytest.mark.parametrize("rows", [1, 3])
def test_replies_are_those_of_the_plain_program(make_model, plain_run, name, rows):
    model = reading(make_model, name)
    replies = Replier(model, rows)(PROMPTS)
    assert replies == [by_hand(model, plain_run, prompt) for prompt in PROMPTS]
    assert replies[-3:] == ["", "", ""] and len(set(replies)) > 3


def test_a_reply_ends_with_its_line(make_model):
    model = reading(make_model, "llama")
    (whole,) = Replier(model)(PROMPTS[:1])
    breaking = next(id for id in whole.encode()[4:] if id < 128)

    class Breaking(ByteTokenizer):
        def token_bytes(self, id: int) -> bytes:
            return b"\n" if id == breaking else super().token_bytes(id)

    (line,) = Replier(replace(model, tokenizer=Breaking()))(PROMPTS[:1])
    assert line == whole.split(chr(breaking))[0] + "\n" != whole


def test_progress_counts_every_prompt_once(make_model):
    told: list[tuple[int, int]] = []
    Replier(reading(make_model, "llama"), 2)(PROMPTS, lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == [5, 7, 9, 11] and {total for _, total in told} == {11}


def test_damaged_weights_and_a_missing_tokenizer_are_refused(make_model):
    model = reading(make_model, "llama")
    damaged = {address: np.full_like(value, np.nan) for address, value in model.weights.items()}
    with pytest.raises(InputError, match="NaN"):
        Replier(replace(model, weights=damaged))(PROMPTS)
    with pytest.raises(InputError, match="no tokenizer"):
        Replier(make_model("llama"))
