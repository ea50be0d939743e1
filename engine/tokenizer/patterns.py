"""Cut text into words first, so that no token crosses a word's border.

Adds to `bytes` the pre-split patterns of GPT-2 (Radford et al. 2019) and of GPT-4 (cl100k). They need \\p{L} and
possessive quantifiers, hence the `regex` library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from math import prod
from typing import Any

from engine.errors import InputError

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
GPT4 = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)
LONGEST, MOST_COPIES = 4096, 10_000
LINEAR = (GPT2, GPT4)  # known to take time in proportion to the text
ONIGURUMA_DIFFERS = r"\{[\d,]+\}\+|\\[hHRXKgkyYOGzZ]|&&|\(\?[a-z-]*[)m]|\[[^\]]*\["  # what it reads in its own way


def understands(pattern: str) -> bool:
    """Whether the `regex` library reads `pattern` as the `tokenizers` library (Oniguruma) does, and at a small price.

    It writes repetitions out: `((a{1000}){1000}){1000}` takes all memory there is.
    """
    import regex

    copies = prod(max(1, int(count)) for count in re.findall(r"[{,](\d+)", pattern[:LONGEST]))
    if len(pattern) > LONGEST or copies > MOST_COPIES:
        return False
    try:
        _compiled(pattern)
        pattern.encode()  # fails for a lone surrogate, which no file can keep
    except (regex.error, RecursionError, OverflowError, UnicodeEncodeError):
        return False
    return regex.search(ONIGURUMA_DIFFERS, pattern) is None


def split(text: str, pattern: str | None) -> Iterator[str]:
    """The matches of `pattern` in `text` and what lies between them; all of `text` if `pattern` is None.

    Joined, the pieces are the text. A pattern that is not one of ours may need exponential time: it gets a second, and
    one more for every 100,000 characters. Raises InputError when these are over.
    """
    end = 0
    for match in () if pattern is None else _matches(text, pattern):
        for start, stop in ((end, match.start()), match.span()):
            if start < stop:
                yield text[start:stop]
        end = match.end()
    if end < len(text):
        yield text[end:]


def _matches(text: str, pattern: str) -> Any:
    if pattern in LINEAR:
        return _compiled(pattern).finditer(text)
    seconds = 1 + len(text) / 100_000
    try:
        return list(_compiled(pattern).finditer(text, timeout=seconds))  # a list: the clock is only for the search
    except (TimeoutError, MemoryError):
        problem = f"the tokenizer's split pattern took over {seconds:.1f} s for this text of {len(text):,} characters"
        raise InputError(f"{problem}; give a shorter text or another tokenizer") from None


@lru_cache(maxsize=16)
def _compiled(pattern: str) -> Any:
    import regex

    return regex.compile(pattern, regex.MULTILINE)  # as in Oniguruma, where ^ and $ also match at line ends
