"""Settings in the terminal app: every one is seen and switched; what a change did is shown until it is closed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tui_factory import application, driver_of, give, plane, snapshot

from app.screens.layers import AskLayer
from app.widgets.changes import counts_text, diff_rows, speed_text, title_of
from app.widgets.keys import textual_key
from app.widgets.settings_panel import NAME, SettingsPanel
from engine.settings import TABLE, Settings, shown
from engine.switch import Drift, Footprint, Switch, SwitchedLine

SWITCH = Switch(
    1,
    Settings(),
    Settings(kv_cache=False),
    (
        SwitchedLine("same", "embed", "embed(tokens)", "embed(tokens)"),
        SwitchedLine("gone", "blocks.0.attn.k_seen", "append(attn.cache_k, attn.k)", ""),
        SwitchedLine("changed", "blocks.0.attn.scores", "scores(attn.q, attn.k_seen)", "scores(attn.q, attn.k)"),
        SwitchedLine("new", "blocks.1.attn.masked", "", "mask(attn.scores, mask)"),
        SwitchedLine("same", "logits", "linear(x)", "linear(x)"),
    ),
    Footprint(10240, 4096, 1024, 1500),
    Footprint(10240, 0, 2048, 12_000_000),
    120.0,
    Drift(7, 0.02, 2),
)


def settings_panel(app) -> SettingsPanel:  # type: ignore[no-untyped-def]
    panel = app.explore.panel("settings")
    assert isinstance(panel, SettingsPanel)
    return panel


@pytest.mark.parametrize("row", [row for row in TABLE if row.key], ids=lambda row: row.name)
async def test_the_key_of_a_setting_asks_for_its_next_value(row) -> None:  # type: ignore[no-untyped-def]
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(textual_key(row.key))
        value = getattr(Settings().toggled(row.name), row.name)
        assert driver_of(app).sent == [("configure", {row.name: value})]
        await pilot.pause()
        assert f"applying {row.title} {shown(value)}" in "\n".join(plane(app))


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_the_panel_shows_every_setting_with_value_key_and_why(size: tuple[int, int]) -> None:
    app = application(snapshot(settings=Settings(int8="mlp", kv_window=100)))
    async with app.run_test(size=size) as pilot:
        await pilot.press("S", "z")
        said = plane(app)
        for row in TABLE:
            value = shown(getattr(Settings(int8="mlp", kv_window=100), row.name))
            here = next(line for line in said if f" {row.title} " in line and row.why[:25] in line)
            assert here.split(row.title)[1].split()[0] == value and row.key in here.split(row.title)[0]


async def test_quick_keys_go_on_from_what_was_asked_for() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("2", "2", "1")
        assert driver_of(app).sent == [
            ("configure", {"int8": "mlp"}),
            ("configure", {"int8": "attention"}),
            ("configure", {"kv_cache": False, "int8": "attention"}),
        ]
        give(app, snapshot(settings=Settings(kv_cache=False, int8="attention"), version=2))
        await pilot.press("2")
        assert driver_of(app).sent[-1] == ("configure", {"int8": "all"})


async def test_what_runs_is_stopped_for_a_setting() -> None:
    app = application(snapshot(busy="generating", progress=(3, 9)))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("1")
        assert driver_of(app).cancelled == 1 and driver_of(app).sent == [("configure", {"kv_cache": False})]


@pytest.mark.parametrize("notice", ["stopped before the pass was done; nothing was lost", "error: no memory"])
async def test_after_a_change_that_did_not_come_the_old_settings_are_gone_on_from(notice: str) -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("S", "1")
        assert settings_panel(app).wanted == Settings(kv_cache=False)
        assert "→ off" in "\n".join(plane(app))
        give(app, snapshot(version=2, busy="applying KV cache off"))
        assert settings_panel(app).wanted is not None
        await pilot.press("escape")
        assert driver_of(app).cancelled == 1
        give(app, snapshot(version=3, notice=notice))
        assert settings_panel(app).wanted is None
        await pilot.pause()
        assert notice in "\n".join(plane(app)) and "→ off" not in "\n".join(plane(app))


async def test_arrows_enter_and_clicks_switch_a_setting() -> None:
    app = application()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("S", "right")
        assert driver_of(app).sent[-1] == ("configure", {"kv_cache": False})
        await pilot.press("enter")
        assert driver_of(app).sent[-1] == ("configure", {"kv_cache": True})
        index = [row.name for row in TABLE].index("int8")
        await pilot.click("#settings", offset=(NAME + 2, index + 1))
        assert driver_of(app).sent[-1] == ("configure", {"int8": "mlp"}) and settings_panel(app).cursor == index
        await pilot.press("left")
        assert driver_of(app).sent[-1] == ("configure", {"int8": "none"})
        count = len(driver_of(app).sent)
        await pilot.click("#settings", offset=(NAME - 6, 1))
        assert settings_panel(app).cursor == 0 and len(driver_of(app).sent) == count


async def test_a_number_is_typed() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("S", *["down"] * [row.name for row in TABLE].index("low_rank_mlp"), "enter")
        assert isinstance(app.screen, AskLayer)
        await pilot.press("ctrl+u", "4", "8", "enter")
        assert driver_of(app).sent == [("configure", {"low_rank_mlp": 48})]
        await pilot.press("enter", "ctrl+u", "x", "enter")
        await pilot.pause()
        assert len(driver_of(app).sent) == 1 and "expected a rank from 1 up, got 'x'" in "\n".join(plane(app))


async def test_the_strip_says_int8_and_rank_always_and_others_where_they_are_set() -> None:
    app = application(snapshot(settings=Settings(int8="all", low_rank_mlp=12, int8_cache=True)))
    async with app.run_test(size=(200, 60)):
        top = plane(app)[0]
        assert "INT8 all" in top and "rank 12" in top and "INT8 cache on" in top and "window" not in top


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_a_change_shows_old_and_new_lines_until_it_is_closed(size: tuple[int, int]) -> None:
    app = application()
    async with app.run_test(size=size) as pilot:
        assert "Changes" not in "\n".join(plane(app))
        await pilot.press("1")
        give(app, snapshot(settings=Settings(kv_cache=False), switch=SWITCH, version=2, tokens_per_s=None))
        await pilot.pause()
        said = "\n".join(plane(app))
        for words in ("KV cache on → off", "−1 +1 ~1 lines", "3.0 KiB less in all", "KL 0.02 nats", "… 1 line stays",
                      "1.5k → 12.0M FLOP", "= scores(attn.q, attn.k)", "was scores(attn.q, attn.k_seen)",
                      "+ attn.masked"):  # fmt: skip
            assert words in said, words
        await pilot.press("escape")
        await pilot.pause()
        assert "Changes" not in "\n".join(plane(app))
        await pilot.press("D")
        await pilot.pause()
        assert "KV cache on → off" in "\n".join(plane(app)) and app.focused is app.explore.panel("changes")
        await pilot.press("D")
        await pilot.pause()
        assert "KV cache on → off" not in "\n".join(plane(app)) and app.explore.focused is not None


async def test_the_settings_panel_is_not_pushed_away_by_the_change_it_made() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("S", "right")
        give(app, snapshot(settings=Settings(kv_cache=False), switch=SWITCH, version=2))
        await pilot.pause()
        said = "\n".join(plane(app))
        assert app.focused is settings_panel(app) and "Changes" in said and "Stores matrices" in said
        await pilot.press("escape")
        await pilot.pause()
        assert "Changes" not in "\n".join(plane(app))


async def test_tab_passes_by_a_panel_that_is_not_offered() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        met = set()
        for _ in range(12):
            await pilot.press("tab")
            met.add(app.focused.id)
        assert "changes" not in met and "settings" in met


def test_a_difference_as_rows() -> None:
    assert [(row.kind, row.address) for row in diff_rows(SWITCH)] == [
        ("same", ""), ("block", "blocks.0"), ("gone", "attn.k_seen"), ("changed", "attn.scores"),
        ("was", "attn.scores"), ("block", "blocks.1"), ("new", "attn.masked"), ("same", ""),
    ]  # fmt: skip
    assert title_of(SWITCH) == "KV cache on → off" and counts_text(SWITCH) == "−1 +1 ~1"
    assert list(diff_rows(replace(SWITCH, lines=SWITCH.lines[:1]))) == []


def test_a_speed_that_was_not_measured_is_not_shown() -> None:
    assert speed_text(120.0, None) == "120 → not measured tokens/s"
    assert speed_text(None, None) == "speed: comes with generating"
