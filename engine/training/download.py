"""Fetch a public text over the network: nothing is kept that does not have the checksum we know.

The only place of the engine that uses the network, and only when it is asked to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError, SurroundingsError
from engine.files import atomic_file, shortened

TIMEOUT_S = 20.0
PIECE_BYTES = 1 << 16


@dataclass(frozen=True)
class PublicText:
    """Where a text is, and what it must be."""

    url: str
    file: str
    size: int
    sha256: str
    about: str


TEXTS = {
    "tinyshakespeare": PublicText(
        url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        file="tinyshakespeare.txt",
        size=1_115_394,
        sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        about="40,000 lines of Shakespeare's plays (public domain), as put together for char-rnn",
    )
}


def public_text(name: str) -> PublicText:
    """The text of a name as the user types it, "text:tinyshakespeare". Raises InputError for one we do not know."""
    kind, _, key = name.partition(":")
    if kind != "text" or key not in TEXTS:
        known = ", ".join(f"text:{text}" for text in TEXTS)
        raise InputError(f"{shortened(name)}: expected one of {known}")
    return TEXTS[key]


def download(text: PublicText, target: Path, report: Callable[[int, int], None] | None = None) -> bool:
    """Fetch a text into `target`; False if it is there already. `report(done, all)` counts bytes.

    Raises SurroundingsError, leaving `target` as it was, if there is no network or something else came.
    """
    if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == text.sha256:
        return False
    import http.client
    import urllib.request

    try:
        with urllib.request.urlopen(text.url, timeout=TIMEOUT_S) as source, atomic_file(target) as file:
            digest, done = hashlib.sha256(), 0
            while piece := source.read(PIECE_BYTES):
                done += len(piece)
                if done > text.size:
                    break
                file.write(piece)
                digest.update(piece)
                if report:
                    report(done, text.size)
            if done != text.size or digest.hexdigest() != text.sha256:
                raise SurroundingsError(f"{text.file}: what came is not the text we know ({done:,} bytes); not kept")
    except (OSError, http.client.HTTPException) as error:
        cause = getattr(error, "reason", error)
        reason = shortened(getattr(cause, "strerror", None) or cause, 120)
        raise SurroundingsError(f"{text.file}: cannot be fetched: {reason}; is there a network?") from None
    return True
