"""What `minigpt-gui` hands the window: of the configuration, and which models can be opened here."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import window_given
from app.config import THEMES, config_path
from app.window_given import Offered, given
from engine.errors import FileError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def path(tmp_path, monkeypatch) -> Path:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    config_path().parent.mkdir(parents=True)
    return config_path()


def test_without_a_file_the_window_keeps_its_own_theme(path):
    assert given().theme is None and given().keys == {}
    path.write_text('[keys]\nstep = ";"\n')
    assert given().theme is None and given().keys == {"step": (";",)}


@pytest.mark.parametrize("theme", THEMES)
def test_a_theme_that_is_named_is_given_and_known_to_the_window(path, theme):
    from viewers.qt.theme import CHOICES

    path.write_text(f'theme = "{theme}"\n')
    assert given().theme == theme and theme in CHOICES


def test_a_wrong_file_is_refused(path):
    path.write_text('theme = "pink"\n')
    with pytest.raises(FileError, match="theme"):
        given()


def test_models_come_with_whether_they_fit(monkeypatch):
    monkeypatch.setattr(window_given, "available_bytes", lambda: 100_000_000)
    rows = {row.spec: row for row in Offered().of("", ["random:llama-6x384", "/nowhere"])}
    assert rows["shakespeare"].verdict == "fits" and rows["shakespeare"].opens
    large = rows["random:gpt2-124m"]
    assert large.verdict == "does not fit" and not large.opens and "100 MB are free" in large.why
    assert large.parameters == 124_439_808
    assert rows["/nowhere"].group == "recent" and not rows["/nowhere"].opens
    assert not any(spec.startswith("text:") for spec in rows)


def test_a_path_lists_what_it_may_become():
    offered = Offered()
    (shown,) = offered.of(str(ROOT / "sample_models" / "shake"), [])
    assert shown.opens and shown.spec.endswith("shakespeare")
    (way,) = offered.of(str(ROOT / "sample_mod"), [])
    assert way.is_directory and not way.opens
    assert offered.of(way.spec, [])[0].group == "here"
