"""What must hold in a `tokenizer.json` before anything is built from it.

Adds to `document` the distrust: every value is looked at, and what is wrong is named by file and key. Only then does
the `tokenizers` library see the file, since some of these faults make it panic and others pass unnoticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from engine.files import refused, shortened

LARGEST_ID = 1 << 24
KINDS = {dict: "an object", list: "an array", str: "text", int: "an integer"}


def typed(path: str | Path, key: str | None, value: Any, kind: type) -> Any:
    """`value`, if it is of `kind`. JSON's true is no integer, though Python's is."""
    if not isinstance(value, kind) or isinstance(value, bool):
        got = "nothing" if value is None else f"{KINDS.get(type(value), 'a number')} ({shortened(value, 30)})"
        raise refused(path, f"expected {KINDS[kind]}, got {got}", key)
    if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        raise refused(path, f"expected text, got half of a surrogate pair in {shortened(value, 30)}", key)
    return value


def checked_vocabulary(path: str | Path, value: Any, key: str | None = "model.vocab") -> dict[str, int]:
    """Text -> id; Unigram's list of (text, score) has the ids in its order."""
    if not isinstance(value, list):
        vocabulary = typed(path, key, value, dict)
    else:
        texts = [entry[0] if isinstance(entry, list) and entry else entry for entry in value]
        vocabulary = {typed(path, f"{key}[{id}]", text, str): id for id, text in enumerate(texts)}
    if not vocabulary:
        raise refused(path, "expected at least one token, got none", key)
    return vocabulary


def checked_added_tokens(path: Path, value: Any) -> dict[str, tuple[int, bool]]:
    """Text -> (id, whether it is special) of the tokens that are found before anything else."""
    added: dict[str, tuple[int, bool]] = {}
    for number, entry in enumerate(typed(path, "added_tokens", value, list)):
        key = f"added_tokens[{number}]"
        token = typed(path, key, entry, dict)
        text = typed(path, f"{key}.content", token.get("content"), str)
        id = typed(path, f"{key}.id", token.get("id"), int)
        if added.setdefault(text, (id, token.get("special") is True))[0] != id:
            raise refused(path, f"{shortened(text)} has two ids, {added[text][0]} and {id}", key)
    return added


def check_ids(
    path: str | Path, vocabulary: Mapping[str, int], added: Mapping[str, tuple[int, bool]], model_vocabulary: int | None
) -> None:
    """Each id is an integer in range and belongs to one token, each token has one id."""
    owner: dict[int, str] = {}
    end, whose = (LARGEST_ID, "any") if model_vocabulary is None else (model_vocabulary, "the model's")
    for text, id in chain(vocabulary.items(), ((text, id) for text, (id, _) in added.items())):
        if type(id) is not int or not 0 <= id < end:
            typed(path, f"id of {shortened(text, 40)}", id, int)
            problem = f"expected at most {end - 1:,} ({whose} vocabulary) and not below 0, got {shortened(id)}"
            raise refused(path, problem, f"id of {shortened(text, 40)}")
        if owner.setdefault(id, text) != text:
            raise refused(path, f"{id} is also that of {shortened(owner[id], 40)}", f"id of {shortened(text, 40)}")
        if vocabulary.get(text, id) != id:
            raise refused(
                path, f"{vocabulary[text]} in the vocabulary, {id} in added_tokens", f"id of {shortened(text)}"
            )


def checked_merges(path: Path, model: Mapping[str, Any], vocabulary: Mapping[str, int]) -> list[tuple[str, str]]:
    """The pairs, written "a b" or ["a", "b"]. What they join and make is in the vocabulary."""
    prefix = len(typed(path, "model.continuing_subword_prefix", model.get("continuing_subword_prefix") or "", str))
    merges = []
    for rank, entry in enumerate(typed(path, "model.merges", model["merges"], list)):
        pair = entry.split(" ") if isinstance(entry, str) else entry
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
            raise refused(path, f"expected two tokens, got {shortened(entry)!r}", f"model.merges[{rank}]")
        first, second = pair
        for text in (first, second, first + second[prefix:]):
            if text not in vocabulary:
                raise refused(path, f"{shortened(text)!r} is not in the vocabulary", f"model.merges[{rank}]")
        merges.append((first, second))
    return merges


def checked_beginning(path: Path, processor: Any) -> tuple[int, ...] | None:
    """The ids that a post-processor puts in front of a text; None if there is none that could."""
    match processor:
        case None | {"type": "ByteLevel"}:
            return None
        case {"type": "Sequence", "processors": list(inner)}:
            found = [ids for part in inner if (ids := checked_beginning(path, part)) is not None]
            return tuple(id for ids in reversed(found) for id in ids) if found else None
        case {"type": "BertProcessing" | "RobertaProcessing", "cls": [str(), int(id)]}:
            return (id,)
        case {"type": "TemplateProcessing", "single": list(parts), "special_tokens": dict(tokens)}:
            front: list[int] = []
            for part in parts:
                match part:
                    case {"SpecialToken": {"id": str(name)}}:
                        key = f"post_processor.special_tokens.{name}"
                        token = typed(path, key, tokens.get(name), dict)
                        front += [typed(path, key, id, int) for id in typed(path, key, token.get("ids"), list)]
                    case {"Sequence": _}:
                        return tuple(front)
    raise refused(path, f"expected a known kind of template, got {shortened(processor)}", "post_processor")
