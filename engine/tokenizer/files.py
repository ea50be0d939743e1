"""Open the tokenizer of a model directory, checking everything that is used.

Adds the last rung: files that someone else wrote. A `tokenizer.json` becomes one of our tokenizers if that gives the
same ids, and else goes to the `tokenizers` library; GPT-2's older pair of a vocabulary and merges is ours as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.files import open_regular, parse_json, refused, shortened
from engine.tokenizer.base import Tokenizer
from engine.tokenizer.bpe import BPETokenizer
from engine.tokenizer.bytes import spell, unspell
from engine.tokenizer.checks import (
    check_ids,
    checked_added_tokens,
    checked_beginning,
    checked_merges,
    checked_vocabulary,
    typed,
)
from engine.tokenizer.foreign import ForeignTokenizer
from engine.tokenizer.recognise import recognised

LARGEST_BYTES = 36 << 20  # the largest in use, with 262,000 tokens and 515,000 merges, have 33 MiB
MOST_KEYS, MOST_VALUES = 600_000, 2_000_000  # more would take seconds and hundreds of megabytes to refuse
PAIRS = (("vocab.bpe", "encoder.json"), ("merges.txt", "vocab.json"))


def open_tokenizer(path: str | Path, model_vocabulary: int | None = None) -> Tokenizer | None:
    """The tokenizer of a directory, or of a `tokenizer.json`; None if the directory has none.

    model_vocabulary  refuse ids that a model with so many tokens does not know

    Raises FileError, naming the file and the key, for every file that is not what it should be.
    """
    path = Path(path)
    if not path.is_dir():
        return read_tokenizer(path, model_vocabulary)
    if _exists(path / "tokenizer.json"):
        return read_tokenizer(path / "tokenizer.json", model_vocabulary)
    for merges, vocabulary in PAIRS:
        if _exists(path / merges) and _exists(path / vocabulary):
            return read_merges(path / merges, path / vocabulary, model_vocabulary)
    return None


def read_tokenizer(path: str | Path, model_vocabulary: int | None = None) -> Tokenizer:
    """The tokenizer of a `tokenizer.json`, and of the `tokenizer_config.json` beside it."""
    path = Path(path)
    document = typed(path, None, _read(path), dict)
    model = typed(path, "model", document.get("model"), dict)
    vocabulary = checked_vocabulary(path, model.get("vocab"))
    added = checked_added_tokens(path, document.get("added_tokens") or [])
    check_ids(path, vocabulary, added, model_vocabulary)
    merges = checked_merges(path, model, vocabulary) if "merges" in model else []
    ids = {**vocabulary, **{text: id for text, (id, _) in added.items()}}
    specials = {text: id for text, (id, special) in added.items() if special}
    beginning = checked_beginning(path, document.get("post_processor"))
    if beginning is None:
        beginning = _configured_beginning(path.with_name("tokenizer_config.json"), ids)
    if unknown := set(beginning) - set(ids.values()):
        raise refused(path, f"expected ids of tokens, got {min(unknown)}", "post_processor")
    return recognised(document, vocabulary, merges, specials, beginning) or _foreign(path, document, beginning, added)


def read_merges(
    merges_path: str | Path, vocabulary_path: str | Path, model_vocabulary: int | None = None
) -> BPETokenizer:
    """The tokenizer of GPT-2's older files. A token that is neither a byte nor made by a merge is special."""
    vocabulary = checked_vocabulary(vocabulary_path, _read(vocabulary_path), None)
    check_ids(vocabulary_path, vocabulary, {}, model_vocabulary)
    merges = _merge_lines(merges_path)
    made = {spell(bytes([byte])) for byte in range(256)} | {spell(a + b) for a, b in merges}
    tokens = {unspell(text): id for text, id in vocabulary.items() if text in made}
    specials = {text: id for text, id in vocabulary.items() if text not in made}
    try:
        return BPETokenizer(tokens, merges, specials=specials)
    except InputError as error:
        raise refused(vocabulary_path, f"does not fit {Path(merges_path).name}: {error}") from None


def _merge_lines(path: str | Path) -> list[tuple[bytes, bytes]]:
    """The pairs of a `merges.txt`: "Ġ the" in a line, after a first line with a version."""
    with open_regular(path, LARGEST_BYTES) as file:
        data = file.read()
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise refused(path, f"is not UTF-8 text: byte {error.start} is 0x{data[error.start]:02x}") from None
    merges = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not (number == 1 and line.startswith("#version")):
            try:
                first, second = map(unspell, line.rstrip("\r").split(" "))
            except ValueError:
                raise refused(path, f"expected two tokens, got {shortened(line)!r}", f"line {number}") from None
            merges.append((first, second))
    return merges


def _foreign(path: Path, document: dict[str, Any], beginning: tuple[int, ...], added: Mapping[str, Any]) -> Tokenizer:
    try:
        tokenizer = ForeignTokenizer(document, beginning)
    except ValueError as error:
        raise refused(path, f"the tokenizers library refuses it: {error}") from None
    for text, (id, _) in added.items():
        if tokenizer.added.get(text) != id:
            got = tokenizer.added.get(text, "none")
            raise refused(path, f"{shortened(text)}: expected id {got} (the next free one), got {id}", "added_tokens")
    return tokenizer


def _read(path: str | Path) -> Any:
    """The JSON of a file, if it has no more keys and values than a tokenizer can need."""
    with open_regular(path, LARGEST_BYTES) as file:
        data = file.read(LARGEST_BYTES + 1)
    if data.count(b":") > MOST_KEYS or data.count(b",") > MOST_VALUES:
        raise refused(path, f"expected at most {MOST_KEYS:,} keys and {MOST_VALUES:,} values, got more")
    return parse_json(data, path)


def _exists(path: Path) -> bool:
    return path.exists() or path.is_symlink()  # a link that leads nowhere is an error to be told, not a missing file


def _configured_beginning(path: Path, ids: Mapping[str, int]) -> tuple[int, ...]:
    """What `tokenizer_config.json` says; older files have the beginning token only there."""
    if not _exists(path):
        return ()
    config = typed(path, None, _read(path), dict)
    if config.get("add_bos_token") is not True:
        return ()
    token = config.get("bos_token")
    text = typed(path, "bos_token", token.get("content") if isinstance(token, dict) else token, str)
    if text not in ids:
        raise refused(path, f"{shortened(text)!r} is not in the tokenizer's vocabulary", "bos_token")
    return (ids[text],)
