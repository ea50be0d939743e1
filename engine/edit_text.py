"""An edit as a person writes it, and back: what `--edit` takes, what the list of edits shows.

    ADDRESS:KIND[:PLACES][=VALUE]

    blocks.0.attn.pattern:ablate_head:3          one head silent
    blocks.1.mlp.out:scale:*,4=0.5               of the batch all, of token 4 every channel, halved
    blocks.1.resid_mid:set:*,2-5,7=0             tokens 2 to 5, channel 7
    blocks.0.resid_post:patch:*,3=@a.trace.safetensors    token 3 as it was in a recorded pass

PLACES has one word for each axis, from the outermost (the batch) on: `*` for all, a number, or FIRST-LAST, both
included. What is left out is all.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from engine.edits import KINDS, Edit, Selection
from engine.errors import InputError
from engine.text import visible

Array = np.ndarray
VALUED = ("scale", "add", "set", "patch")
FORM = "ADDRESS:KIND[:PLACES][=VALUE], as blocks.0.mlp.out:scale:*,3=0.5"
ADDRESS = re.compile(r"[A-Za-z0-9_.@]+")
PLACE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


def edit_text(edit: Edit) -> str:
    """The edit in words. An array whose source was not said stands as `@?`, which cannot be read back."""
    places = ",".join(map(_place_text, edit.selection))
    value = ""
    if edit.kind in VALUED:
        value = f"={float(edit.values):.9g}" if np.ndim(edit.values) == 0 else f"=@{edit.source or '?'}"  # type: ignore[arg-type]
    return f"{edit.address}:{edit.kind}{':' + places if places else ''}{value}"


def edit_from_text(text: str, open_source: Callable[[str, str], Array] | None = None) -> Edit:
    """Read what `edit_text` writes. Raises InputError, in one line.

    open_source   gives the whole value of an address (second) in a source (first), for a patch
    """
    head, has_value, value = text.strip().partition("=")
    parts = head.split(":")
    address, kind = (*parts, "")[:2]
    if len(parts) not in (2, 3) or not ADDRESS.fullmatch(address) or kind not in KINDS:
        wrong = f"kind '{visible(kind[:20])}' is none of {', '.join(KINDS)}; " if kind and kind not in KINDS else ""
        raise InputError(f"edit '{visible(text[:60])}': {wrong}expected {FORM}")
    if address.split("@")[-1].startswith("before"):
        raise InputError(f"edit of {address}: that is the value before an edit; edit {address.split('@')[0]} instead")
    words = parts[2].split(",") if len(parts) == 3 else []
    places = tuple(_place(word.strip(), text) for word in words)
    if bool(has_value) != (kind in VALUED):
        raise InputError(f"edit {kind} of {address}: {'needs =VALUE' if kind in VALUED else 'takes no value'}")
    if kind != "patch":
        return Edit(address, kind, places, _number(value, address) if has_value else None)
    return _patch(address, places, value.strip(), open_source)


def _patch(address: str, places: Selection, value: str, open_source: Callable[[str, str], Array] | None) -> Edit:
    """A patch by a number, or by what another pass has at the same places."""
    if not value.startswith("@"):
        return Edit(address, "patch", places, _number(value, address))
    source = value[1:]
    if open_source is None:
        raise InputError(f"edit patch of {address}: there is nothing to take {visible(value[:40])} from here")
    whole = open_source(source, address)
    try:
        part = whole[Edit(address, "zero", places).index()]
    except IndexError:
        raise InputError(f"edit patch of {address}: the source has {'x'.join(map(str, whole.shape))} there") from None
    return Edit(address, "patch", places, np.array(part, np.float32), source)


def from_trace(path: str, address: str) -> Array:
    """The whole value of an address in a trace file."""
    from engine.trace_file import open_trace

    values = open_trace(path).values
    if address not in values:
        raise InputError(f"{visible(path[-60:])}: this trace does not hold {address}")
    return np.asarray(values[address])


def _place(word: str, text: str) -> int | slice | None:
    if word in ("", "*"):
        return None
    found = PLACE.fullmatch(word)
    if found is None:
        raise InputError(f"edit '{visible(text[:60])}': place '{visible(word[:20])}': expected * or a number or 2-5")
    first = int(found[1])
    return first if found[2] is None else slice(first, int(found[2]) + 1)


def _place_text(place: int | slice | None) -> str:
    if place is None or place == slice(None):
        return "*"
    if isinstance(place, int):
        return str(place)
    return f"{place.start or 0}-{place.stop - 1}" if place.stop is not None else f"{place.start}-"


def _number(word: str, address: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = np.nan
    if not abs(value) <= float(np.finfo(np.float32).max):
        raise InputError(f"edit of {address}: expected a number after =, got '{visible(word[:20])}'")
    return value
