"""Imports run one way: engine <- viewers <- app; and inside the engine from what is said to what is done with it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCREENS = {"textual", "textual_plot", "rich", "PySide6", "pyqtgraph", "superqt", "qtawesome", "matplotlib"}
QT = {"PySide6", "pyqtgraph", "superqt", "qtawesome", "shiboken6"}
NOTHING: set[str] = set()

ONLY = {  # part of the engine -> the other parts that it may import
    "errors": NOTHING,
    "text": NOTHING,
    "program": {"errors", "listing"},  # a program prints itself by its listing, imported when it is asked to
    "listing": {"program"},
    "settings": {"errors"},
    "files": {"errors", "text"},
    "tokenizer": {"errors", "files", "text"},
    "ops": {"errors", "program"},
    "models": {"errors", "files", "ops", "program"},
    "weights": {"errors", "files", "models"},
    "cost": {"errors", "program"},
    "run": {"errors", "program", "edits"},
    "trace": {"errors", "program", "edits", "settings"},
}
NEVER = {  # part -> what it must not know
    "rewrites": {"models", "run", "compile", "trace", "weights"},
    "compile": {"models", "run", "trace", "weights", "decoder"},
    "memory": {"models", "run", "compile"},
}
SESSION_USERS = {"session", "editing", "weighing", "session_file", "commands", "driver", "views", "link"}


def modules(package: str) -> Iterator[Path]:
    return (ROOT / package).rglob("*.py")


def imported(path: Path) -> set[str]:
    """Every module a file names in an import, wherever in the file, in full: `engine.ops.linear`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def engine_parts(path: Path) -> set[str]:
    """`ops`, `models` and so on: the parts of the engine that a file of the engine imports, its own aside."""
    own = path.relative_to(ROOT / "engine").parts[0].removesuffix(".py")
    return {name.split(".")[1] for name in imported(path) if name.startswith("engine.")} - {own}


def part_files(part: str) -> list[Path]:
    directory = ROOT / "engine" / part
    return sorted(directory.rglob("*.py")) if directory.is_dir() else list((ROOT / "engine").glob(f"{part}.py"))


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [("engine", {"viewers", "app", *SCREENS}), ("viewers", {"app", "textual"}), ("app", QT)],
)
def test_packages_import_downwards_only(package, forbidden):
    found = {str(path.relative_to(ROOT)): tops(path) & forbidden for path in modules(package)}
    assert {path: names for path, names in found.items() if names} == {}


def test_only_the_window_imports_qt():
    for path in (*modules("engine"), *modules("viewers"), *modules("app")):
        if not path.is_relative_to(ROOT / "viewers" / "qt"):
            assert not tops(path) & QT, path


@pytest.mark.parametrize("part", ONLY)
def test_a_part_of_the_engine_imports_only_what_stands_below_it(part):
    for path in part_files(part):
        assert engine_parts(path) <= ONLY[part], path


@pytest.mark.parametrize("part", NEVER)
def test_a_part_of_the_engine_does_not_know_what_stands_beside_it(part):
    for path in part_files(part):
        assert not engine_parts(path) & NEVER[part], path


def test_only_what_shows_or_drives_a_session_imports_it():
    for path in modules("engine"):
        own = path.relative_to(ROOT / "engine").parts[0].removesuffix(".py")
        assert own in SESSION_USERS or "session" not in engine_parts(path), path


def test_the_engine_loads_no_screen_library():
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in modules("engine")
    ]
    code = f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "engine" in loaded and not loaded & (SCREENS | {"app", "viewers"})


def test_the_rules_are_about_files_that_exist():
    assert all(part_files(part) for part in {*ONLY, *NEVER})
