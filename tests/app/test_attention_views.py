"""The views of attention: what they draw are the snapshot's numbers, and every key and click does what it says."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import tui_factory
from tui_factory import HEADS, HOSTILE, LAYERS, application, give, plane, snapshot

from app.widgets.mosaic import Tiles, canvas, layer_tiles, reduced, wall_tiles
from engine.analysis.habits import habits_of
from engine.analysis.readings import head_similarity, pattern_scores
from engine.snapshot import Snapshot
from viewers.palette import ABSENT
from viewers.picture import SHARES, pattern_scale
from viewers.view import AttentionView


def known(words: tuple[str, ...] = tui_factory.WORDS) -> Snapshot:
    """A snapshot whose heads' habits are read, and which has tokens that come again."""
    state = snapshot(words=words)
    tokens = tuple(replace(token, id=i % 3) for i, token in enumerate(state.tokens))
    habits = habits_of(state.attention_rows[0], [token.id for token in tokens], (None,) * LAYERS)
    return replace(state, tokens=tokens, habit_rows=(habits,), context=2048)


def patterns(state: Snapshot) -> list[np.ndarray]:
    return [np.stack([state.attention(i, h) for h in range(HEADS)]) for i in range(LAYERS)]


async def seen(state: Snapshot, *keys: str, size: tuple[int, int] = (120, 36)) -> tuple[str, str]:
    """The screen after these keys in the attention panel, and its sentence."""
    app = application(state)
    async with app.run_test(size=size) as pilot:
        app.explore.bring("attention")
        await pilot.pause()
        await pilot.press("z", *keys)
        await pilot.pause()
        return "\n".join(plane(app)), app.explore.panel("attention").sentence()


async def test_the_scores_of_a_head_are_those_of_the_whole_patterns() -> None:
    state = known()
    scores = pattern_scores(patterns(state), [token.id for token in state.tokens])
    words = [f"{name} {getattr(scores, name)[1, 2]:.2f}" for name in ("previous", "first", "same", "induction")]
    words[-1] += f"; entropy {state.entropy()[1, 2].mean():.2f} nats"
    for keys in (("down", "right", "right"), ("V", "V", "down", "right", "right")):
        screen, _ = await seen(state, *keys)
        assert ", ".join(words) in screen
    _, sentence = await seen(state, "V", "V", "down", "right", "right")
    assert sentence == f"layer 1 head 2: {', '.join(words)}"


async def test_a_habit_that_nothing_shows_is_a_dash() -> None:
    screen, _ = await seen(replace(known(), habit_rows=(np.full((4, LAYERS, HEADS, 7), np.nan, np.float32),)))
    assert "previous —, first —, same —, induction —" in screen


async def test_without_the_first_token_is_said_and_renormalized() -> None:
    state = known()
    row = state.attention(0, 0)[5, 1:]
    key = int(np.nanargmax(row)) + 1
    screen, _ = await seen(state, "0", "tab", "shift+tab")
    assert "without the first token" in screen.split("\n")[3] and "divided by the sum of the rest" in screen
    app = application(state)
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("attention")
        await pilot.press("0")
        app.explore.look(token=5)
        await pilot.pause()
        panel = app.explore.panel("attention")
        share = row[key - 1] / np.nansum(row)
        assert panel.sentence().endswith(f": {share:.3f} of the rest") and f"key {key} " in panel.sentence()
        await pilot.press("enter", *["left"] * 7)
        assert panel.sentence().endswith('→ key 0 "<s>": left out')


@pytest.mark.parametrize(("presses", "scale"), list(enumerate(("√", "even", "log", "row"))))
async def test_the_legend_says_the_scale(presses: int, scale: str) -> None:
    screen, _ = await seen(known(), *["L"] * presses)
    assert SHARES[scale] in screen and ("≤1.0e-4 " in screen) == (scale == "log")


def test_scales_are_monotonous_and_end_where_the_legend_says() -> None:
    shares = np.array([[0, 1e-4, 1e-3, 0.01, 0.1, 0.5], [np.nan, 0, 0, 0.001, 0.002, 0.004]], np.float32)
    for how in SHARES:
        levels = pattern_scale(0.5, how).level(shares)
        assert (np.diff(levels[0].astype(int)) >= 0).all() and levels[0, 0] == 0 and levels[0, -1] == 32
        assert levels[1, 0] == ABSENT and (levels[1, -1] == 32) == (how == "row")
    halves = pattern_scale(1.0, "log").level(np.array([[1e-4, 1e-2, 1.0]]))
    assert halves.tolist() == [[0, 16, 32]]


async def test_every_view_comes_in_turn_and_escape_goes_back_from_a_taken_head() -> None:
    app = application(known())
    async with app.run_test(size=(120, 36)) as pilot:
        for what in ("layer", "wall", "likeness", "head", "layer", "wall"):
            await pilot.press("V")
            assert app.explore.view.attention.what == what
        await pilot.press("right", "down", "enter")
        view = app.explore.view
        assert (view.attention.what, view.layer, view.head) == ("head", 1, 1)
        await pilot.press("enter", "escape")
        assert app.explore.view.attention.what == "head" and not app.explore.panel("attention").inside
        await pilot.press("escape")
        assert app.explore.view.attention.what == "wall"


