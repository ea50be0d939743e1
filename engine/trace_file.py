"""A trace as a file, `*.trace.safetensors`: tensors by address, and all else as JSON in the file's metadata.

The format is written down in `assets/docs/trace-format.md`. All that a trace must hold is tensors and the ids of its
tokens, so a few lines elsewhere can write one that is compared with ours. Two saves of one trace are byte-identical.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from engine.edits import Edit, edit_from_json, edit_to_json
from engine.errors import InputError
from engine.files import parse_json, refused, shortened
from engine.foresight import foresee
from engine.program import ADDRESS
from engine.saved import TRACE_ENDING, a_list, a_text, an_object, settings_from_json, texts_of, token_ids
from engine.trace import About, Foreseen, Trace, nothing_foreseen
from engine.trace_json import (
    VERSION,
    about_from_json,
    candidate_texts_from_json,
    lines_from_json,
    trace_to_json,
)
from engine.weights.safetensors import TensorFile
from engine.weights.writing import save_tensors

Array = np.ndarray
ENDING = TRACE_ENDING
KEY = "trace"
OWN = "trace."  # begins the names of arrays that are no values of the program
FORESEEN = {"candidate_ids": ("I32", 2), "candidate_logprobs": ("F32", 2), "entropies": ("F32", 1),
            "logprobs": ("F32", 1), "ranks": ("I32", 1)}  # type, and how many of the axes (T, C)  # fmt: skip
FLOATS = {"F64", "F32", "F16", "BF16"}


def save_trace(trace: Trace, path: str | Path) -> None:
    """Write a trace, whole or not at all. Raises SurroundingsError where the machine refuses."""
    tensors = {**trace.values, OWN + "head_contributions": trace.head_contributions}
    tensors |= {OWN + name: getattr(trace.foreseen, name) for name in FORESEEN}
    tensors |= {_edit_tensor(i): np.asarray(e.values)[None] for i, e in enumerate(trace.edits) if e.values is not None}
    edits = [edit_to_json(edit) | {"values": None} for edit in trace.edits]
    text = json.dumps(trace_to_json(trace) | {"edits": edits}, allow_nan=False, separators=(",", ":"))
    save_tensors(path, tensors, {KEY: text})


def open_trace(path: str | Path) -> Trace:
    """Read a trace; its arrays are mapped from the file. Raises FileError, in one line, for what is not one."""
    file, name = TensorFile(path), Path(path).name
    raw = _metadata(file, name)
    ids = token_ids(raw.get("tokens"), name)
    values = {address: _value(file, address, name) for address in file.header.entries if not address.startswith(OWN)}
    if not ids or not values:
        raise refused(name, "expected at least one token and one tensor", KEY)
    about = about_from_json(raw.get("about", {}), name, ids, values)
    _check_values(values, about, ids, name)
    return Trace(
        fingerprint=a_text(raw.get("fingerprint", ""), name, "fingerprint"),
        settings=settings_from_json(raw.get("settings", {}), name),
        about=about,
        tokens=ids,
        rows=lines_from_json(raw.get("lines", []), name),
        values=MappingProxyType(values),
        dropped=texts_of(raw.get("dropped", []), name, "dropped"),
        foreseen=_foreseen(file, raw, name, ids, values),
        head_contributions=_contributions(file, name, (about.layers, about.heads, len(ids))),
        edits=_edits(file, raw, name),
    )


def is_trace(path: str | Path) -> bool:
    """Whether a path is meant to be a trace, by its name."""
    return str(path).endswith(ENDING)


def _metadata(file: TensorFile, name: str) -> dict[str, Any]:
    text = file.header.metadata.get(KEY)
    if text is None:
        raise refused(name, "is not a trace: its metadata has no 'trace' (is it a model? 'minigpt trace' makes traces)")
    raw = an_object(parse_json(text.encode("utf-8", "surrogatepass"), name), name, KEY)
    version = raw.get("version", VERSION)
    if type(version) is not int or version > VERSION:
        raise refused(
            name, f"expected at most {VERSION}, got {shortened(version, 20)} (made by a newer minigpt?)", "version"
        )
    return raw


def _value(file: TensorFile, address: str, name: str) -> Array:
    """One value: floats as float32, whole numbers and switches as they are."""
    if not ADDRESS.fullmatch(address):
        raise refused(name, "expected an address: letters, digits and _ . @ only", address)
    is_float = file.header.entries[address].dtype in FLOATS
    return file.float32(address) if is_float else file.stored(address)


def _check_values(values: Mapping[str, Array], about: About, ids: Sequence[int], name: str) -> None:
    """Refuse attention and logits of other shapes than the text's, which every picture relies on."""
    tokens = len(ids)
    wanted: dict[str, tuple[int, ...]] = {
        f"blocks.{i}.attn.pattern": (1, about.heads, tokens, tokens) for i in range(about.layers)
    }
    wanted["logits"] = (1, tokens, max(1, about.vocab))
    for address, shape in wanted.items():
        if address in values and values[address].shape != shape:
            raise refused(name, f"expected {shape} for {tokens} tokens, got {values[address].shape}", address)
    if "logits" in values and max(ids) >= about.vocab:
        raise refused(name, f"expected ids from 0 to {about.vocab - 1}, got {max(ids)}", "tokens")


