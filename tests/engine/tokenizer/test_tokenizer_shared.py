"""Against public inputs: GPT-2's files, a reference trainer's output, a SentencePiece-like model."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import tokenizers

from engine.tokenizer import files, open_tokenizer
from engine.tokenizer.bpe import BPETokenizer
from engine.tokenizer.bytes import spell
from engine.tokenizer.foreign import ForeignTokenizer


@pytest.fixture(scope="module")
def gpt2(shared):
    return files.read_merges(shared / "tokenizers/gpt2/vocab.bpe", shared / "tokenizers/gpt2/encoder.json")


@pytest.fixture(scope="module")
def library(shared):
    return tokenizers.Tokenizer.from_file(str(shared / "tokenizers/gpt2/tokenizer.json"))


def test_gpt2_files_give_the_librarys_ids_on_all_of_tinyshakespeare(shared, gpt2, library):
    text = (shared / "data/tinyshakespeare.txt").read_text()
    start = time.perf_counter()
    ids = gpt2.encode(text)
    assert time.perf_counter() - start < 10
    assert ids == library.encode(text).ids
    assert gpt2.decode(ids) == text


def test_gpt2_files_give_the_librarys_ids_on_hostile_text(gpt2, library, hostile):
    start = time.perf_counter()
    ids = gpt2.encode(hostile, special=True)
    assert time.perf_counter() - start < 1
    assert ids == library.encode(hostile).ids


def test_gpt2_as_one_file_or_as_two_is_the_same(shared, gpt2):
    one = open_tokenizer(shared / "tokenizers/gpt2")
    assert isinstance(one, BPETokenizer)
    assert (one.tokens, one.merges, one.specials) == (gpt2.tokens, gpt2.merges, gpt2.specials)
    assert (one.vocabulary_size, one.specials, one.bos) == (50257, {"<|endoftext|>": 50256}, None)


def test_training_reproduces_the_reference_vocabulary_and_merges(shared):
    folder = shared / "tokenizers/bpe-reference"
    trained = BPETokenizer.train((folder / "corpus.en").read_text(), 500, ["<|endoftext|>"])
    vocabulary = json.loads((folder / "train-bpe-reference-vocab.json").read_text())
    merges = (folder / "train-bpe-reference-merges.txt").read_text().splitlines()
    assert {spell(data): id for data, id in trained.tokens.items()} | trained.specials == vocabulary
    assert [f"{spell(a)} {spell(b)}" for a, b in trained.merges] == merges


def test_4096_tokens_are_learned_from_two_megabytes_in_time(shared, tmp_path):
    text = (shared / "data/tinystories.txt").read_text()
    start = time.perf_counter()
    trained = BPETokenizer.train(text, 4096, ["<|endoftext|>"])
    assert time.perf_counter() - start < 30
    trained.save(tmp_path / "tokenizer.json")
    other = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert other.encode(text).ids == trained.encode(text, special=True)


def test_a_sentencepiece_like_tokenizer_gives_the_librarys_ids_and_text(shared, hostile):
    tokenizer = open_tokenizer(shared / "models/stories260K")
    other = tokenizers.Tokenizer.from_file(str(shared / "models/stories260K/tokenizer.json"))
    assert isinstance(tokenizer, ForeignTokenizer)
    assert (tokenizer.bos, tokenizer.vocabulary_size, tokenizer.special_ids) == (1, 512, {0, 1, 2})
    ids = other.encode(hostile).ids
    assert tokenizer.encode_prompt(hostile, special=True) == ids
    assert tokenizer.decode(ids) == other.decode(ids, skip_special_tokens=False)
    assert tokenizer.decode(ids, special=False) == other.decode(ids, skip_special_tokens=True)
    stream = tokenizer.stream()
    assert "".join(map(stream.push, ids)) + stream.finish() == tokenizer.decode(ids)


def test_the_recorded_prompt_of_stories260k_is_once_upon_a_time(shared):
    tokenizer = open_tokenizer(shared / "models/stories260K")
    with np.load(shared / "models/recorded/stories260K.0.npz") as recorded:
        ids = recorded["ids"].tolist()
    assert tokenizer.encode_prompt(tokenizer.decode(ids, special=False)) == ids
    assert tokenizer.token_text(ids[1]) == " Once"