async def test_the_grid_moves_to_the_head_below_and_past_its_edge_to_the_next_layer() -> None:
    app = application(known())
    async with app.run_test(size=(80, 24)) as pilot:
        app.explore.bring("attention")
        await pilot.press("V", "z")
        panel = app.explore.panel("attention")
        panel._grid = (*panel._grid[:4], panel._grid[4]._replace(down=2, across=2))
        await pilot.press("down")
        assert (app.explore.view.layer, app.explore.view.head) == (0, 2)
        panel._grid = (*panel._grid[:4], panel._grid[4]._replace(down=2, across=2))
        await pilot.press("down")
        assert (app.explore.view.layer, app.explore.view.head) == (1, 2)


@pytest.mark.parametrize("views", [1, 2])
async def test_a_click_chooses_the_head_under_it_and_a_second_one_shows_it_alone(views: int) -> None:
    app = application(known())
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("attention")
        await pilot.press("z", *["V"] * views)
        await pilot.pause()
        panel = app.explore.panel("attention")
        left, top, _, _, tiles = panel._grid
        x = left + 3 * tiles.pitch + tiles.side // 2 + 1
        y = top + (tiles.pitch + tiles.side // 2) // 2 + 1 if views == 2 else top + 3
        await pilot.click("#attention", offset=(x + 1, y + 1))
        wanted = (int(views == 2), 3)
        assert (app.explore.view.layer, app.explore.view.head) == wanted
        await pilot.click("#attention", offset=(x + 1, y + 1))
        assert app.explore.view.attention.what == "head"


async def test_likeness_is_that_of_the_readings() -> None:
    state = known()
    alike = head_similarity(patterns(state))
    _, sentence = await seen(state, "V", "V", "V", "down", *["right"] * 6)
    assert sentence == f"layer 0 head 1 and layer 1 head 2: {alike[1, 6]:.3f}, mean cosine of their rows"
    app = application(state)
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("attention")
        await pilot.press("V", "V", "V", "right", "right", "right", "right", "right", "enter")
        assert (app.explore.view.attention.what, app.explore.view.layer, app.explore.view.head) == ("head", 1, 1)


async def test_a_long_text_is_seen_through_a_window_that_says_its_place() -> None:
    state = known(tuple(f" w{i}" for i in range(640)))
    screen, sentence = await seen(state)
    assert "tokens 384–639 of 640" in screen
    row = state.attention(0, 0)[639, 384:]
    key = int(np.nanargmax(row)) + 384
    assert sentence.startswith(f'query 639 " w639" → key {key} " w{key}": {row[key - 384]:.3f}'[:-2])
    app = application(state)
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("attention")
        app.explore.look(token=384)
        await pilot.press("enter")
        panel = app.explore.panel("attention")
        for _ in range(400):
            panel.move(-1, 0)
            assert panel._picture is not None
            panel.body(panel.snapshot, 80, 30)
        assert panel.sentence().startswith('query 0 " w0"')


async def test_hostile_tokens_are_inert_and_no_size_breaks_a_view() -> None:
    app = application(known((*HOSTILE, *HOSTILE)))
    async with app.run_test(size=(80, 24)) as pilot:
        app.explore.bring("attention")
        for size in ((80, 24), (20, 5), (1, 1), (41, 13), (200, 60), (300, 8), (30, 80)):
            await pilot.resize_terminal(*size)
            for key in ("V", "V", "0", "V", "L", "V", "down", "right", "enter", "up", "escape"):
                await pilot.press(key)
            await pilot.pause()
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e\ud800]", "".join(plane(app)))
        give(app, replace(snapshot(), version=9, tokens=(), attention_rows=(), entropy_rows=(), stepping=None))
        for _ in range(4):
            await pilot.press("V", "down", "right", "enter")
            await pilot.pause()
        assert app.is_running


@pytest.mark.parametrize(("width", "lines"), [(78, 8), (118, 28), (198, 53), (64, 26)])
@pytest.mark.parametrize(("layers", "heads"), [(6, 8), (12, 12), (2, 4), (1, 1), (40, 40)])
def test_tiles_fit_their_room(width: int, lines: int, layers: int, heads: int) -> None:
    wall, grid = wall_tiles(layers, heads, width, lines), layer_tiles(heads, width, lines)
    assert wall.across * wall.pitch < width and wall.lines <= lines
    assert grid.across * grid.pitch < width and grid.down * grid.lines <= lines
    assert wall.down <= layers and wall.across <= heads and grid.down * grid.across >= min(heads, grid.across)


def test_the_wall_of_six_layers_by_eight_heads_shows_all_of_them() -> None:
    tiles = wall_tiles(6, 8, 198, 52)
    assert (tiles.down, tiles.across) == (6, 8) and tiles.side >= 16


def test_a_canvas_holds_each_picture_at_its_place_and_frames_the_chosen_one() -> None:
    rng = np.random.default_rng(1)
    values = np.where(np.tri(10, dtype=bool), rng.random((4, 10, 10)), np.nan)
    small, pool = reduced(values, 5)
    assert pool == 2 and small.shape == (4, 5, 5)
    np.testing.assert_array_equal(small[3, 4, 0], values[3, 8:, :2].max())
    scale, tiles = pattern_scale(1.0), Tiles(2, 2, 5)
    dots = canvas(small.reshape(2, 2, 5, 5), scale.level, tiles, (1, 0))
    assert dots.shape == (13, 13)
    for i in range(4):
        y, x = i // 2 * 6 + 1, i % 2 * 6 + 1
        np.testing.assert_array_equal(dots[y : y + 5, x : x + 5], scale.level(small[i]))
        assert tiles.at(x, y // 2) == divmod(i, 2)
    assert (dots[6, :7] == 254).all() and (dots[12, :7] == 254).all() and (dots[0] == ABSENT).all()


def test_the_default_is_one_head_by_the_root() -> None:
    assert AttentionView() == AttentionView("head", "√", False)
