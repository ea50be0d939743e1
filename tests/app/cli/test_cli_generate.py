"""`generate`: what goes to which stream, why it ends, and what each token is said to be."""

from __future__ import annotations

import json
from math import exp, log

import pytest

from engine.settings import Settings

GREEDY = ["--temperature", 0]


def test_standard_output_is_the_new_text_and_nothing_else(minigpt, reader):
    told = minigpt("generate", reader, "-p", "ab", "-n", 20, "--json", *GREEDY).json
    plain = minigpt("generate", reader, "-p", "ab", "-n", 20, *GREEDY)
    assert plain.out == told["text"] == bytes(told["ids"]).decode("utf-8", "replace")
    assert "20 tokens, as asked" in plain.err and "tokens per second" in plain.err


def test_the_same_seed_draws_the_same_text_and_another_draws_another(minigpt, reader):
    texts = [minigpt("generate", reader, "-p", "ab", "-n", 30, "--seed", seed, "--json").json for seed in (1, 1, 2)]
    assert texts[0]["ids"] == texts[1]["ids"] != texts[2]["ids"]
    assert texts[2]["seed"] == 2


def test_a_beginning_token_is_added_and_shown(minigpt, make_reader):
    result = minigpt("generate", make_reader(beginning=True), "-p", "ab", "-n", 1, "--json")
    assert result.json["prompt_ids"] == [ord("!"), ord("a"), ord("b")]
    assert "! (id 33)" in result.err


def test_ids_are_taken_as_they_are(minigpt, make_reader):
    result = minigpt("generate", make_reader(beginning=True), "--ids", "97, 98", "-n", 1, "--json")
    assert result.json["prompt_ids"] == [97, 98]


def test_the_end_token_ends_it_and_is_not_printed(minigpt, make_reader, reader):
    ids = minigpt("generate", reader, "-p", "ab", "-n", 8, "--json", *GREEDY).json["ids"]
    end = ids[3]
    ending = make_reader(eos_token_id=end)
    told = minigpt("generate", ending, "-p", "ab", "-n", 8, "--json", *GREEDY).json
    first = ids.index(end)
    assert told["ids"] == ids[: first + 1] and told["ended"] == f"the end token {end}"
    assert told["text"] == bytes(ids[:first]).decode("utf-8", "replace")
    on = minigpt("generate", ending, "-p", "ab", "-n", 8, "--json", "--ignore-eos", *GREEDY).json
    assert on["ids"] == ids and on["ended"] == "8 tokens, as asked"


def test_a_stop_text_ends_it(minigpt, reader):
    text = minigpt("generate", reader, "-p", "ab", "-n", 40, "--seed", 3).out
    stop = next(text[i : i + 2] for i in range(5, 30) if text[i : i + 2].isascii() and len(set(text[i : i + 2])) == 2)
    told = minigpt("generate", reader, "-p", "ab", "-n", 40, "--seed", 3, "--stop", stop, "--json").json
    assert told["ended"] == "the stop text" and told["text"] == text[: text.index(stop) + len(stop)]


def test_it_ends_where_the_context_ends(minigpt, reader):
    told = minigpt("generate", reader, "-p", "a" * 60, "-n", 40, "--json").json
    assert told["ended"] == "the context's end (64 tokens)" and len(told["ids"]) == 4


def test_each_token_says_how_likely_it_was(minigpt, reader):
    told = minigpt("generate", reader, "-p", "ab", "-n", 5, "--json", "--top", 256, *GREEDY).json
    for id, token in zip(told["ids"], told["tokens"], strict=True):
        best = token["candidates"][0]
        assert token["id"] == best["id"] == id and token["rank"] == best["rank"] == 1
        assert token["logprob"] == pytest.approx(best["logprob"], abs=1e-5)
        assert best["chance"] == 1.0
        assert 0 < token["entropy"] < log(256)
        assert all(c["probability"] == pytest.approx(exp(c["logprob"])) for c in token["candidates"])


def test_a_model_without_tokenizer_writes_ids(minigpt):
    told = minigpt("generate", "random:gpt2-2x240", "--ids", "1,2,3", "-n", 4, "--json")
    plain = minigpt("generate", "random:gpt2-2x240", "--ids", "1,2,3", "-n", 4)
    assert plain.out == told.json["text"] == " ".join(map(str, told.json["ids"]))
    assert told.json["settings"] == vars(Settings())


def test_a_terminal_gets_only_harmless_characters(minigpt, reader, monkeypatch):
    raw = minigpt("generate", reader, "-p", "ab", "-n", 60).out
    assert any(ord(c) < 32 and c != "\n" for c in raw)
    monkeypatch.setattr("app.cli.generate.is_terminal", lambda: True)
    shown = minigpt("generate", reader, "-p", "ab", "-n", 60).out
    assert shown.endswith("\n") and all(c == "\n" or c.isprintable() for c in shown)


def test_ctrl_c_keeps_what_was_made(minigpt, reader, monkeypatch):
    from engine.session import Session

    original = Session.next_token

    def interrupted(self, stream=None):
        if len(self.tokens) == 6:
            raise KeyboardInterrupt
        return original(self, stream)

    monkeypatch.setattr(Session, "next_token", interrupted)
    result = minigpt("generate", reader, "-p", "ab", "-n", 20, "--json")
    assert result.code == 130 and "stopped by Ctrl-C" in result.err
    assert len(json.loads(result.out)["ids"]) == 4
