"""Every file that is not what it should be is refused in one line that names the file and the key."""

from __future__ import annotations

import json
import time

import pytest
import tokenizers

from engine.errors import FileError, InputError
from engine.tokenizer import open_tokenizer
from engine.tokenizer.bpe import BPETokenizer
from engine.tokenizer.bytes import spell
from engine.tokenizer.foreign import ForeignTokenizer
from engine.tokenizer.patterns import GPT4

LLAMA3 = "|".join(
    [
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)",
        r"[^\r\n\p{L}\p{N}]?\p{L}+",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)


@pytest.fixture
def document(corpus):
    return BPETokenizer.train(corpus, 300, ["<|begin|>", "<|end|>"], GPT4).to_json()


@pytest.fixture
def write(tmp_path):
    def write(value, name="tokenizer.json"):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        (tmp_path / name).write_bytes(data)
        return tmp_path

    return write


def set_at(document, keys, value):
    for key in keys[:-1]:
        document = document[key]
    document[keys[-1]] = value


def template(name, id, kind="TemplateProcessing"):
    parts = [{"SpecialToken": {"id": name, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    return {
        "type": kind,
        "single": parts,
        "pair": [*parts, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {name: {"id": name, "ids": [id], "tokens": [name]}},
    }


def test_a_directory_without_a_tokenizer_has_none(tmp_path):
    assert open_tokenizer(tmp_path) is None
    (tmp_path / "vocab.json").write_text("{}")
    assert open_tokenizer(tmp_path) is None


def test_a_link_that_leads_nowhere_is_an_error(tmp_path):
    (tmp_path / "tokenizer.json").symlink_to(tmp_path / "gone.json")
    with pytest.raises(FileError, match=r"tokenizer\.json"):
        open_tokenizer(tmp_path)


WRONG = [
    (["model"], None, r"tokenizer\.json: model: expected an object, got nothing"),
    (["model"], [1], r"tokenizer\.json: model: expected an object, got an array"),
    (["model", "vocab"], "x", r"model\.vocab: expected an object, got text"),
    (["model", "vocab"], {}, r"model\.vocab: expected at least one token, got none"),
    (["model", "vocab", "!"], "7", r"id of !: expected an integer, got text \(7\)"),
    (["model", "vocab", "!"], True, r"id of !: expected an integer"),
    (["model", "vocab", "!"], 1.5, r"id of !: expected an integer, got a number \(1\.5\)"),
    (["model", "vocab", "!"], -1, r"id of !: expected at most 16,777,215 \(any vocabulary\) and not below 0, got -1"),
    (["model", "vocab", "!"], 10**30, r"id of !: expected at most"),
    (["model", "vocab", "!"], 3, r"3 is also that of"),
    (["model", "merges"], {"a": 1}, r"model\.merges: expected an array, got an object"),
    (["model", "merges", 5], ["a"], r"model\.merges\[5\]: expected two tokens"),
    (["model", "merges", 5], "abc", r"model\.merges\[5\]: expected two tokens"),
    (["model", "merges", 5], [1, 2], r"model\.merges\[5\]: expected two tokens"),
    (["model", "merges", 5], ["q", "\x1b"], r"model\.merges\[5\]: '\\\\u\{001B\}' is not in the vocabulary"),
    (["model", "merges", 5], ["q", "x"], r"model\.merges\[5\]: 'qx' is not in the vocabulary"),
    (["added_tokens"], "x", r"added_tokens: expected an array, got text"),
    (["added_tokens", 0], 1, r"added_tokens\[0\]: expected an object"),
    (["added_tokens", 0, "id"], "0", r"added_tokens\[0\]\.id: expected an integer"),
    (["added_tokens", 0, "content"], 0, r"added_tokens\[0\]\.content: expected text"),
    (["added_tokens", 0, "content"], "a\ud800", r"added_tokens\[0\]\.content: expected text, got half of a surrogate"),
    (["pre_tokenizer", "pretokenizers", 0, "pattern", "Regex"], "a\ud800", r"the tokenizers library refuses it"),
    (["added_tokens", 0, "id"], 1, r"id of <\|begin\|>: "),
    (["added_tokens", 1, "content"], "<|begin|>", r"<\|begin\|> has two ids, 0 and 1"),
    (["post_processor"], {"type": "Magic"}, r"post_processor: expected a known kind of template"),
    (["post_processor"], template("<s>", 9_999), r"post_processor: expected ids of tokens, got 9999"),
    (["post_processor"], template("<s>", "x"), r"post_processor\.special_tokens\.<s>: expected an integer"),
    (["post_processor"], template("<s>", 0) | {"special_tokens": {}}, r"special_tokens\.<s>: expected an object"),
    (["decoder"], [1], r"the tokenizers library refuses it"),
    (["model", "unk_token"], {"a": 1}, r"the tokenizers library refuses it"),
    (["model", "continuing_subword_prefix"], 7, r"model\.continuing_subword_prefix: expected text"),
    (["normalizer"], {"type": "Magic"}, r"the tokenizers library refuses it"),
    (["pre_tokenizer"], 7, r"the tokenizers library refuses it"),
    (["normalizer"], {"type": "Precompiled", "precompiled_charsmap": "AAAA"}, r"the tokenizers library refuses it"),
]


@pytest.mark.parametrize(("keys", "value", "message"), WRONG, ids=lambda part: str(part)[:40])
def test_a_wrong_value_is_refused_by_its_key(document, write, keys, value, message):
    set_at(document, keys, value)
    start = time.perf_counter()
    with pytest.raises(FileError, match=message) as caught:
        open_tokenizer(write(document))
    assert time.perf_counter() - start < 2
    assert str(caught.value).startswith("tokenizer.json: ")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 400


@pytest.mark.parametrize("value", [[], "x", 7, None])
def test_a_file_that_holds_no_object_is_refused(write, value):
    with pytest.raises(FileError, match=r"tokenizer\.json: expected an object"):
        open_tokenizer(write(value))


@pytest.mark.parametrize("fraction", [0, 0.1, 0.5, 0.999])
def test_a_truncated_file_is_refused(document, write, fraction):
    data = json.dumps(document).encode()
    with pytest.raises(FileError, match=r"tokenizer\.json: "):
        open_tokenizer(write(data[: int(len(data) * fraction)]))


def test_files_that_are_not_utf8_or_have_keys_twice_are_refused(document, write):
    with pytest.raises(FileError, match="not UTF-8"):
        open_tokenizer(write(json.dumps(document, ensure_ascii=False).encode("latin-1", "replace")))
    with pytest.raises(FileError, match="twice"):
        open_tokenizer(write(json.dumps(document).replace('"!"', '"#"').encode()))


@pytest.mark.parametrize("text", ['{"model": [' + "1," * 2_100_000 + "1]}", '{"":0,' * 700_000])
def test_a_file_of_more_values_than_any_tokenizer_has_is_refused_at_once(write, text):
    folder = write(text.encode())
    start = time.perf_counter()
    with pytest.raises(FileError, match="expected at most 600,000 keys and 2,000,000 values"):
        open_tokenizer(folder)
    assert time.perf_counter() - start < 1


def test_ids_beyond_the_models_vocabulary_are_refused(document, write):
    assert open_tokenizer(write(document), model_vocabulary=300) is not None
    with pytest.raises(FileError, match=r"expected at most 298 \(the model's vocabulary\) and not below 0, got 299"):
        open_tokenizer(write(document), model_vocabulary=299)


def test_the_beginning_token_is_the_templates(document, write):
    document["post_processor"] = template("<|begin|>", 0)
    tokenizer = open_tokenizer(write(document))
    assert (tokenizer.bos, tokenizer.encode_prompt("hi")) == (0, [0, *tokenizer.encode("hi")])
    level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
    document["post_processor"] = {"type": "Sequence", "processors": [level, template("<|end|>", 1)]}
    assert open_tokenizer(write(document)).bos == 1


def test_the_beginning_token_is_the_configs_only_without_a_template(document, write):
    write({"add_bos_token": True, "bos_token": {"content": "<|end|>"}}, "tokenizer_config.json")
    assert open_tokenizer(write(document)).bos == 1
    document["post_processor"] = template("<|begin|>", 0)
    assert open_tokenizer(write(document)).bos == 0
    write({"add_bos_token": False, "bos_token": "<|end|>"}, "tokenizer_config.json")
    document["post_processor"] = None
    assert open_tokenizer(write(document)).bos is None


@pytest.mark.parametrize("token", [None, 7, "<s>"])
def test_a_beginning_token_that_is_none_is_refused(document, write, token):
    write({"add_bos_token": True, "bos_token": token}, "tokenizer_config.json")
    with pytest.raises(FileError, match=r"tokenizer_config\.json: bos_token: "):
        open_tokenizer(write(document))


def test_llama3s_kind_of_file_is_ours_with_the_librarys_ids(document, write, hostile, corpus):
    document["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = LLAMA3
    document["model"]["ignore_merges"] = True
    document["model"]["merges"] = document["model"]["merges"][:20]
    folder = write(document)
    tokenizer, library = open_tokenizer(folder), tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert isinstance(tokenizer, BPETokenizer)
    assert tokenizer.encode(corpus + hostile, special=True) == library.encode(corpus + hostile).ids


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (["normalizer"], {"type": "NFC"}),
        (["pre_tokenizer"], {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}),
        (["pre_tokenizer", "pretokenizers", 0, "behavior"], "Removed"),
        (["pre_tokenizer", "pretokenizers", 0, "pattern"], {"String": " "}),
        (["pre_tokenizer", "pretokenizers", 0, "pattern", "Regex"], r"\p{N}{1,2}+|\p{L}"),
        (["added_tokens", 0, "lstrip"], True),
        (["added_tokens", 0, "special"], False),
    ],
    ids=lambda part: str(part)[:30],
)
def test_what_ours_do_not_do_goes_to_the_library_with_the_same_ids(document, write, corpus, keys, value):
    set_at(document, keys, value)
    folder = write(document)
    tokenizer, library = open_tokenizer(folder), tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert isinstance(tokenizer, ForeignTokenizer)
    text = corpus + " e\u0301 123456 <|begin|> the"
    ids = library.encode(text).ids
    assert tokenizer.encode(text, special=True) == ids
    assert tokenizer.decode(ids) == library.decode(ids, skip_special_tokens=False)


def test_an_added_token_whose_id_the_library_would_change_is_refused(document, write):
    document["normalizer"] = {"type": "NFC"}
    document["added_tokens"].append({**document["added_tokens"][0], "content": "<|far|>", "id": 5_000})
    with pytest.raises(FileError, match=r"added_tokens: <\|far\|>: expected id 300 \(the next free one\), got 5000"):
        open_tokenizer(write(document))


def test_a_split_pattern_that_explodes_is_one_line_within_two_seconds(document, write):
    document["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "(a|aa)+$"
    tokenizer = open_tokenizer(write(document))
    assert tokenizer.decode(tokenizer.encode("harmless")) == "harmless"
    start = time.process_time()
    with pytest.raises(InputError, match="split pattern"):
        tokenizer.encode("a" * 60 + "c")
    assert time.process_time() - start < 2


@pytest.mark.parametrize(("merges", "vocabulary"), [("vocab.bpe", "encoder.json"), ("merges.txt", "vocab.json")])
def test_the_older_pair_of_files_is_the_same_tokenizer(corpus, write, merges, vocabulary):
    trained = BPETokenizer.train(corpus, 300, ["<|end|>"])
    write({spell(data): id for data, id in trained.tokens.items()} | trained.specials, vocabulary)
    lines = ["#version: 0.2", *(f"{spell(a)} {spell(b)}" for a, b in trained.merges), ""]
    again = open_tokenizer(write("\n".join(lines).encode(), merges))
    assert again.to_json() == trained.to_json()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("#version\na b c\n", r"merges\.txt: line 2: expected two tokens, got 'a b c'"),
        ("a\n", r"merges\.txt: line 1: expected two tokens"),
        ("a \x1b\n", r"merges\.txt: line 1: expected two tokens, got 'a \\\\u\{001B\}'"),
        ("q x\n", r"vocab\.json: does not fit merges\.txt: the vocabulary lacks 'qx'"),
        (b"\xff\xfe\n", r"merges\.txt: is not UTF-8 text: byte 0 is 0xff"),
    ],
)
def test_a_wrong_line_of_merges_is_refused_by_its_number(corpus, write, lines, message):
    trained = BPETokenizer.train(corpus, 256)
    write({spell(data): id for data, id in trained.tokens.items()}, "vocab.json")
    with pytest.raises(FileError, match=message):
        open_tokenizer(write(lines if isinstance(lines, bytes) else lines.encode(), "merges.txt"))