def _foreseen(
    file: TensorFile, raw: Mapping[str, Any], name: str, ids: Sequence[int], values: Mapping[str, Array]
) -> Foreseen:
    """As it was saved; worked out from the logits where a trace was made elsewhere."""
    texts = candidate_texts_from_json(raw.get("candidate_texts", {}), name)

    def text_of(id: int) -> str:
        return texts.get(id, str(id))

    first = file.header.entries.get(OWN + "candidate_ids")
    if first is None:
        return foresee(values["logits"][0], ids, text_of) if "logits" in values else nothing_foreseen(len(ids))
    count = first.shape[-1] if first.shape else 0
    arrays = {key: _own(file, key, name, dtype, (len(ids), count)[:axes]) for key, (dtype, axes) in FORESEEN.items()}
    shown = np.unique(arrays["candidate_ids"]).tolist()
    return Foreseen(**arrays, candidate_texts=MappingProxyType({id: text_of(id) for id in shown}))


def _contributions(file: TensorFile, name: str, shape: tuple[int, ...]) -> Array:
    if OWN + "head_contributions" in file.header.entries:
        return _own(file, "head_contributions", name, "F32", shape)
    return np.broadcast_to(np.float32(np.nan), shape)


def _own(file: TensorFile, key: str, name: str, dtype: str, shape: tuple[int, ...]) -> Array:
    """An array that is not a value of the program, of the one type and shape that it may have."""
    entry = file.header.entries.get(OWN + key)
    if entry is None or (entry.dtype, entry.shape) != (dtype, shape):
        got = f"{entry.dtype} {shortened(entry.shape)}" if entry else "no such tensor"
        raise refused(name, f"expected {dtype} {shape}, got {got}", OWN + key)
    return file.stored(OWN + key)


def _edits(file: TensorFile, raw: Mapping[str, Any], name: str) -> tuple[Edit, ...]:
    edits = []
    for i, saved in enumerate(a_list(raw.get("edits", []), name, "edits", "objects", lambda e: isinstance(e, dict))):
        tensor = file.stored(_edit_tensor(i)) if _edit_tensor(i) in file.header.entries else None
        try:
            edit = edit_from_json(saved | {"values": None if tensor is None else 0})
            edits.append(edit if tensor is None else replace(edit, values=_edit_values(tensor)))
        except InputError as error:
            raise refused(name, str(error), f"edits: {i}") from None
    return tuple(edits)


def _edit_values(tensor: Array) -> Array | float:
    """The values of an edit from their tensor, which has one more axis so that a single number is an array too."""
    if tensor.ndim == 0 or len(tensor) != 1:
        raise InputError("values: expected a tensor of one row")
    return tensor[0] if tensor.ndim > 1 else float(tensor[0])


def _edit_tensor(i: int) -> str:
    return f"{OWN}edits.{i}"
