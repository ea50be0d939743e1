"""Text to ids and back: our own tokenizers from characters to byte pair encoding, and those of other people's models.

Read the files in this order: base, characters, bytes, patterns, bpe, bpe_training; then, for files, document, checks,
recognise, foreign, files.
"""

from __future__ import annotations

from pathlib import Path

from engine.tokenizer.base import StreamDecoder, Tokenizer

__all__ = ["StreamDecoder", "Tokenizer", "open_tokenizer"]


def open_tokenizer(path: str | Path, model_vocabulary: int | None = None) -> Tokenizer | None:
    """The tokenizer of a model directory or a `tokenizer.json`; None if the directory has none. See `files`."""
    from engine.tokenizer import files

    return files.open_tokenizer(path, model_vocabulary)
