"""The Python source behind a line of a program: what the operation does, and where the builder wrote the line."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from functools import cache
from pathlib import Path

import engine.ops
from engine.edits import edit_op
from engine.program import Op

PACKAGE = Path(__file__).resolve().parents[1]
WHERE = re.compile(r"(engine/[A-Za-z0-9_/]+\.py):([0-9]+)")
AROUND = 4  # lines shown before and after the builder's


@cache
def operations() -> dict[str, Op]:
    """Every operation by its name."""
    found = {edit_op.name: edit_op}
    for module in pkgutil.iter_modules(engine.ops.__path__):
        for value in vars(importlib.import_module(f"engine.ops.{module.name}")).values():
            if isinstance(value, Op):
                found[value.name] = value
    return found


def operation_source(name: str) -> tuple[str, str]:
    """Where the function of an operation stands, as file:line, and its text; empty for one that is not known."""
    op = operations().get(name)
    if op is None:
        return "", ""
    function = inspect.unwrap(op.forward)
    lines, first = inspect.getsourcelines(function)
    path = Path(inspect.getsourcefile(function) or "").resolve()
    place = path.relative_to(PACKAGE) if path.is_relative_to(PACKAGE) else path.name
    return f"{place}:{first}", "".join(lines).rstrip()


def builder_source(where: str) -> tuple[str, ...]:
    """The lines around the place where a program's line was written, that one marked; empty where it is not known."""
    found = WHERE.fullmatch(where)
    path = PACKAGE / found[1] if found else None
    if found is None or path is None or not path.is_file():
        return ()
    lines, here = path.read_text(encoding="utf-8").splitlines(), int(found[2])
    first = max(1, here - AROUND)
    shown = enumerate(lines[first - 1 : here + AROUND], first)
    return tuple(f"{'▶' if number == here else ' '} {number:>4}  {line}" for number, line in shown)
