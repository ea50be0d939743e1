"""One strict JSON reader for every file from outside.

Python's own accepts NaN, keys given twice and integers of any length, and lets a small file nest thousands deep or
grow a hundredfold in memory. Here each of these is refused, in one line, before it costs anything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from engine.files.refusal import refused
from engine.files.regular import open_regular

LARGEST_BYTES = 16 << 20
DEEPEST = 64
MOST_CONTAINERS = 600_000  # an object costs some 240 bytes however small; large vocabularies have half a million pairs
LONGEST_NUMBER = 40  # digits; a generator's 128-bit state has 39


def read_json(path: str | Path, largest_bytes: int = LARGEST_BYTES) -> Any:
    """The value in a JSON file. Raises FileError if the file is not regular, too large, or not strict JSON."""
    with open_regular(path, largest_bytes) as file:
        data = file.read(largest_bytes + 1)  # it may have grown since it was opened
    if len(data) > largest_bytes:
        raise refused(path, f"expected at most {largest_bytes:,} bytes, got more")
    return parse_json(data, path)


def parse_json(data: bytes, name: str | Path) -> Any:
    """The value of JSON bytes in hand; `name` is the file they came from, for messages.

    Refused: what is not UTF-8, keys given twice or holding surrogates, NaN and infinities, numbers of more than
    `LONGEST_NUMBER` characters, more than `DEEPEST` levels or `MOST_CONTAINERS` objects and arrays.
    """
    _check_nesting(data, name)
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=partial(_object, name),
            parse_int=partial(_number, name, int),
            parse_float=partial(_number, name, float),
            parse_constant=partial(_constant, name),
        )
    except UnicodeDecodeError as error:
        raise refused(name, f"is not UTF-8 text: byte {error.start} is 0x{data[error.start]:02x}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise refused(name, f"is not JSON: {error.msg} at {where} (truncated or damaged?)") from None


def _check_nesting(data: bytes, name: str | Path) -> None:
    """Count levels and containers without parsing: brackets outside of strings, found by the parity of the quotes."""
    text = np.frombuffer(data.replace(b"\\\\", b"").replace(b'\\"', b""), np.uint8)
    is_inside = np.add.accumulate(text == ord('"'), dtype=np.uint8) & 1  # may wrap around: parity stays
    opens = ((text == ord("[")) | (text == ord("{"))) & (is_inside == 0)
    closes = ((text == ord("]")) | (text == ord("}"))) & (is_inside == 0)
    containers = int(np.count_nonzero(opens))
    if containers > MOST_CONTAINERS:
        raise refused(name, f"expected at most {MOST_CONTAINERS:,} objects and arrays, got {containers:,}")
    depth = int(np.cumsum(opens.view(np.int8) - closes.view(np.int8), dtype=np.int32).max(initial=0))
    if depth > DEEPEST:
        raise refused(name, f"expected at most {DEEPEST} levels of nesting, got {depth:,}")


def _object(name: str | Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise refused(name, "this key is there twice", key)
        if not key.isascii() and any("\ud800" <= c <= "\udfff" for c in key):
            raise refused(name, "this key holds half of a surrogate pair", key)
        found[key] = value
    return found


def _number(name: str | Path, kind: Callable[[str], int | float], text: str) -> int | float:
    if len(text) > LONGEST_NUMBER:
        raise refused(name, f"expected numbers of at most {LONGEST_NUMBER} characters, got one of {len(text):,}")
    value = kind(text)
    return value if math.isfinite(value) else _constant(name, text)


def _constant(name: str | Path, text: str) -> NoReturn:
    raise refused(name, f"expected finite numbers, got {text}")
