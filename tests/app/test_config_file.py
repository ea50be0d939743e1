"""The configuration file: what it sets is what the app has, and what is wrong in it is one line with file and key."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tui_factory import application, plane

from app.config import THEMES, Config, config_from, config_path, read_config, sample_config
from app.screens.application import MiniGPTApp
from app.tui import main, opening_from
from engine.errors import FileError, SurroundingsError
from viewers.actions import ACTIONS
from viewers.key_map import is_key, refusal_of, remapped, twice

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def path(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    config_path().parent.mkdir()
    return config_path()


def test_without_a_file_everything_is_as_it_comes():
    assert read_config() == Config() and Config().theme in THEMES


def test_what_it_says_is_read(path):
    path.write_text('model = "random:gpt2-2x240"\ntheme = "light"\n[keys]\nstep = "ctrl+g"\nfind = ["F", "f12"]\n')
    found = read_config()
    assert (found.model, found.theme) == ("random:gpt2-2x240", "light")
    assert found.keys == {"step": ("ctrl+g",), "find": ("F", "f12")}
    assert opening_from([]).model == "random:gpt2-2x240"
    assert opening_from(["random:llama-1b"]).model == "random:llama-1b", "the command line goes first"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model = 3", "config.toml: model: expected the name or path of a model, got 3"),
        ('theme = "pink"', "config.toml: theme: expected one of dark, light, high-contrast"),
        ("colour = 1", "config.toml: colour: is not known"),
        ("keys = 1", "config.toml: keys: expected a table"),
        ("[keys]\nstp = 'n'", "config.toml: keys: stp: is no action; did you mean step"),
        ("[keys]\nstep = 3", "config.toml: keys: step: expected a key"),
        ("[keys]\nstep = []", "config.toml: keys: step: expected a key"),
        ("[keys]\nstep = 'hyper+q'", "config.toml: keys: step: expected a key as n"),
        ("[keys]\nstep = 'b'", "config.toml: keys: step: 'b' is the key of breakpoint too"),
        ("[keys]\nstep = ';'\nrun = ';'", "';' is the key of"),
        ("[keys]\nstep = [';', ';']", "';' is the key of step too"),
        ("[keys]\nclose = 'o'", "config.toml: keys: close: stays escape"),
        ("theme = ", "config.toml: is not TOML"),
        ("\x00", "config.toml: is not TOML"),
        ("a=" + "[" * 5000, "config.toml: is not TOML"),
    ],
)
def test_what_is_wrong_is_one_line(path, text, said, capsys):
    path.write_text(text)
    with pytest.raises(FileError) as caught:
        read_config()
    assert said in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(SystemExit) as ended:
        main(["random:gpt2-2x240"])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: config.toml: ")


def test_bytes_that_are_no_text_and_a_directory_are_one_line(path):
    path.write_bytes(b'theme = "\xff"')
    with pytest.raises(FileError, match="is not TOML"):
        read_config()
    path.unlink()
    path.mkdir()
    with pytest.raises(SurroundingsError, match="cannot be read"):
        read_config()


def test_two_actions_may_change_places():
    keys = {"step": ("N",), "step_back": ("n",)}
    assert refusal_of(ACTIONS, keys) is None
    by_id = {row.id: row for row in remapped(ACTIONS, keys)}
    assert by_id["step"].keys == ("N",) and by_id["step_back"].keys == ("n",) and not twice(remapped(ACTIONS, keys))


def test_every_key_of_the_table_is_one_and_none_stands_twice():
    assert not twice(ACTIONS)
    assert all(is_key(key) for row in ACTIONS for key in row.keys)


def test_the_sample_changes_nothing_and_names_every_action(path):
    sample = sample_config()
    assert tomllib.loads(sample) == {}
    whole = "\n".join(line.removeprefix("# ") for line in sample.splitlines() if " = " in line or line == "# [keys]")
    raw = tomllib.loads(whole)
    assert {id: tuple(keys) for id, keys in raw["keys"].items()} == {row.id: row.keys for row in ACTIONS}
    raw["keys"] = {id: keys for id, keys in raw["keys"].items() if id not in ("close", "interrupt")}
    assert config_from(raw, "x").theme == "dark"


@pytest.mark.parametrize("theme", THEMES)
async def test_every_theme_is_readable(theme):
    """The text of the panels stands out against its ground: a contrast of 4.5 to 1, and 7 where that is promised."""
    made = application()
    app = MiniGPTApp(made.opening, (), theme)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "tiny" in plane(app)[0]
        _, _, ground, letters = app.explore.panel("text").colors
        low, high = sorted((luminance(ground.rgb), luminance((ground + letters).rgb)))
        assert (high + 0.05) / (low + 0.05) >= (15 if theme == "high-contrast" else 4.5)


def luminance(colour: tuple[int, int, int]) -> float:
    """Relative luminance as the WCAG define it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_other_keys_reach_screen_footer_and_help(tmp_path):
    """In a process of its own: keys are put into the table before the screens are made from it."""
    code = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from viewers.key_map import use
use({"sampler": ("ctrl+g",), "help": ("ctrl+b",)})
from tui_factory import application, plane
from app.screens.lists import SamplingLayer
async def main():
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        assert "^b help" in plane(app)[-1], plane(app)[-1]
        await pilot.press("t")
        assert not isinstance(app.screen, SamplingLayer)
        await pilot.press("ctrl+g")
        assert isinstance(app.screen, SamplingLayer)
        await pilot.press("escape", "ctrl+b")
        await pilot.pause()
        assert "^g" in app.screen.query_one("#help-text").render().plain
asyncio.run(main())
"""
    words = [sys.executable, "-c", code, str(ROOT / "tests" / "app")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
