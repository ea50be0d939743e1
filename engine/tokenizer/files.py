"""Open the tokenizer of a model directory, checking everything that is used.

Adds the last rung: files that someone else wrote. A `tokenizer.json` becomes one of our tokenizers if that gives the
same ids, and else goes to the `tokenizers` library; GPT-2's older pair of a vocabulary and merges is ours as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.files import open_regular, read_json, refused, shortened
from engine.tokenizer.base import Tokenizer
from engine.tokenizer.bpe import BPETokenizer
from engine.tokenizer.bytes import spell, unspell
from engine.tokenizer.foreign import ForeignTokenizer
from engine.tokenizer.recognise import recognised

LARGEST_BYTES = 64 << 20  # the largest in use, with 260,000 tokens, have half of this
LARGEST_ID = 1 << 24
PAIRS = (("vocab.bpe", "encoder.json"), ("merges.txt", "vocab.json"))
KINDS = {dict: "an object", list: "an array", str: "text", int: "an integer"}


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
    document = _typed(path, None, read_json(path, LARGEST_BYTES), dict)
    model = _typed(path, "model", document.get("model"), dict)
    vocabulary = _vocabulary(path, model.get("vocab"))
    added = _added(path, document.get("added_tokens") or [])
    _check_ids(path, vocabulary, added, model_vocabulary)
    merges = _merges(path, model, vocabulary) if "merges" in model else []
    ids = {**vocabulary, **{text: id for text, (id, _) in added.items()}}
    specials = {text: id for text, (id, special) in added.items() if special}
    beginning = _beginning(path, document.get("post_processor"))
    if beginning is None:
        beginning = _configured_beginning(path.with_name("tokenizer_config.json"), ids)
    if unknown := set(beginning) - set(ids.values()):
        raise refused(path, f"expected ids of tokens, got {min(unknown)}", "post_processor")
    return recognised(document, vocabulary, merges, specials, beginning) or _foreign(path, document, beginning, added)


def read_merges(
    merges_path: str | Path, vocabulary_path: str | Path, model_vocabulary: int | None = None
) -> BPETokenizer:
    """The tokenizer of GPT-2's older files. A token that is neither a byte nor made by a merge is special."""
    vocabulary = _vocabulary(vocabulary_path, read_json(vocabulary_path, LARGEST_BYTES), None)
    _check_ids(vocabulary_path, vocabulary, {}, model_vocabulary)
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


def _exists(path: Path) -> bool:
    return path.exists() or path.is_symlink()  # a link that leads nowhere is an error to be told, not a missing file


