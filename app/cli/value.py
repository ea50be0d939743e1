"""One value of a stepped pass: its shape, its spread, and its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from app.cli.output import line, write_json
from engine.errors import InputError

if TYPE_CHECKING:
    from engine.session import Session

MOST_NUMBERS = 10_000  # in JSON; a larger value is summarized only
EDGE = 3  # first and last of each axis that are shown as text


def print_value(session: Session, as_json: bool) -> None:
    """The value of the line done last."""
    assert session.stepper is not None
    run = session.stepper.run
    if run.cursor == 0:
        raise InputError("no value is computed yet")
    address = run.program.lines[run.cursor - 1].out
    facts = summary(address, run.values[address])
    if as_json:
        array = run.values[address]
        write_json(facts | {"values": plain(array) if array.size <= MOST_NUMBERS else None})
        return
    line(f"{address}  {'×'.join(map(str, facts['shape']))}  {facts['dtype']}")
    for key in ("min", "max", "mean", "std"):
        line(f"{key:<11} {facts[key]}")
    if facts["not_finite"]:
        line(f"{'not finite':<11} {facts['not_finite']:,} (left out above)")
    with np.printoptions(threshold=0, edgeitems=EDGE, precision=4, suppress=True, linewidth=110):
        for row in str(run.values[address]).split("\n"):
            line(row)


def summary(address: str, array: np.ndarray) -> dict[str, Any]:
    """Shape and spread. What is not finite, as a masked score, is counted and left out of the rest."""
    finite = array[np.isfinite(array)].astype(np.float64)
    spread = {
        name: float(f"{getattr(finite, name)():.6g}") if finite.size else None for name in ("min", "max", "mean", "std")
    }
    shape = {"address": address, "shape": list(array.shape), "dtype": str(array.dtype)}
    return {**shape, **spread, "not_finite": int(array.size - finite.size)}


def plain(array: np.ndarray) -> Any:
    """Nested lists; what JSON has no number for becomes "inf", "-inf" or "nan"."""
    if array.ndim:
        return [plain(part) for part in array]
    value = array.item()
    return value if np.isfinite(value) else str(value)
