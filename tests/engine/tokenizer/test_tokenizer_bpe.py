"""Byte pair encoding: against a slow one that is plainly right, and against the `tokenizers` library."""

from __future__ import annotations

import random
import time
from collections import Counter
from itertools import pairwise

import pytest
import regex
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.tokenizer import open_tokenizer
from engine.tokenizer.bpe import BPETokenizer
from engine.tokenizer.bpe_training import learn_merges
from engine.tokenizer.patterns import GPT2, GPT4, split, understands

PATTERNS = pytest.mark.parametrize("pattern", [GPT2, GPT4, None], ids=["gpt2", "gpt4", "none"])
END = "<|endoftext|>"


def slowly_trained(words, count):
    words = Counter({tuple(bytes([b]) for b in word): n for word, n in words.items()})
    merges = []
    while len(merges) < count:
        pairs = Counter()
        for word, n in words.items():
            for pair in pairwise(word):
                pairs[pair] += n
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        words = Counter({tuple(slowly_joined(list(word), best)): n for word, n in words.items()})
    return merges


def slowly_joined(symbols, pair):
    i = 0
    while i + 1 < len(symbols):
        if (symbols[i], symbols[i + 1]) == pair:
            symbols[i : i + 2] = [pair[0] + pair[1]]
        i += 1
    return symbols


def slowly_encoded(tokenizer, text):
    ids = []
    for word in split(text, tokenizer.pattern):
        symbols = [bytes([b]) for b in word.encode()]
        for pair in tokenizer.merges:
            symbols = slowly_joined(symbols, pair)
        ids += [tokenizer.tokens[symbol] for symbol in symbols]
    return ids


def test_the_example_of_the_paper_is_learned_as_by_hand():
    # low x5, lower x2, newest x6, widest x3: es and st occur 9 times, st is greater; then e+st, then t is joined to
    # nothing more: o w 7, l o 7 -> ("o","w") is greater; n e / e w / w est 6 -> ("w","est").
    words = {b"low": 5, b"lower": 2, b"newest": 6, b"widest": 3}
    expected = [
        (b"s", b"t"),
        (b"e", b"st"),
        (b"o", b"w"),
        (b"l", b"ow"),
        (b"w", b"est"),
        (b"n", b"e"),
        (b"ne", b"west"),
    ]
    assert learn_merges(words, 7) == expected


@given(st.dictionaries(st.text("abc", min_size=1, max_size=12).map(str.encode), st.integers(1, 3), max_size=8))
@settings(deadline=None)
def test_incremental_training_is_counting_again_after_each_merge(words):
    assert learn_merges(words, 30) == slowly_trained(words, 30)


@PATTERNS
def test_the_heap_joins_what_merge_after_merge_joins(corpus, pattern):
    tokenizer = BPETokenizer.train(corpus, 400, pattern=pattern)
    assert tokenizer.encode(corpus) == slowly_encoded(tokenizer, corpus)


@PATTERNS
def test_decoding_gives_the_text_back(corpus, pattern):
    tokenizer = BPETokenizer.train(corpus, 400, [END], pattern)

    @given(st.text() | st.text("the cat<|endof>\n '", max_size=60))
    @settings(deadline=None)
    def check(text):
        assert tokenizer.decode(tokenizer.encode(text)) == text
        assert tokenizer.decode(tokenizer.encode(text, special=True)) == text
        stream = tokenizer.stream()
        assert "".join(map(stream.push, tokenizer.encode(text))) + stream.finish() == text

    check()


@PATTERNS
def test_a_saved_tokenizer_gives_the_same_ids_in_the_library(corpus, pattern, hostile, tmp_path):
    tokenizer = BPETokenizer.train(corpus, 400, [END], pattern)
    tokenizer.save(tmp_path / "tokenizer.json")
    library = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for text in (hostile, corpus, hostile + corpus):
        assert library.encode(text).ids == tokenizer.encode(text, special=True)
    library.encode_special_tokens = True
    ids = tokenizer.encode(corpus + hostile)
    assert library.encode(corpus + hostile).ids == ids
    assert library.decode(ids, skip_special_tokens=False) == tokenizer.decode(ids)


@PATTERNS
def test_saving_and_loading_is_the_identity(corpus, pattern, tmp_path):
    tokenizer = BPETokenizer.train(corpus, 300, [END, "<|pad|>"], pattern)
    tokenizer.beginning = (0,)
    tokenizer.save(tmp_path / "tokenizer.json")
    again = open_tokenizer(tmp_path)
    assert isinstance(again, BPETokenizer)
    assert again.to_json() == tokenizer.to_json()
    assert again.encode_prompt("the cat") == [again.specials[END], *tokenizer.encode("the cat")]


