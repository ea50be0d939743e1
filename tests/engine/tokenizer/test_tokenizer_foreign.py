"""Tokenizers of other kinds, made here with the `tokenizers` library: ids, text and streams are the library's."""

from __future__ import annotations

import json

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import decoders, models, normalizers, pre_tokenizers

from engine.errors import InputError
from engine.tokenizer import open_tokenizer
from engine.tokenizer.foreign import ForeignTokenizer, faults_become

BYTES = {f"<0x{byte:02X}>": 3 + byte for byte in range(256)}


def sentencepiece():
    words = ["▁", "t", "h", "e", "▁t", "▁th", "▁the", "é", ".", "▁▁", "<0xZZ>", "<0xe9>"]
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2, **BYTES, **{word: 259 + i for i, word in enumerate(words)}}
    merges = [("▁", "t"), ("▁t", "h"), ("▁th", "e"), ("▁", "▁")]
    made = tokenizers.Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    made.decoder = decoders.Sequence(steps)
    made.add_special_tokens(["<unk>", "<s>", "</s>"])
    return made


def unigram():
    pieces = [("<unk>", 0.0), ("▁the", -1.0), ("▁cat", -2.0), ("▁", -3.0), *((c, -5.0) for c in "thecas")]
    made = tokenizers.Tokenizer(models.Unigram(pieces, 0, byte_fallback=False))
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    return made


def wordpiece():
    words = ["[UNK]", "the", "cat", "##s", "##at", "c", "."]
    made = tokenizers.Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    return made


def normalized_bytes():
    vocabulary = {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    made = tokenizers.Tokenizer(models.BPE(vocabulary, []))
    made.normalizer, made.decoder = normalizers.NFC(), decoders.ByteLevel()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.add_tokens(["<tool>", "中"])
    return made


MADE = {made.__name__: made() for made in (sentencepiece, unigram, wordpiece, normalized_bytes)}
KINDS = pytest.mark.parametrize("kind", MADE)
TEXTS = ["the cat", "  the cats. The  cat", "the <tool> 中é", "日本 👍 the", "", " ", "<s> the"]


def ours(kind):
    return ForeignTokenizer(json.loads(MADE[kind].to_str()))


@KINDS
@pytest.mark.parametrize("text", TEXTS)
def test_ids_and_text_are_the_librarys(kind, text):
    tokenizer, library = ours(kind), MADE[kind]
    ids = library.encode(text).ids
    assert tokenizer.encode(text, special=True) == ids
    assert tokenizer.decode(ids) == library.decode(ids, skip_special_tokens=False)


@KINDS
def test_a_stream_ends_as_decode_at_every_split(kind):
    tokenizer = ours(kind)

    @given(st.lists(st.integers(-1, tokenizer.vocabulary_size), max_size=12))
    @settings(deadline=None)
    def check(ids):
        for end in range(len(ids) + 1):
            stream = tokenizer.stream()
            assert "".join(map(stream.push, ids[:end])) + stream.finish() == tokenizer.decode(ids[:end])

    check()


def test_valid_text_of_byte_tokens_is_the_librarys():
    tokenizer, library = ours("sentencepiece"), MADE["sentencepiece"]

    @given(st.text())
    @settings(deadline=None)
    def check(text):
        ids = library.encode(text).ids
        assert tokenizer.decode(ids) == library.decode(ids, skip_special_tokens=False)

    check()


def test_a_character_of_several_byte_tokens_is_held_back_and_bytes_are_bytes():
    tokenizer = ours("sentencepiece")
    stream = tokenizer.stream()
    assert [stream.push(BYTES[f"<0x{byte:02X}>"]) for byte in "a€".encode()] == ["a", "", "", "€"]
    assert tokenizer.token_bytes(BYTES["<0xE2>"]) == b"\xe2"
    assert tokenizer.token_text(BYTES["<0xE2>"]) == "<0xE2>"
    assert tokenizer.token_bytes(265) == b" the"


def test_what_only_looks_like_a_byte_token_is_text():
    tokenizer = ours("sentencepiece")
    ids = {tokenizer.token_text(id): id for id in range(tokenizer.vocabulary_size)}
    assert tokenizer.token_bytes(ids["<0xZZ>"]) == b"<0xZZ>"
    assert tokenizer.decode([tokenizer.vocabulary_size - 1]) == "\ufffd"  # <0xe9>, a byte


def test_only_the_first_space_is_stripped():
    assert ours("sentencepiece").decode([265, 265, 259, 265]) == "the the  the"


def test_special_text_is_ordinary_unless_asked_for():
    tokenizer = ours("sentencepiece")
    assert 1 not in tokenizer.encode("<s> the")
    assert 1 in tokenizer.encode("<s> the", special=True)
    assert tokenizer.special_ids == {0, 1, 2}


def test_lone_surrogates_do_not_reach_the_library():
    assert ours("sentencepiece").decode(ours("sentencepiece").encode("the \udcff\ud800")) == "the \ufffd\ufffd"


def test_truncation_padding_and_dropout_are_not_applied():
    document = json.loads(MADE["sentencepiece"].to_str())
    document["truncation"] = {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}
    document["model"]["dropout"] = 0.9
    plain = ours("sentencepiece").encode("the the the the")
    assert [ForeignTokenizer(document).encode("the the the the") for _ in range(5)] == [plain] * 5


def test_saving_a_foreign_tokenizer_keeps_its_document(tmp_path):
    tokenizer = ours("wordpiece")
    tokenizer.save(tmp_path / "tokenizer.json")
    assert open_tokenizer(tmp_path).to_json() == tokenizer.to_json() == json.loads(MADE["wordpiece"].to_str())


def test_a_panic_while_encoding_is_an_input_error():
    document = json.loads(MADE["normalized_bytes"].to_str())
    pattern = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    document["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [pattern, level]}
    with pytest.raises(InputError, match="cannot take this text") as caught:
        ForeignTokenizer(document).encode("a" * 40 + "c")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit])
def test_the_users_wish_to_stop_is_no_fault_of_a_tokenizer(signal):
    with pytest.raises(signal), faults_become(ValueError):
        raise signal
