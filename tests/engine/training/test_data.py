"""Text to tokens: what is refused, what is kept aside, and an order that is a pure function."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.errors import FileError, InputError
from engine.tokenizer.bpe import BPETokenizer
from engine.tokenizer.characters import CharacterTokenizer
from engine.training import token_files
from engine.training.batches import (
    PADDING,
    Documents,
    Windows,
    batch,
    validation_batches,
    validation_documents,
)
from engine.training.data import DataOptions, make_data, open_data
from engine.training.texts import clean_alnum, read_text, split_validation, text_files

END = "<|end|>"


@pytest.fixture
def write(tmp_path):
    def make(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"caf\xe9 au lait", r"is not UTF-8 text: byte 3 is 0xe9 \(Latin-1\? convert it with iconv\)"),
        (b"abc\0def", r"got a NUL byte at 3 \(a binary file\?\)"),
        (b"\x80\x04\x95 pickle", "is a Python pickle"),
        (b"PK\x03\x04rest", "is a ZIP archive"),
    ],
)
def test_what_is_no_text_is_refused(write, content, message):
    with pytest.raises(FileError, match=message):
        read_text([write("corpus.txt", content)])


def test_a_text_shorter_than_the_context_is_refused(write, tmp_path):
    data = make_data([write("a.txt", "too short")], DataOptions(), tmp_path / "data")
    with pytest.raises(InputError, match="the training text has 9 tokens, but the context is 16"):
        Windows(data.tokens.train, 16, seed=0)


def test_a_directory_means_its_text_files_by_name(write, tmp_path):
    write("texts/b.txt", "second ")
    write("texts/deep/c.md", "third")
    write("texts/a.txt", "first ")
    write("texts/picture.png", b"\0")
    assert read_text([tmp_path / "texts"]) == "first second third"
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match=r"holds no text file"):
        text_files([tmp_path / "empty"])


def test_files_are_separate_documents(write):
    paths = [write("a.txt", f"one{END}\n"), write("b.txt", "two"), write("c.txt", "three")]
    assert read_text(paths, END) == f"one{END}two{END}three"  # the line break only ended the separator's line


def test_alnum_is_exactly_letters_digits_and_single_spaces():
    assert clean_alnum("  Don't panic,\n\nZoë! 42 \u0660 -- ok.") == "don t panic zo 42 ok"


@pytest.mark.parametrize("text", ["a" * 100, "é" * 57, "日本" * 33, "x"])
def test_the_last_tenth_of_the_bytes_is_kept_aside(text):
    train, validation = split_validation(text)
    assert train + validation == text
    size = len(text.encode())
    assert 0 <= size // 10 - len(validation.encode()) < 4


def test_no_document_is_on_both_sides():
    text = "".join(f"story {i}{END}" for i in range(50))
    train, validation = split_validation(text, END)
    assert train + validation == text and train.endswith(END)
    assert len(validation) >= len(text) // 10
    assert split_validation("one long story", END)[0]  # a single document is cut after all


@pytest.mark.parametrize("kind", ["characters", "bytes", "bpe"])
def test_tokens_on_the_disk_are_those_of_the_text(write, tmp_path, kind):
    text = "To be, or not to be: that is the question.\n" * 40 + "Zzz"
    data = make_data([write("a.txt", text)], DataOptions(kind, 300), tmp_path / "data")
    train, validation = split_validation(text)
    assert data.tokenizer.decode(data.tokens.train.tolist()) == train
    if kind != "characters":  # a Z, new in the last part, is unknown to characters
        assert data.tokenizer.decode(data.tokens.validation.tolist()) == validation
    raw = np.fromfile(tmp_path / "data" / "train.bin", "<u2")
    assert np.array_equal(raw, data.tokens.train) and not data.tokens.train.flags.writeable
    assert np.array_equal(open_data(tmp_path / "data").tokens.train, raw)


def test_the_tokenizer_never_saw_the_validation_text(write, tmp_path):
    data = make_data([write("a.txt", "abc" * 300 + "xyz" * 30)], DataOptions(), tmp_path / "data")
    assert set("abc") <= set(data.tokenizer.characters) and not set("yz") & set(data.tokenizer.characters)


def test_the_same_text_is_not_encoded_twice_and_another_is(write, tmp_path):
    path = write("a.txt", "hello world " * 50)
    make_data([path], DataOptions(), tmp_path / "data")
    made = (tmp_path / "data" / "train.bin").stat().st_mtime_ns
    make_data([path], DataOptions(), tmp_path / "data")
    assert (tmp_path / "data" / "train.bin").stat().st_mtime_ns == made
    path.write_text("HELLO " * 100)
    data = make_data([path], DataOptions(), tmp_path / "data")
    assert data.tokenizer.decode(data.tokens.train[:5].tolist()) == "HELLO"


def test_a_damaged_token_file_is_refused(write, tmp_path):
    make_data([write("a.txt", "hello world " * 50)], DataOptions(), tmp_path / "data")
    path = tmp_path / "data" / "train.bin"
    good = path.read_bytes()
    path.write_bytes(good[:-3])
    with pytest.raises(FileError, match=r"train\.bin: expected 540 tokens of 2 bytes, got 1,077 bytes"):
        open_data(tmp_path / "data")
    path.write_bytes(b"\xff" + good[1:])
    with pytest.raises(FileError, match="checksum"):
        open_data(tmp_path / "data")
    (tmp_path / "data" / "tokens.json").write_text(json.dumps({"dtype": "float64"}))
    with pytest.raises(FileError, match="dtype: expected one of uint16, uint32"):
        open_data(tmp_path / "data")


def test_a_long_text_in_pieces_has_the_ids_of_the_whole(monkeypatch):
    text = "One line.\n\n Two  \n\tlines\nare  here, ok\n\nand 'tis\n" * 20 + END + "\nlast " + END
    bpe, characters = BPETokenizer.train(text, 320, [END]), CharacterTokenizer.train(text, [END])
    monkeypatch.setattr(token_files, "PIECE", 20)
    for tokenizer in (bpe, characters):
        cut = list(token_files.pieces(text, tokenizer))
        assert len(cut) > 5 and "".join(cut) == text
        ids = [id for piece in cut for id in tokenizer.encode(piece, special=True)]
        assert ids == tokenizer.encode(text, special=True)


def test_windows_tile_the_text_once_per_epoch():
    windows = Windows(np.arange(1000, dtype=np.uint16), 32, seed=3)
    for epoch in range(3):
        numbers = range(epoch * windows.size, (epoch + 1) * windows.size)
        samples = [windows.sample(n) for n in numbers]
        assert all(len(s) == 33 and (np.diff(s) == 1).all() for s in samples)
        seen = np.sort(np.concatenate([s[1:] for s in samples]))
        assert len(np.unique(seen)) == len(seen) == 32 * windows.size > 1000 - 2 * 32
    firsts = [[int(windows.sample(n)[0]) for n in range(e * 30, e * 30 + 30)] for e in range(2)]
    assert firsts[0] != firsts[1]


def test_the_order_is_a_function_of_seed_and_number():
    tokens = np.arange(500, dtype=np.uint16)
    first, again, other = (Windows(tokens, 16, seed) for seed in (1, 1, 2))
    straight = [first.sample(n).tolist() for n in range(80)]
    assert [again.sample(n).tolist() for n in reversed(range(80))] == straight[::-1]
    assert [other.sample(n).tolist() for n in range(80)] != straight
    whole, _ = batch(first, 40, 8)
    assert np.array_equal(np.concatenate([batch(first, 40, 4)[0], batch(first, 44, 4)[0]]), whole)


@pytest.mark.parametrize("length", [17, 32, 33])
def test_a_text_of_barely_one_window_is_enough(length):
    windows = Windows(np.arange(length, dtype=np.uint16), 16, seed=0)
    assert all(len(windows.sample(n)) == 17 for n in range(20))


def test_documents_are_padded_to_the_longest_and_masked():
    tokens = np.array([5, 6, 0, 7, 0, 0, 8, 9, 5, 6, 7, 0], np.uint16)  # three documents, and an empty one
    documents = Documents(tokens, 4, seed=0, separator=0)
    assert documents.size == 3
    assert [documents.document(i).tolist() for i in range(2)] == [[0, 5, 6, 0], [0, 7, 0]]
    inputs, targets = batch(documents, 0, 3)
    assert inputs.shape == targets.shape == (3, 4)
    rows = {tuple(row) for row in targets.tolist()}
    assert {(5, 6, 0, PADDING), (7, 0, PADDING, PADDING)} < rows
    assert sorted(len(documents.sample(n)) for n in range(3)) == [3, 4, 5]  # the longest is cut to 4 + 1


def test_a_last_document_without_its_end_counts():
    documents = Documents(np.array([5, 0, 6, 7]), 8, seed=0, separator=0)
    assert [documents.document(i).tolist() for i in range(2)] == [[0, 5, 0], [0, 6, 7, 0]]
    with pytest.raises(InputError, match="no document"):
        Documents(np.array([0, 0]), 8, seed=0, separator=0)


def test_validation_scores_every_token_but_the_first_once():
    tokens = np.arange(100, dtype=np.uint16)
    batches = list(validation_batches(tokens, 16, rows=3))
    assert all(inputs.shape == (3, 16) for inputs, _ in batches)
    targets = np.concatenate([t.reshape(-1) for _, t in batches])
    assert targets[targets >= 0].tolist() == list(range(1, 100))
    for inputs, wanted in batches:
        assert (wanted[wanted >= 0] == inputs[wanted >= 0] + 1).all()
    few = list(validation_batches(tokens, 16, rows=3, most=2))
    assert [t[:, 0].tolist() for _, t in few] == [[1, 49, PADDING]]
    assert list(validation_batches(tokens[:1], 16, rows=3)) == []


def test_validation_documents_are_read_whole_and_each_once():
    documents = Documents(np.array([5, 6, 0, 7, 0, 8, 9, 10, 11, 12, 0, 13, 0]), 4, seed=0, separator=0)
    (first, then), (tokens, targets) = validation_documents(documents, rows=3)
    assert first.tolist() == [[0, 5, 6, 0], [0, 7, 0, 0], [0, 8, 9, 10]]
    assert then.tolist() == [[5, 6, 0, PADDING], [7, 0, PADDING, PADDING], [8, 9, 10, 11]]
    assert tokens[0].tolist() == [0, 13, 0, 0] and targets[0].tolist() == [13, 0, PADDING, PADDING]
    assert (targets[1:] == PADDING).all()
    few = [row.tolist() for tokens, _ in validation_documents(documents, 1, most=2) for row in tokens]
    assert few == [[0, 5, 6, 0], [0, 8, 9, 10]]


def test_a_document_begins_as_a_prompt_does(write):
    assert read_text([write("a.txt", f"one\n{END}\ntwo\n\nlines\n{END}\n")], END) == f"one\n{END}two\n\nlines\n{END}"


def test_a_separator_becomes_one_token(write, tmp_path):
    text = "".join(f"tale {i} of a cat{END}" for i in range(60))
    data = make_data([write("a.txt", text)], DataOptions("bpe", 280, END), tmp_path / "data")
    assert (data.tokens.train == data.separator_id(END)).sum() + (
        data.tokens.validation == data.separator_id(END)
    ).sum() == 60
    with pytest.raises(InputError, match="is no special token"):
        data.separator_id("<nothing>")


def test_validation_may_be_a_file_of_its_own(write, tmp_path):
    train, held_out = write("a.txt", "abab" * 50), write("b.txt", "bbbb" * 5)
    data = make_data([train], DataOptions(), tmp_path / "data", validation=[held_out])
    assert len(data.tokens.train) == 200 and len(data.tokens.validation) == 20