def test_special_text_is_ordinary_unless_asked_for(corpus):
    tokenizer = BPETokenizer.train(corpus, 300, [END])
    assert tokenizer.special_ids.isdisjoint(tokenizer.encode(END))
    assert tokenizer.encode(f"a{END}{END}b", special=True).count(tokenizer.specials[END]) == 2


def test_of_two_special_tokens_the_longer_is_found():
    tokenizer = BPETokenizer.train("", 259, ["<a>", "<a><b>", "<b>"])
    assert tokenizer.encode("<a><b><a>", special=True) == [1, 0]


def test_training_knows_its_bounds(corpus):
    with pytest.raises(InputError, match="at least 257 tokens, got 256"):
        BPETokenizer.train(corpus, 256, [END])
    with pytest.raises(InputError, match="at least 2 bytes"):
        BPETokenizer.train(corpus, 300, ["a"])
    assert BPETokenizer.train("abab", 1_000).vocabulary_size == 256 + 2  # ab, abab; then nothing is left to join


def test_training_reports_progress_and_ends_when_told(corpus):
    calls = []
    BPETokenizer.train(corpus, 300, progress=lambda done, all: calls.append((done, all)))
    assert calls == [(i, 44) for i in range(44)]
    with pytest.raises(KeyboardInterrupt):
        BPETokenizer.train(corpus, 300, progress=lambda done, all: (_ for _ in ()).throw(KeyboardInterrupt()))


@pytest.mark.parametrize("text", [" " * 10_000, "the" * 33_334, "".join(random.Random(0).choices("thecat", k=100_000))])
@PATTERNS
def test_long_words_take_less_than_a_second(corpus, pattern, text):
    tokenizer = BPETokenizer.train(corpus, 400, pattern=pattern)
    start = time.process_time()
    ids = tokenizer.encode(text)
    assert time.process_time() - start < 1.0
    assert tokenizer.decode(ids) == text


def test_the_cache_of_words_is_bounded_and_changes_nothing(corpus, monkeypatch):
    tokenizer = BPETokenizer.train(corpus, 400)
    other = BPETokenizer(tokenizer.tokens, tokenizer.merges)
    monkeypatch.setattr("engine.tokenizer.bpe.CACHED_WORDS", 3)
    assert other.encode(corpus) == slowly_encoded(tokenizer, corpus) == other.encode(corpus)
    assert len(other._cache) <= 3


def test_stray_bytes_are_encoded_as_bytes(corpus):
    tokenizer = BPETokenizer.train(corpus, 400)
    ids = tokenizer.encode("the \udcff\udce2")
    assert b"".join(map(tokenizer.token_bytes, ids)) == b"the \xff\xe2"


@given(st.text() | st.text("a1 '\nſtSLl\t!", max_size=40))
def test_the_pieces_of_a_text_are_the_text(text):
    for pattern in (GPT2, GPT4, None, r"\d+"):
        pieces = list(split(text, pattern))
        assert "".join(pieces) == text
        assert "" not in pieces
    assert list(split(text, GPT2)) == regex.findall(GPT2, text)


def test_patterns_cut_where_their_papers_say():
    assert list(split("I'll pay  $1234.5\n\nNow", GPT2)) == [
        "I",
        "'ll",
        " pay",
        " ",
        " $",
        "1234",
        ".",
        "5",
        "\n",
        "\n",
        "Now",
    ]
    assert list(split("I'LL pay  $1234.5\n\nNow", GPT4)) == [
        "I",
        "'LL",
        " pay",
        " ",
        " $",
        "123",
        "4",
        ".",
        "5",
        "\n\n",
        "Now",
    ]


@pytest.mark.parametrize("pattern", [r"(a|aa)+$", r"(?:a|a)+d"])
def test_a_pattern_that_explodes_is_stopped_with_one_line(pattern):
    start = time.process_time()
    with pytest.raises(InputError, match=r"split pattern took over 1\.0 s") as caught:
        list(split("a" * 60 + "c", pattern))
    assert time.process_time() - start < 2.0
    assert "\n" not in str(caught.value)


COSTLY = ["(?:(?:a{1000}){1000}){1000}", "a|" * 200_000, "(" * 3_000, "a{" + "9" * 3_000 + "}"]


@pytest.mark.parametrize("pattern", COSTLY, ids=lambda pattern: pattern[:20])
def test_a_pattern_that_is_costly_to_read_is_left_to_the_library_at_once(pattern):
    start = time.perf_counter()
    assert not understands(pattern)
    assert time.perf_counter() - start < 1.0


@pytest.mark.parametrize(
    "pattern", ["(", r"\p{Nonsense}", r"\p{N}{1,3}+", "[a&&b]", "[a[b]]", "(?m).", "a(?i)b", r"\h+"]
)
def test_a_pattern_that_oniguruma_reads_differently_is_not_understood(pattern):
    assert not understands(pattern)
    assert understands(GPT2)
    assert understands(GPT4)
