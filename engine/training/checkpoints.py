"""One saved moment of a run: a model directory with the optimizer's moments beside it, complete or not there at all.

    step-000500/ config.json model.safetensors tokenizer.json    a model like any other
                 optimizer.safetensors                           both moments, by address
                 state.json                                      where the run stands, as whole numbers
                 manifest.json                                   size and checksum of every file, written last

Everything is written under a temporary name, which becomes the right one in a single step.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import FileError, SurroundingsError
from engine.files import atomic_write, read_json, refused, shortened
from engine.models.config_keys import Key, read_keys
from engine.training.optimizer import Adam
from engine.training.parameters import FlatParameters
from engine.weights import TensorFile, open_checkpoint, save_checkpoint, save_tensors

MANIFEST, STATE, MOMENTS = "manifest.json", "state.json", "optimizer.safetensors"
PREFIX, TEMPORARY = "step-", (".minigpt-", ".tmp")
CHUNK_BYTES = 4 << 20
WHOLE = Key(int, 0, 1 << 62)
LOSS = Key(float, 0, 1e30, default=None, null=None)
STATE_KEYS = {"update": WHOLE, "sample": WHOLE, "seed": WHOLE, "adam_step": WHOLE, "validation_loss": LOSS}


@dataclass(frozen=True)
class State:
    """Where a run stands. Batches and dropout are functions of these numbers, so no generator has to be kept.

    update     updates done, and adam_step, those the moments have seen
    sample     the first sample of the run that was not used yet
    seed       of the run
    """

    update: int
    sample: int
    seed: int
    adam_step: int
    validation_loss: float | None


@dataclass(frozen=True)
class Saved:
    """A complete checkpoint; `machine` is what it was made with."""

    path: Path
    state: State
    machine: Mapping[str, Any]


def write_checkpoint(
    run: Path, parameters: FlatParameters, adam: Adam, tokenizer: bytes, state: State, machine: Mapping[str, Any]
) -> Path:
    """Write `step-NNNNNN` into a run's directory. Raises SurroundingsError, leaving nothing, if the machine refuses."""
    target = run / f"{PREFIX}{state.update:06d}"
    temporary = run / f"{secrets.token_hex(8).join(TEMPORARY)}"
    try:
        temporary.mkdir()
        save_checkpoint(temporary, parameters.config, parameters.values)
        atomic_write(temporary / "tokenizer.json", tokenizer)
        moments = {"first": parameters.views(adam.first), "second": parameters.views(adam.second)}
        named = {f"{moment}.{address}": view for moment, views in moments.items() for address, view in views.items()}
        save_tensors(temporary / MOMENTS, named)
        _write_json(temporary / STATE, vars(state))
        files = {path.name: _sum(path) for path in sorted(temporary.iterdir())}
        _write_json(temporary / MANIFEST, {"files": files, "machine": dict(machine)})
        if target.exists():  # a damaged one, or one of a resumed run that came to the same update again
            remove(target)
        os.rename(temporary, target)
        _sync(run)
    except OSError as error:
        raise SurroundingsError(f"{target.name}: cannot be written: {error.strerror or error}") from error
    finally:
        if temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)
    return target


def open_saved(path: Path) -> Saved:
    """A checkpoint whose files are all as they were written. Raises FileError otherwise."""
    manifest = read_keys(read_json(path / MANIFEST), {"files": Key(dict), "machine": Key(dict)}, MANIFEST)
    for name, (size, checksum) in manifest["files"].items():
        file = path / Path(name).name
        if not file.is_file() or _sum(file) != [size, checksum]:
            raise refused(file, "is not as it was written (damaged?)")
    return Saved(path, State(**read_keys(read_json(path / STATE), STATE_KEYS, STATE)), manifest["machine"])


def load_moments(saved: Saved, adam: Adam) -> None:
    """Give an optimizer the moments of a checkpoint."""
    file = TensorFile(saved.path / MOMENTS)
    for moment, flat in (("first", adam.first), ("second", adam.second)):
        for address, view in adam.parameters.views(flat).items():
            name = f"{moment}.{address}"
            if name not in file.header.entries or file.header.entries[name].shape != view.shape:
                raise refused(saved.path / MOMENTS, f"expected shape {view.shape}", name)
            view[...] = file.float32(name)
    adam.step = saved.state.adam_step


def load_parameters(saved: Saved) -> FlatParameters:
    """The weights of a checkpoint, as they were."""
    opened = open_checkpoint(saved.path)
    return FlatParameters(opened.config, opened.weights)


def checkpoints(run: Path) -> list[Path]:
    """The directories of all checkpoints of a run, oldest first."""
    found = [p for p in run.glob(f"{PREFIX}*") if p.name.removeprefix(PREFIX).isdecimal() and p.is_dir()]
    return sorted(found, key=lambda path: int(path.name.removeprefix(PREFIX)))


def newest(run: Path) -> tuple[Saved | None, list[str]]:
    """The newest checkpoint that is whole, and what was wrong with those after it."""
    problems: list[str] = []
    for path in reversed(checkpoints(run)):
        try:
            return open_saved(path), problems
        except (FileError, ValueError, TypeError) as error:
            problems.append(f"{path.name}: {shortened(error, 200)}; the checkpoint before it is used")
    return None, problems


def prune(run: Path, keep: int) -> None:
    """Delete all checkpoints but the newest `keep` and the one with the lowest validation loss."""
    known = {path: _loss(path) for path in checkpoints(run)}
    scored = {path: loss for path, loss in known.items() if loss is not None}
    best = min(scored, key=scored.__getitem__) if scored else None
    for path in list(known)[:-keep]:
        if path != best:
            remove(path)


def remove(path: Path) -> None:
    """Delete a checkpoint; it loses its name first, so that no half of it is ever taken for one."""
    gone = path.parent / secrets.token_hex(8).join(TEMPORARY)
    os.rename(path, gone)
    shutil.rmtree(gone, ignore_errors=True)


def remove_unfinished(run: Path) -> None:
    """Delete what a killed run was writing or deleting. Only for the run that holds the lock."""
    start, end = TEMPORARY
    for path in run.glob(f"{start}*{end}"):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _loss(path: Path) -> float | None:
    with suppress(FileError):
        return read_keys(read_json(path / STATE), STATE_KEYS, STATE)["validation_loss"]
    return None


def _sum(path: Path) -> list[int]:
    """Size and CRC-32 of a file."""
    checksum = 0
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            checksum = zlib.crc32(chunk, checksum)
    return [path.stat().st_size, checksum]


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    atomic_write(path, json.dumps(value, indent=1, allow_nan=False).encode() + b"\n")


def _sync(directory: Path) -> None:
    """Make a new name durable, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
