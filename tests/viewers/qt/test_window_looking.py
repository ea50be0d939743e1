"""What the window can look at: lens, watched values, ways to draw attention; the numbers are the engine's own."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from engine.pace import SPEEDS
from viewers.picture import LEVELS, number_text
from viewers.qt.mosaic_model import pooled, tiling
from viewers.view import ATTENTION, AttentionView

WAIT_MS = 60_000


def test_the_lens_at_the_end_says_what_the_model_says(window, driver, qtbot):
    window.send("run_until")
    window.do_lens()
    panel = window.panels["lens"]
    assert panel.in_sight and not window.panels["value"].in_sight
    qtbot.waitUntil(lambda: driver.latest.stepping.done and driver.latest.busy is None, timeout=WAIT_MS)
    residuals = [a for a in driver.latest.stepping.values if a == "embed" or ".resid_" in a]
    qtbot.waitUntil(lambda: panel.table.rowCount() == len(residuals), timeout=WAIT_MS)
    best = driver.latest.candidate_rows[-1]
    last = panel.reading.rows[-1].tokens
    assert [token.id for token in last] == [candidate.id for candidate in best[: len(last)]]
    assert last[0].probability == pytest.approx(best[0].probability, rel=1e-4)
    assert panel.table.item(panel.table.rowCount() - 1, 0).text() == "1.resid_post"
    window.look(token=3)
    qtbot.waitUntil(lambda: panel.reading.position == 3, timeout=WAIT_MS)
    window.do_close()
    assert window.panels["value"].in_sight and not panel.in_sight


def test_a_watched_value_stays_in_sight_with_its_numbers(window, driver, qtbot):
    window.look(address="blocks.0.attn.pattern")
    window.do_watch()
    panel = window.panels["watch"]
    qtbot.waitUntil(lambda: bool(panel.rows) and panel.rows[0].numbers is not None, timeout=WAIT_MS)
    value = np.asarray(driver.latest.stepping.values["blocks.0.attn.pattern"], np.float64)
    wanted = (value.min(), value.max(), value.mean(), np.sqrt((value**2).sum()))
    assert [panel.table.item(0, i).text() for i in range(1, 5)] == [number_text(float(n)) for n in wanted]
    window.look(address="blocks.1.mlp.post")
    window.do_watch()
    qtbot.waitUntil(lambda: panel.table.rowCount() == 2, timeout=WAIT_MS)
    assert panel.table.item(1, 1).text() == "not computed yet"
    window.do_watch()
    assert window.view.watched == ("blocks.0.attn.pattern",)


def levels_by_hand(pattern, scale, hides_first):
    """(T, T) as the mosaic keeps it: 0 where nothing is seen, else 1 to LEVELS."""
    shares = np.array(pattern, np.float64)
    if hides_first:
        shares = shares[:, 1:] / np.where(np.nansum(shares[:, 1:], 1) > 0, np.nansum(shares[:, 1:], 1), np.nan)[:, None]
    if scale == "row":
        shares = np.sqrt(shares / np.nanmax(np.where(np.isnan(shares), 0, shares), 1, keepdims=True).clip(1e-30))
    elif scale == "log":
        shares = np.log(np.maximum(shares, 1e-4) / 1e-4) / np.log(1e4)
    elif scale == "√":
        shares = np.sqrt(shares)
    found = np.where(np.isnan(shares), 0, np.rint(np.nan_to_num(shares) * (LEVELS - 1)) + 1)
    return np.hstack([np.zeros((len(found), 1)), found]) if hides_first else found


@pytest.mark.filterwarnings("ignore:.*NaN.*:RuntimeWarning")
def test_all_heads_are_drawn_by_the_scale_that_was_chosen(window, driver):
    mosaic = window.panels["attention"].mosaic
    for hides_first in (False, True):
        for scale in ("√", "even", "log", "row"):
            window.look(attention=AttentionView("wall", scale, hides_first))
            for layer, head in ((0, 1), (1, 3)):
                wanted = levels_by_hand(driver.latest.attention(layer, head), scale, hides_first)
                difference = np.abs(mosaic.patterns.levels[layer, head].astype(int) - wanted)
                assert difference.max() <= 1 and (difference == 0).mean() > 0.99, (scale, hides_first)  # halves round
    heat = window.panels["attention"].heat
    heat.point_at((5, 0))
    assert window.panels["attention"].sentence.endswith(": left out")


def test_keys_go_through_the_views_of_attention(window):
    panel = window.panels["attention"]
    seen = []
    for _ in ATTENTION:
        window.do_attention_view()
        what = window.view.attention.what
        seen.append(what)
        assert panel.mosaic.isHidden() == (what == "head")
        assert panel.mosaic.only == (window.view.layer if what == "layer" else None) or what == "head"
        assert window.panels["similarity"].in_sight == (what == "likeness") or what != "likeness"
    assert sorted(seen) == sorted(ATTENTION)
    window.do_hide_first()
    window.do_attention_scale()
    assert panel.looks.first.isChecked() and panel.looks.scale.currentData() == window.view.attention.scale == "even"
    assert "even" in window.remark.whole or "share of the rest" in window.remark.whole


def test_the_heads_of_one_layer_are_opened_by_a_click(window, qtbot):
    window.look(layer=1, attention=AttentionView("layer"))
    mosaic = window.panels["attention"].mosaic
    box, wide, high = mosaic.grid()
    row, column = mosaic.tiles().place_of(1, 3)
    place = QPoint(round(box.left() + (column + 0.5) * wide), round(box.top() + (row + 0.7) * high))
    qtbot.mouseClick(mosaic, Qt.MouseButton.LeftButton, pos=place)
    assert (window.view.layer, window.view.head) == (1, 3)
    assert [title.split()[0] for title in mosaic.titles] == ["H0", "H1", "H2", "H3"]


def test_heads_of_a_layer_stand_as_large_as_they_go():
    assert tiling(4, 6, 2, 600, 100, 10)[:2] == (1, 6)
    assert tiling(4, 6, 2, 100, 600, 10)[:2] == (6, 1)
    tiles = tiling(4, 6, 2, 220, 300, 10)
    assert [tiles.place_of(2, head) for head in range(6)] == [divmod(head, tiles.across) for head in range(6)]
    assert {tiles.head_at(row, column) for row in range(tiles.down) for column in range(tiles.across)} >= {
        (2, head) for head in range(6)
    }
    assert tiling(4, 6, None, 220, 300, 0).head_at(3, 5) == (3, 5)


def test_what_stands_behind_another_tab_is_not_drawn_and_nothing_is_made_for_it(window, driver, qtbot, monkeypatch):
    drawn = []
    window.docks.bring("logprobs")
    panel = window.panels["similarity"]
    monkeypatch.setattr(panel, "draw_now", lambda: drawn.append(1))
    window.send("generate", count=3)
    qtbot.waitUntil(lambda: len(window.snapshot.tokens) == 20, timeout=WAIT_MS)
    assert not drawn and "similarity" not in window.worker._found
    window.docks.bring("similarity")
    qtbot.waitUntil(lambda: bool(drawn), timeout=WAIT_MS)


def test_slower_and_faster_go_through_the_speeds(window, driver, qtbot):
    window.do_slower()
    qtbot.waitUntil(lambda: driver.speed_limit == SPEEDS[-2], timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "at most 32/s" in window.strip.whole, timeout=WAIT_MS)
    window.do_slower()
    window.do_faster()
    window.do_faster()
    qtbot.waitUntil(lambda: driver.speed_limit is None, timeout=WAIT_MS)


def test_run_until_goes_forward_and_back_to_a_part_of_an_address(window, driver, qtbot):
    window.run_to("1.attn.q")
    qtbot.waitUntil(lambda: "blocks.1.attn.q" in driver.latest.stepping.values, timeout=WAIT_MS)
    window.run_to("0.attn.q")
    values = lambda: driver.latest.stepping.values  # noqa: E731
    qtbot.waitUntil(lambda: "blocks.0.attn.q" in values() and "blocks.1.attn.q" not in values(), timeout=WAIT_MS)
    window.run_to("nowhere")
    assert "in no address" in window.remark.whole


def test_text_is_coloured_by_its_difference_only_beside_a_second_lane(window, driver, qtbot):
    ways = []
    for _ in range(4):
        window.do_colouring()
        ways.append(window.view.colouring)
    assert ways == ["entropy", "none", "probability", "entropy"]
    window.send("compare", words="int8=all")
    qtbot.waitUntil(lambda: window.snapshot.difference is not None and not window.snapshot.busy, timeout=WAIT_MS)
    window.look(colouring="difference")
    kl = driver.latest.difference.kl[5]
    assert f"KL {kl:.3g} nats" in window.panels["text"].flow.says(5)


@pytest.mark.parametrize(("count", "side"), [(1, 3), (5, 3), (60, 20), (128, 55), (601, 55), (40, 40)])
def test_a_small_picture_shows_the_largest_of_what_each_cell_stands_for(count, side):
    levels = np.random.default_rng(count).integers(0, LEVELS + 1, (2, 3, count, count)).astype(np.uint8)
    small, factor = pooled(levels, side), -(-count // side)
    assert small.shape[-1] == -(-count // factor) <= side
    for row in range(small.shape[-1]):
        block = levels[:, :, row * factor : (row + 1) * factor]
        for column in range(0, small.shape[-1], 7):
            part = block[..., column * factor : (column + 1) * factor]
            assert np.array_equal(small[:, :, row, column], part.max((2, 3)))