def _typed(path: str | Path, key: str | None, value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        got = "nothing" if value is None else f"{KINDS.get(type(value), 'a number')} ({shortened(value, 30)})"
        raise refused(path, f"expected {KINDS[kind]}, got {got}", key)
    return value


def _vocabulary(path: str | Path, value: Any, key: str | None = "model.vocab") -> dict[str, int]:
    """Text -> id; Unigram's list of (text, score) has the ids in its order."""
    if not isinstance(value, list):
        vocabulary = _typed(path, key, value, dict)
    else:
        texts = [entry[0] if isinstance(entry, list) and entry else entry for entry in value]
        vocabulary = {_typed(path, f"{key}[{id}]", text, str): id for id, text in enumerate(texts)}
    if not vocabulary:
        raise refused(path, "expected at least one token, got none", key)
    return vocabulary


def _added(path: Path, value: Any) -> dict[str, tuple[int, bool]]:
    """Text -> (id, whether it is special) of the tokens that are found before anything else."""
    added: dict[str, tuple[int, bool]] = {}
    for number, entry in enumerate(_typed(path, "added_tokens", value, list)):
        key = f"added_tokens[{number}]"
        token = _typed(path, key, entry, dict)
        text = _typed(path, f"{key}.content", token.get("content"), str)
        id = _typed(path, f"{key}.id", token.get("id"), int)
        if added.setdefault(text, (id, token.get("special") is True))[0] != id:
            raise refused(path, f"{shortened(text)} has two ids, {added[text][0]} and {id}", key)
    return added


def _check_ids(
    path: str | Path, vocabulary: Mapping[str, int], added: Mapping[str, tuple[int, bool]], model_vocabulary: int | None
) -> None:
    """Each id is an integer in range and belongs to one token, each token has one id."""
    owner: dict[int, str] = {}
    end, whose = (LARGEST_ID, "any") if model_vocabulary is None else (model_vocabulary, "the model's")
    entries = [("vocab", text, id) for text, id in vocabulary.items()]
    entries += [("added_tokens", text, id) for text, (id, _) in added.items()]
    for key, text, id in entries:
        name = f"{key}: {shortened(text, 40)}"
        if not 0 <= _typed(path, name, id, int) < end:
            raise refused(path, f"expected an id below {end:,} ({whose} vocabulary), got {shortened(id)}", name)
        if owner.setdefault(id, text) != text:
            raise refused(path, f"its id {id} is also that of {shortened(owner[id], 40)}", name)
        if vocabulary.get(text, id) != id:
            raise refused(path, f"has two ids, {vocabulary[text]} and {id}", name)


def _merges(path: Path, model: Mapping[str, Any], vocabulary: Mapping[str, int]) -> list[tuple[str, str]]:
    """The pairs, written "a b" or ["a", "b"]. What they join and make is in the vocabulary."""
    prefix = len(model.get("continuing_subword_prefix") or "")
    merges = []
    for rank, entry in enumerate(_typed(path, "model.merges", model["merges"], list)):
        pair = entry.split(" ") if isinstance(entry, str) else entry
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
            raise refused(path, f"expected two tokens, got {shortened(entry)!r}", f"model.merges[{rank}]")
        first, second = pair
        for text in (first, second, first + second[prefix:]):
            if text not in vocabulary:
                raise refused(path, f"{shortened(text)!r} is not in the vocabulary", f"model.merges[{rank}]")
        merges.append((first, second))
    return merges


def _beginning(path: Path, processor: Any) -> tuple[int, ...] | None:
    """The ids that a post-processor puts in front of a text; None if there is none that could."""
    match processor:
        case None | {"type": "ByteLevel"}:
            return None
        case {"type": "Sequence", "processors": list(inner)}:
            found = [ids for part in inner if (ids := _beginning(path, part)) is not None]
            return tuple(id for ids in reversed(found) for id in ids) if found else None
        case {"type": "BertProcessing" | "RobertaProcessing", "cls": [str(), int(id)]}:
            return (id,)
        case {"type": "TemplateProcessing", "single": list(parts), "special_tokens": dict(tokens)}:
            front: list[int] = []
            for part in parts:
                match part:
                    case {"SpecialToken": {"id": str(name)}}:
                        if name not in tokens:
                            break
                        front += _typed(path, "post_processor.special_tokens", (tokens[name] or {}).get("ids"), list)
                    case {"Sequence": _}:
                        return tuple(_typed(path, "post_processor.special_tokens", id, int) for id in front)
    raise refused(path, f"expected a known kind of template, got {shortened(processor)}", "post_processor")


def _configured_beginning(path: Path, ids: Mapping[str, int]) -> tuple[int, ...]:
    """What `tokenizer_config.json` says; older files have the beginning token only there."""
    if not _exists(path):
        return ()
    config = _typed(path, None, read_json(path, LARGEST_BYTES), dict)
    if config.get("add_bos_token") is not True:
        return ()
    token = config.get("bos_token")
    text = _typed(path, "bos_token", token.get("content") if isinstance(token, dict) else token, str)
    if text not in ids:
        raise refused(path, f"{shortened(text)!r} is not in the tokenizer's vocabulary", "bos_token")
    return (ids[text],)
