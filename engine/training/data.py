"""From text files to tokens: clean, keep the last tenth aside, train a tokenizer on the rest, encode both, keep both.

What was made is kept in the run's directory and used again as long as text and options are the same; a run that is
resumed does not need the text any more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import FileError, InputError
from engine.files import refused, shortened
from engine.tokenizer import Tokenizer, open_tokenizer
from engine.tokenizer.bpe import BPETokenizer
from engine.tokenizer.bytes import ByteTokenizer
from engine.tokenizer.characters import CharacterTokenizer
from engine.training.texts import cleaned, read_text, split_validation
from engine.training.token_files import TokenFiles, open_token_files, write_token_files

TOKENIZER = "tokenizer.json"
Report = Callable[[str, int, int], None]  # what is being done, how much, of how much


@dataclass(frozen=True)
class DataOptions:
    """How text becomes tokens.

    tokenizer   characters, bytes, bpe, or the path of a tokenizer.json or a model directory
    vocabulary  tokens that a BPE learns, its 256 bytes and the separator included
    separator   text that ends every document, and becomes one token that prompts begin with; None: no documents
    clean       None or "alnum", see `texts.clean_alnum`
    """

    tokenizer: str = "characters"
    vocabulary: int = 4096
    separator: str | None = None
    clean: str | None = None


@dataclass(frozen=True)
class Data:
    """The tokens of both parts and what makes text of them."""

    tokenizer: Tokenizer
    tokens: TokenFiles

    def separator_id(self, separator: str) -> int:
        """The id that ends every document."""
        try:
            return self.tokenizer.specials[separator]
        except KeyError:
            raise InputError(f"separator {shortened(separator)!r}: is no special token of the tokenizer") from None


def make_data(
    paths: Sequence[str | Path],
    options: DataOptions,
    directory: Path,
    validation: Sequence[str | Path] = (),
    report: Report | None = None,
) -> Data:
    """Read the text and make its tokens in `directory`, or take those that are there if they are of the same text.

    validation  files to validate on; by default the last tenth of the text

    Raises FileError for what is no text, InputError for options that do not fit.
    """
    text = cleaned(read_text(paths, options.separator), options.clean)
    if validation:
        train, held_out = text, cleaned(read_text(validation, options.separator), options.clean)
    else:
        train, held_out = split_validation(text, options.separator)
    source = _source(train, held_out, options)
    with suppress(FileError):
        data = open_data(directory)
        if source == {key: data.tokens.source[key] for key in source if key in data.tokens.source}:
            return data
    tokenizer = _tokenizer(train, options, report)
    if options.separator in tokenizer.specials:
        tokenizer.beginning = (tokenizer.specials[options.separator],)  # what stood before every document
    texts = {"train": train, "validation": held_out}
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(directory / TOKENIZER)
    source["tokenizer_sha256"] = _digest((directory / TOKENIZER).read_bytes())
    progress = None if report is None else (lambda done, total: report("encoding, characters", done, total))
    tokens = write_token_files(directory, texts, tokenizer, source, progress)
    return Data(tokenizer, tokens)


def open_data(directory: Path) -> Data:
    """What `make_data` made. Raises FileError if it is incomplete or damaged."""
    tokens = open_token_files(directory)
    path = directory / TOKENIZER
    tokenizer = open_tokenizer(path)
    if tokenizer is None or _digest(path.read_bytes()) != tokens.source.get("tokenizer_sha256"):
        raise refused(path, "is not the tokenizer that the tokens beside it were made with")
    return Data(tokenizer, tokens)


def _tokenizer(text: str, options: DataOptions, report: Report | None) -> Tokenizer:
    """The tokenizer that was asked for, trained on the training text only."""
    specials = [options.separator] if options.separator else []
    if options.tokenizer == "characters":
        return CharacterTokenizer.train(text, specials)
    if options.tokenizer == "bpe":
        progress = None if report is None else (lambda done, total: report("tokenizer, merges", done, total))
        return BPETokenizer.train(text, options.vocabulary, specials, progress=progress)
    if options.tokenizer == "bytes":
        if specials:
            raise InputError("separator: bytes have no special tokens; take another tokenizer, or none")
        return ByteTokenizer()
    found = open_tokenizer(options.tokenizer)
    if found is None:
        raise InputError(f"tokenizer: {shortened(options.tokenizer)} has no tokenizer.json")
    return found


def _source(train: str, held_out: str, options: DataOptions) -> dict[str, Any]:
    return {
        "train_sha256": _digest(train.encode()),
        "validation_sha256": _digest(held_out.encode()),
        "train_bytes": len(train.encode()),
        "validation_bytes": len(held_out.encode()),
        **vars(options),
    }


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
