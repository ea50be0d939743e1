"""What the next update of a model would be made with: its own run's plan and moments, or those of a first update."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.files import read_json, refused
from engine.models.config_keys import read_keys
from engine.ops.optimizer import AdamSettings
from engine.training.checkpoints import MOMENTS, STATE, STATE_KEYS
from engine.training.plan import KEYS, Plan, read_plan
from engine.training.run_directory import PLAN
from engine.weights import TensorFile

FIRST_RATE = KEYS["learning_rate"].default


@dataclass(frozen=True)
class NextUpdate:
    """An update that could be made now.

    rate     its learning rate               step  its number, from 1
    moments  first and second of each weight as `m.<weight>` and `v.<weight>`; empty: none yet
    """

    settings: AdamSettings
    rate: float
    step: int
    moments: Mapping[str, np.ndarray]

    def __str__(self) -> str:
        moments = "the checkpoint's moments" if self.moments else "moments from 0"
        return f"update {self.step:,} at rate {self.rate:.3g}, {moments}"


def next_update(path: Path | None, shapes: Mapping[str, tuple[int, ...]]) -> NextUpdate:
    """The update that follows the checkpoint in a directory; a first one if the model is none.

    shapes  of the weights that the moments belong to

    Raises FileError if the checkpoint's files are not what they should be.
    """
    if path is None or not (path / MOMENTS).is_file() or not (path / STATE).is_file():
        return NextUpdate(AdamSettings(), FIRST_RATE, 1, {})
    state = read_keys(read_json(path / STATE), STATE_KEYS, STATE)
    moments = _moments(path / MOMENTS, shapes)
    plan = _plan(path.resolve().parent / PLAN)
    if plan is None:
        return NextUpdate(AdamSettings(), FIRST_RATE, state["adam_step"] + 1, moments)
    return NextUpdate(plan.adam, plan.rates.rate(state["update"]), state["adam_step"] + 1, moments)


def _plan(path: Path) -> Plan | None:
    return read_plan(read_json(path), PLAN) if path.is_file() else None


def _moments(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    file, moments = TensorFile(path), {}
    for moment, letter in (("first", "m"), ("second", "v")):
        for address, shape in shapes.items():
            name = f"{moment}.{address}"
            if name not in file.header.entries or file.header.entries[name].shape != shape:
                raise refused(path, f"expected shape {shape}", name)
            moments[f"{letter}.{address}"] = file.float32(name)
    return moments
