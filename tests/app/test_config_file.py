"""The configuration file: what it sets is what the app has, and what is wrong in it is one line with file and key."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest
from tui_factory import application, plane

from app.config import THEMES, Config, config_from, config_path, read_config, sample_config
from app.screens.application import MiniGPTApp
from app.state import State, write_state
from app.tui import main, opening_from
from engine.errors import FileError, SurroundingsError
from viewers.actions import ACTIONS
from viewers.key_map import is_key, refusal_of, remapped, tables, twice

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
        ("[keys]\none_update = 'r'", "config.toml: keys: one_update: 'r' is the key of resume_run too"),
        ("[keys]\nmaximise = 'd'", "config.toml: keys: maximise: 'd' is the key of flip_next too"),
        ("[keys]\ncomplete = 'x'", "config.toml: keys: complete: needs a key that is no character"),
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
    assert refusal_of(keys) is None
    by_id = {row.id: row for row in remapped(ACTIONS, keys)}
    assert by_id["step"].keys == ("N",) and by_id["step_back"].keys == ("n",) and not twice(remapped(ACTIONS, keys))


def test_every_key_of_the_table_is_one_and_none_stands_twice():
    for table in tables().values():
        assert not twice(table)
        assert all(is_key(key) for row in table for key in row.keys)


def test_what_several_screens_share_has_the_same_keys_on_each():
    known: dict[str, tuple[str, ...]] = {}
    for table in tables().values():
        for row in table:
            assert known.setdefault(row.id, row.keys) == row.keys, row.id


def test_an_action_of_one_screen_may_have_a_key_that_another_screen_uses():
    assert refusal_of({"flip_next": ("m",), "curve": ("v",)}) == (
        "curve",
        "'v' is the key of compare too; give compare another one",
    )
    assert refusal_of({"flip_next": ("m",), "curve": ("a",), "complete": ("ctrl+g",)}) is None


def test_the_sample_changes_nothing_and_names_every_action(path):
    sample = sample_config()
    assert tomllib.loads(sample) == {}
    whole = "\n".join(line.removeprefix("# ") for line in sample.splitlines() if " = " in line or line == "# [keys]")
    raw = tomllib.loads(whole)
    assert {id: tuple(keys) for id, keys in raw["keys"].items()} == {
        row.id: row.keys for table in tables().values() for row in table
    }
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


@pytest.fixture
def state(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def app_of(theme: str | None = None) -> MiniGPTApp:
    """An app that remembers, as it starts."""
    opening = application().opening
    opening.is_kept_safe = True
    return MiniGPTApp(opening, (), theme)


async def test_a_theme_that_was_chosen_is_there_the_next_time(state):
    app = app_of()
    assert app.theme == "textual-dark"
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+p", *"theme", "enter")
        await pilot.pause(0.2)
        await pilot.press(*"gruvbox", "enter")
        await pilot.pause(0.2)
        assert app.theme == "gruvbox" and app_of().theme == "gruvbox"
        app.remember()
    assert app_of().theme == "gruvbox" and app_of("light").theme == "textual-light"


async def test_the_file_comes_before_what_was_chosen_and_that_is_said(state):
    app = app_of("light")
    async with app.run_test(size=(120, 36)) as pilot:
        app.theme = "nord"
        await pilot.pause()
        await pilot.pause()
        (said,) = app._notifications
        assert said.message == "config.toml names light, which comes first the next time."
    assert app_of("light").theme == "textual-light" and app_of().theme == "nord"


def test_a_theme_that_is_none_any_more_is_as_if_none_was_chosen(state):
    for wrong in ("pink", "x" * 9999, "\x1b[2J"):
        write_state(State(theme=wrong))
        assert app_of().theme == "textual-dark"


def luminance(colour: tuple[int, int, int]) -> float:
    """Relative luminance as the WCAG define it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def with_keys(keys: dict[str, tuple[str, ...]], body: str) -> None:
    """Run lines of an async function in a process of its own: keys are put into the tables before screens are made."""
    head = f"""
import asyncio, sys
sys.path[:0] = sys.argv[1:]
from viewers.key_map import use
use({keys!r})
async def main():
"""
    code = head + textwrap.indent(textwrap.dedent(body), "    ") + "\nasyncio.run(main())\n"
    places = [str(ROOT / "tests" / "app" / name) for name in (".", "train", "compare")]
    words = [sys.executable, "-c", code, *places]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_other_keys_reach_screen_footer_and_help():
    with_keys(
        {"sampler": ("ctrl+g",), "help": ("ctrl+b",)},
        """
        from tui_factory import application, plane
        from app.screens.lists import SamplingLayer
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
            await pilot.press("ctrl+b")
            assert app.screen is app.explore
        """,
    )


def test_other_keys_reach_the_train_screen():
    with_keys(
        {"one_update": ("ctrl+g",), "stop_run": ("ctrl+y", "f9"), "explore": ("f12",)},
        """
        import engine.training.driver
        from train_factory import FakeTraining, application, opened, training
        from tui_factory import plane
        engine.training.driver.TrainingDriver = FakeTraining
        app = application()
        async with app.run_test(size=(120, 36)) as pilot:
            await pilot.press("f3")
            train, driver = opened(app, training())
            await pilot.pause()
            assert "^g one step" in plane(app)[-1] and "^y stop" in plane(app)[-1], plane(app)[-1]
            driver.sent.clear()
            await pilot.press("n", "S", "f2")
            assert not driver.sent and app.screen is train
            await pilot.press("ctrl+g")
            assert driver.sent == [("step",)], driver.sent
            await pilot.press("?")
            await pilot.pause()
            page = app.screen.query_one("#help-text").render().plain
            assert " ^g " in page and "^y F9" in page and " n F10 " not in page, page
            await pilot.press("escape", "f12")
            assert app.screen is app.explore
        """,
    )


def test_other_keys_reach_the_compare_and_the_models_screen():
    with_keys(
        {"flip_next": ("ctrl+g",), "order": ("ctrl+y",), "complete": ("ctrl+l",), "down": ("down", "w")},
        """
        from compare_factory import compared, comparing, give, screen_of
        from tui_factory import plane
        from app.screens.models import ModelsLayer
        app = comparing()
        async with app.run_test(size=(120, 36)) as pilot:
            await pilot.press("v")
            give(app, held=compared())
            await pilot.pause()
            compare = screen_of(app)
            before = compare.view.order
            await pilot.press("e")
            assert compare.view.order == before
            await pilot.press("ctrl+y")
            assert compare.view.order != before
            await pilot.press("?")
            await pilot.pause()
            page = app.screen.query_one("#help-text").render().plain
            assert " ^g " in page and " ^y " in page, page
            await pilot.press("escape", "f2", "f5")
            assert isinstance(app.screen, ModelsLayer)
            assert "^l completes" in "\\n".join(plane(app))
            await pilot.press("down", "down", "tab")
            assert app.screen.cursor == 2 and app.screen.typed == ""
            await pilot.press("ctrl+l", "w")
            assert app.screen.typed.endswith("w") and len(app.screen.typed) > 1
        """,
    )
