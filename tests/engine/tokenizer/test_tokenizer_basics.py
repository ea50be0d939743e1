"""Characters, bytes, and what every tokenizer has in common."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError, SurroundingsError
from engine.tokenizer import open_tokenizer
from engine.tokenizer.base import well_formed
from engine.tokenizer.bytes import BYTE_ORDER, ByteTokenizer, spell, unspell
from engine.tokenizer.characters import CharacterTokenizer

HELLO = CharacterTokenizer.train("hello, world")


def as_the_library(tokenizer, path):
    tokenizer.save(path)
    return tokenizers.Tokenizer.from_file(str(path))


def test_characters_are_sorted_behind_the_unknown_token():
    assert HELLO.characters == {c: i for i, c in enumerate(sorted(set("hello, world")), 1)}
    assert (HELLO.specials, HELLO.special_ids, HELLO.bos) == ({"<unk>": 0}, frozenset({0}), None)
    assert HELLO.vocabulary_size == 1 + len(set("hello, world"))


def test_an_unknown_character_is_one_unknown_token_each():
    assert HELLO.encode("hé日") == [HELLO.characters["h"], 0, 0]
    assert HELLO.decode(HELLO.encode("hé日!")) == "h<unk><unk><unk>"


def test_a_saved_character_tokenizer_gives_the_same_ids_in_the_library(tmp_path, hostile):
    tokenizer = CharacterTokenizer.train("abc <|endoftext|> é日👍\n\0", specials=["<|endoftext|>"])
    library = as_the_library(tokenizer, tmp_path / "tokenizer.json")
    assert library.encode(hostile).ids == tokenizer.encode(hostile, special=True)
    library.encode_special_tokens = True
    ids = tokenizer.encode(hostile)
    assert library.encode(hostile).ids == ids
    assert library.decode(ids, skip_special_tokens=False) == tokenizer.decode(ids)


def test_a_saved_character_tokenizer_is_read_back_as_itself(tmp_path):
    tokenizer = CharacterTokenizer.train("abc <|endoftext|> é日👍\n", specials=["<|endoftext|>"])
    tokenizer.save(tmp_path / "tokenizer.json")
    again = open_tokenizer(tmp_path)
    assert isinstance(again, CharacterTokenizer)
    assert again.to_json() == tokenizer.to_json()
    assert again.encode("<|endoftext|>a", special=True) == [1, again.characters["a"]]


def test_a_special_token_of_one_character_is_refused():
    with pytest.raises(InputError, match="at least 2 characters"):
        CharacterTokenizer.train("abc", specials=["a"])


@given(st.text())
def test_the_bytes_of_a_text_are_its_ids(text):
    assert ByteTokenizer().encode(text) == list(text.encode())
    assert ByteTokenizer().decode(text.encode()) == text


def test_a_saved_byte_tokenizer_gives_the_same_ids_in_the_library_and_here(tmp_path, hostile):
    library = as_the_library(ByteTokenizer(), tmp_path / "tokenizer.json")
    assert library.encode(hostile).ids == list(hostile.encode()) == open_tokenizer(tmp_path).encode(hostile)


def test_the_alphabet_of_bytes_is_the_librarys():
    assert sorted(map(spell, (bytes([b]) for b in range(256)))) == sorted(
        tokenizers.pre_tokenizers.ByteLevel.alphabet()
    )
    assert spell(b" the\n") == "ĠtheĊ"
    assert unspell(spell(bytes(BYTE_ORDER))) == bytes(BYTE_ORDER)
    with pytest.raises(ValueError, match="spells no byte"):
        unspell("a b")


def test_undecodable_bytes_of_an_argument_become_the_bytes_they_came_from():
    argument = b"caf\xc3\xa9 \xff\xe2\x82".decode("ascii", "surrogateescape")
    assert well_formed(argument) == "café \udcff\udce2\udc82"
    assert bytes(ByteTokenizer().encode(argument)) == os.fsencode(argument) == b"caf\xc3\xa9 \xff\xe2\x82"
    assert HELLO.encode("h\udcff") == [HELLO.characters["h"], 0]


def test_other_lone_surrogates_become_the_replacement_character():
    assert well_formed("a\ud83db\udfff") == "a\ufffdb\ufffd"


@given(st.binary())
def test_a_stream_never_shows_half_a_character_and_ends_as_decode(data):
    stream = ByteTokenizer().stream()
    pieces = [stream.push(id) for id in data]
    for end in range(len(data) + 1):
        assert data.decode("utf-8", "replace").startswith("".join(pieces[:end]))
    assert "".join(pieces) + stream.finish() == ByteTokenizer().decode(data) == data.decode("utf-8", "replace")


def test_a_stream_holds_a_character_back_until_it_is_complete():
    stream = ByteTokenizer().stream()
    assert [stream.push(byte) for byte in "a€".encode()] == ["a", "", "", "€"]
    assert [stream.push(0xE2), stream.finish(), stream.push(0x61)] == ["", "\ufffd", "a"]


def test_stray_bytes_are_shown_by_number():
    assert ByteTokenizer().token_text(0xE2) == "<0xE2>"
    assert ByteTokenizer().token_text(0x61) == "a"


@pytest.mark.parametrize("tokenizer", [HELLO, ByteTokenizer()], ids=["characters", "bytes"])
@pytest.mark.parametrize("id", [-1, 1_000, 10**12])
def test_an_id_of_no_token_is_decoded_as_the_replacement_character(tokenizer, id):
    assert tokenizer.decode([id]) == "\ufffd"
    assert tokenizer.token_text(id) == "\ufffd"


def test_special_tokens_can_be_left_out_of_the_text():
    ids = [HELLO.characters["h"], 0, HELLO.characters["e"]]
    stream = HELLO.stream(special=False)
    assert HELLO.decode(ids, special=False) == "he" == "".join(map(stream.push, ids))


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "tokenizer.json"
    HELLO.save(path)
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(SurroundingsError, match=r"tokenizer\.json"):
        ByteTokenizer().save(path)
    assert path.read_bytes() == before


def test_importing_the_package_imports_no_heavy_library():
    code = "import json, sys, engine.tokenizer; print(json.dumps(sorted(sys.modules)))"
    root = Path(__file__).parents[3]
    modules = json.loads(subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True).stdout)
    assert not {"regex", "tokenizers", "numpy"} & set(modules)
