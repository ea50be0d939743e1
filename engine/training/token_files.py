"""Token ids on the disk: raw little-endian uint16 or uint32, mapped into memory, with a JSON beside them.

`train.bin` and `validation.bin` are the ids and nothing else, so any program can read them. `tokens.json` says the
type, the counts, checksums and where the ids came from; it is written last, and without it the others do not count.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import SurroundingsError
from engine.files import atomic_file, atomic_write, open_regular, read_json, refused, shortened
from engine.files.regular import DISGUISES
from engine.models.config_keys import Key, read_keys
from engine.tokenizer import Tokenizer
from engine.tokenizer.bpe import BPETokenizer
from engine.tokenizer.bytes import ByteTokenizer
from engine.tokenizer.characters import CharacterTokenizer
from engine.tokenizer.patterns import LINEAR

INDEX = "tokens.json"
PARTS = ("train", "validation")
PIECE = 1 << 20  # characters that are encoded at once
DTYPES: dict[str, np.dtype] = {"uint16": np.dtype("<u2"), "uint32": np.dtype("<u4")}
COUNT = Key(int, 0, 1 << 40)
KEYS = {
    "dtype": Key(str, choices={name: name for name in DTYPES}),
    "train": COUNT,
    "validation": COUNT,
    "train_crc32": COUNT,
    "validation_crc32": COUNT,
    "source": Key(dict),
}


@dataclass(frozen=True)
class TokenFiles:
    """Both parts, read-only and mapped; `source` says what they were made from."""

    train: np.ndarray
    validation: np.ndarray
    source: Mapping[str, Any]


def write_token_files(
    directory: Path,
    texts: Mapping[str, str],
    tokenizer: Tokenizer,
    source: Mapping[str, Any],
    report: Callable[[int, int], None] | None = None,
) -> TokenFiles:
    """Encode the parts of a text and open what was written. `report(done, all)` counts characters."""
    dtype = "uint16" if tokenizer.vocabulary_size <= 1 << 16 else "uint32"
    index: dict[str, Any] = {"dtype": dtype, "source": dict(source)}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / INDEX).unlink(missing_ok=True)
    except OSError as error:
        raise SurroundingsError(f"{shortened(directory.name)}: cannot be written: {error.strerror}") from error
    done, total = 0, sum(map(len, texts.values()))
    for part in PARTS:
        count = checksum = 0
        with atomic_file(directory / f"{part}.bin") as file:
            for piece in pieces(texts[part], tokenizer):
                data = np.asarray(tokenizer.encode(piece, special=True), DTYPES[dtype]).tobytes()
                file.write(data)
                count, checksum = count + len(data) // DTYPES[dtype].itemsize, zlib.crc32(data, checksum)
                done += len(piece)
                if report:
                    report(done, total)
        index |= {part: count, f"{part}_crc32": checksum}
    atomic_write(directory / INDEX, json.dumps(index, indent=1).encode() + b"\n")
    return open_token_files(directory)


def open_token_files(directory: Path) -> TokenFiles:
    """Map the token files of a directory. Raises FileError if they are not those that `tokens.json` describes."""
    index = read_keys(read_json(directory / INDEX), KEYS, INDEX)
    train, validation = (_mapped(directory / f"{part}.bin", index, part) for part in PARTS)
    return TokenFiles(train, validation, index["source"])


def pieces(text: str, tokenizer: Tokenizer) -> Iterator[str]:
    """Cut a long text so that its pieces have the ids of the whole."""
    cut = _border(tokenizer)
    start = 0
    while cut and len(text) - start > PIECE and (found := cut.search(text, start + PIECE)):
        yield text[start : found.end()]
        start = found.end()
    if start < len(text):
        yield text[start:]


def _border(tokenizer: Tokenizer) -> re.Pattern[str] | None:
    """Finds where a text may be cut; None for a tokenizer that must see it whole.

    Bytes may be cut anywhere, characters wherever no special token is. Our byte pair encodings never join a new line
    with a letter after it, so a text may be cut there, if the new line stands alone.
    """
    if any("\n" in special for special in tokenizer.specials):
        return None
    if isinstance(tokenizer, ByteTokenizer | CharacterTokenizer):
        return re.compile("\n")
    if isinstance(tokenizer, BPETokenizer) and tokenizer.pattern in LINEAR:
        return re.compile(r"\S\n(?=\S)")
    return None


def _mapped(path: Path, index: Mapping[str, Any], part: str) -> np.ndarray:
    dtype, count = DTYPES[index["dtype"]], index[part]
    size = path.stat().st_size if path.is_file() else 0
    if size != count * dtype.itemsize:
        raise refused(path, f"expected {count:,} tokens of {dtype.itemsize} bytes, got {size:,} bytes")
    if not count:
        return np.zeros(0, dtype)
    with open_regular(path, allow=DISGUISES) as file:  # ids may look like anything
        data = np.asarray(np.memmap(file, dtype, "r"))
    if zlib.crc32(data.data) != index[f"{part}_crc32"]:
        raise refused(path, "its checksum is not the one it was written with: make it again from the text")
    return data
