"""Before Qt is touched: one clear sentence where a window cannot be shown."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from engine.errors import SurroundingsError
from viewers.qt.preflight import require_window

SCREEN = {"DISPLAY": ":0"}


def versions(**given):
    """Every package is there in a good version, but for those given."""

    def version_of(package):
        found = given.get(package, "6.11.3")
        if found is None:
            raise PackageNotFoundError(package)
        return found

    return version_of


def said(environment=SCREEN, missing=(), answers=True, **packages):
    with pytest.raises(SurroundingsError) as error:
        require_window(environment, lambda library: library not in missing, versions(**packages), lambda: answers)
    assert error.value.exit_code == 3
    return str(error.value)


def test_where_all_is_there_nothing_is_said():
    require_window(SCREEN, lambda _: True, versions(), lambda: True)
    require_window({"WAYLAND_DISPLAY": "wayland-0"}, lambda name: "xcb" not in name, versions(), lambda: False)
    require_window({"QT_QPA_PLATFORM": "offscreen"}, lambda name: "xcb" not in name, versions(), lambda: False)


@pytest.mark.parametrize("package", ["PySide6_Essentials", "pyqtgraph", "QtAwesome"])
def test_a_package_that_is_missing_is_named_with_what_installs_it(package):
    words = said(**{package: None})
    assert package in words and "make gui" in words


@pytest.mark.parametrize("version", ["6.12.0", "6.9.1", "6.10.1"])
def test_a_version_of_qt_that_ends_python_is_refused(version):
    assert f"PySide6_Essentials {version}" in said(PySide6_Essentials=version)


def test_without_a_display_the_terminal_is_offered():
    assert "minigpt-tui" in said({})


def test_a_display_that_does_not_answer_is_said():
    assert ":0 does not answer" in said(answers=False)


def test_missing_libraries_come_with_the_command_that_installs_them():
    words = said(missing=("libxcb-cursor.so.0", "libEGL.so.1"))
    assert words.endswith("run 'sudo apt-get install libegl1 libxcb-cursor0'")


def test_the_allowed_versions_are_those_of_the_project():
    import tomllib
    from pathlib import Path

    from viewers.qt.preflight import BROKEN

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    asked = next(r for r in project["project"]["optional-dependencies"]["gui"] if r.startswith("PySide6"))
    assert {part.removeprefix("!=") for part in asked.split(",") if part.startswith("!=")} == set(BROKEN)
