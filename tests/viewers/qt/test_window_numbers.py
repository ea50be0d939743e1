"""What the window shows are the engine's own numbers, and what a person does in it reaches the engine."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from engine.memory import LayerMemory
from viewers.numbers import bytes_text, percent_text
from viewers.picture import number_text
from viewers.qt.mosaic_model import SCALE

WAIT_MS = 20_000


def latest(driver, window, qtbot):
    """The driver's newest snapshot, once the window has it too."""
    qtbot.waitUntil(
        lambda: driver.latest.busy is None and window.snapshot.version == driver.latest.version, timeout=WAIT_MS
    )
    return driver.latest


def test_the_text_is_the_prompt_and_every_token_says_its_logprob(window, driver):
    flow, tokens = window.panels["text"].flow, driver.latest.tokens
    assert window.panels["text"].prompt.toPlainText() == "ROMEO: What light"
    for place, token in enumerate(tokens[1:], 1):
        assert f"logprob {token.logprob:.2f}" in flow.says(place)


def test_candidates_are_the_engines(window, driver):
    table, found = window.panels["candidates"].table, driver.latest.candidate_rows[-1]
    assert table.rowCount() == len(found) > 3
    for row, candidate in enumerate(found):
        assert table.item(row, 2).text() == percent_text(candidate.probability)


def test_a_double_click_on_a_candidate_puts_it_there_and_leaves_a_branch(window, driver, qtbot):
    window.look(token=6)
    table = window.panels["candidates"].table
    other = next(row for row, c in enumerate(window.panels["candidates"].found) if c.id != driver.latest.tokens[6].id)
    wanted = window.panels["candidates"].found[other].id
    table.cellDoubleClicked.emit(other, 0)
    qtbot.waitUntil(lambda: len(driver.latest.tokens) == 7 and driver.latest.tokens[6].id == wanted, timeout=WAIT_MS)
    assert len(latest(driver, window, qtbot).branches) == 2


def test_the_chosen_head_shows_its_pattern_and_says_a_cell(window, driver):
    window.look(layer=1, head=2)
    heat = window.panels["attention"].heat
    wanted = driver.latest.attention(1, 2)
    assert np.array_equal(heat.picture.values, wanted, equal_nan=True)
    heat.point_at((5, 3))
    assert window.panels["attention"].sentence.endswith(f": {wanted[5, 3]:.3f}")


def test_the_mosaic_has_every_head_at_its_level(window, driver):
    levels = window.panels["attention"].mosaic.patterns.levels
    for layer in range(driver.latest.layers):
        for head in range(driver.latest.heads):
            pattern = driver.latest.attention(layer, head)
            wanted = np.where(np.isnan(pattern), 0, SCALE.level(pattern) + 1)
            assert np.array_equal(levels[layer, head], wanted)


def test_the_mosaic_grows_as_the_text_does(window, driver, qtbot):
    window.send("generate", count=20)
    qtbot.waitUntil(lambda: len(window.snapshot.tokens) == 37, timeout=WAIT_MS)
    snapshot = latest(driver, window, qtbot)
    levels = window.panels["attention"].mosaic.patterns.levels
    pattern = snapshot.attention(1, 3)
    assert np.array_equal(levels[1, 3], np.where(np.isnan(pattern), 0, SCALE.level(pattern) + 1))


def test_a_click_in_the_mosaic_opens_that_head(window, qtbot):
    mosaic = window.panels["attention"].mosaic
    box, wide, high = mosaic.grid()
    place = QPoint(round(box.left() + 2.5 * wide), round(box.top() + 1.4 * high))
    qtbot.mouseClick(mosaic, Qt.MouseButton.LeftButton, pos=place)
    assert (window.view.layer, window.view.head) == (1, 2)
    assert window.panels["attention"].heat.title == "layer 1, head 2"


def test_the_value_of_the_stepped_line_is_shown(window, driver, qtbot):
    window.do_step()
    qtbot.waitUntil(lambda: window.view.address == "blocks.0.attn.z", timeout=WAIT_MS)
    panel = window.panels["value"]
    qtbot.waitUntil(lambda: panel.picture is not None and panel.address() == "blocks.0.attn.z", timeout=WAIT_MS)
    qtbot.waitUntil(lambda: panel.heading.text().startswith("blocks.0.attn.z"), timeout=WAIT_MS)
    value = driver.latest.stepping.values["blocks.0.attn.z"]
    assert np.allclose(panel.picture.values, value[0, 0])
    assert panel.numbers.data(panel.numbers.index(4, 7)) in (f"{value[0, 0, 4, 7]:.3f}", f"{value[0, 0, 4, 7]:.1e}")


def test_the_program_says_what_is_done_and_where_the_line_was_written(window, driver):
    panel, stepping = window.panels["program"], driver.latest.stepping
    marks = "".join(panel._marks)
    assert marks == "✓" * stepping.cursor + "▸" + "·" * (len(stepping.rows) - stepping.cursor - 1)
    assert stepping.rows[stepping.cursor - 1].where in panel.about.text()


def test_a_breakpoint_stops_a_run(window, driver, qtbot):
    window.look(address="blocks.1.attn.q")
    window.do_breakpoint()
    window.do_run()
    qtbot.waitUntil(lambda: driver.latest.stepping.rows[driver.latest.stepping.cursor].breakpoint, timeout=WAIT_MS)
    stepping = latest(driver, window, qtbot).stepping
    assert stepping.rows[stepping.cursor].address == "blocks.1.attn.q"


def test_a_setting_is_applied_and_what_it_saved_is_said(window, driver, qtbot):
    window.panels["settings"].controls["int8"].ask("all")
    qtbot.waitUntil(lambda: window.snapshot.settings.int8 == "all" and not window.snapshot.busy, timeout=WAIT_MS)
    switch = latest(driver, window, qtbot).switch
    window.docks.bring("settings")
    saved = bytes_text(switch.bytes_before.weights - switch.bytes_after.weights)
    text = window.panels["settings"].changes.toPlainText()
    assert f"{saved} less" in text and f"{switch.count('changed')} changed" in text


def test_after_a_setting_the_pass_is_followed_again(window, driver, qtbot):
    window.do_step()
    qtbot.waitUntil(lambda: window.view.address == "blocks.0.attn.z", timeout=WAIT_MS)
    window.switch("int8")
    qtbot.waitUntil(lambda: window.snapshot.settings.int8 == "mlp", timeout=WAIT_MS)
    qtbot.waitUntil(lambda: window.snapshot.stepping.cursor > 0, timeout=WAIT_MS)


def test_memory_is_the_report(window, driver):
    from viewers.qt.memory_panel import memory_rows

    window.docks.bring("memory")
    report = driver.latest.memory
    rows = memory_rows(report)
    assert [row.parts[0] for row in rows] == [layer.weights_bytes for layer in report.layers]
    assert sum(row.parts[1] for row in rows) == report.total("cache_used_bytes")
    assert sum(row.parts[1] + row.parts[2] for row in rows) == report.total("cache_allocated_bytes")
    assert isinstance(report.layers[0], LayerMemory) and bytes_text(sum(rows[0].parts)) == rows[0].number


def test_entropy_is_the_engines(window, driver):
    window.docks.bring("entropy")
    window.look(token=9)
    heat = window.panels["entropy"].heat
    assert np.allclose(heat.picture.values, driver.latest.entropy()[:, :, 9])
    heat.point_at((0, 1))
    assert heat.sentence.endswith("nats")


def test_perplexity_is_of_the_tokens(window, driver):
    mean = np.mean([-token.logprob for token in driver.latest.tokens[1:]])
    assert f"perplexity {math.exp(mean):.2f}" in window.panels["logprobs"].sentence


def test_a_prompt_that_is_typed_is_run(window, driver, qtbot):
    prompt = window.panels["text"].prompt
    prompt.setFocus()
    prompt.selectAll()
    qtbot.keyClicks(prompt, "To be")
    qtbot.keyClick(prompt, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "".join(t.text for t in driver.latest.tokens) == "To be", timeout=WAIT_MS)


def test_escape_puts_the_prompt_back(window, qtbot):
    prompt = window.panels["text"].prompt
    prompt.setFocus()
    qtbot.keyClicks(prompt, "!!")
    qtbot.keyClick(prompt, Qt.Key.Key_Escape)
    assert prompt.toPlainText() == "ROMEO: What light"


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_picture_of_a_panel_is_saved(window, tmp_path, suffix):
    from viewers.qt.saving import save_picture

    path = tmp_path / f"attention{suffix}"
    save_picture(window.panels["attention"], path)
    start = path.read_bytes()[:5]
    assert start.startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")


def test_the_command_opens_the_same_text_and_settings(window, driver):
    words = window.command_words().split()
    assert words[0] == "minigpt-gui" and ",".join(str(t.id) for t in driver.latest.tokens) in words


def test_similarity_is_the_cosine_of_the_heads_rows(window, driver, qtbot):
    window.docks.bring("similarity")
    heat = window.panels["similarity"].heat
    qtbot.waitUntil(lambda: heat.picture is not None, timeout=WAIT_MS)
    a, b = (np.nan_to_num(driver.latest.attention(0, head)) for head in (1, 3))
    rows = [x @ y / np.linalg.norm(x) / np.linalg.norm(y) for x, y in zip(a, b, strict=True)]
    assert heat.picture.values[1, 3] == pytest.approx(np.mean(rows), abs=1e-5)
    heat.point_at((1, 3))
    assert 'head 1 "L0 H1"' in heat.sentence and 'head 3 "L0 H3"' in heat.sentence


def test_exports_are_made_over_the_link(window, driver, tmp_path, qtbot):
    from viewers.export_job import ExportJob
    from viewers.exports import Options, chosen

    job = ExportJob(window.remote.session, tmp_path, chosen(["tokens"], ["csv"]), Options(), ["session.minigpt.json"])
    job.start()
    qtbot.waitUntil(lambda: job.latest.ended is not None, timeout=WAIT_MS)
    assert {path.name for path in job.latest.paths} == {"tokens.csv", "session.minigpt.json"}, job.latest
    lines = (tmp_path / "tokens.csv").read_text().splitlines()
    assert len(lines) == 1 + len(driver.latest.tokens)


def test_a_value_that_is_changed_is_another_and_undone_is_the_same(window, driver, qtbot):
    before = np.array(driver.latest.stepping.values["blocks.0.attn.pattern"])
    window.change("edit", text="blocks.0.attn.pattern:zero")
    qtbot.waitUntil(lambda: len(driver.latest.stepping.edits) == 1 and not driver.latest.busy, timeout=WAIT_MS)
    latest(driver, window, qtbot)
    window.do_undo()
    qtbot.waitUntil(lambda: not driver.latest.stepping.edits and not driver.latest.busy, timeout=WAIT_MS)
    latest(driver, window, qtbot)
    window.send("run_until", address="blocks.0.attn.pattern")
    qtbot.waitUntil(lambda: "blocks.0.attn.pattern" in driver.latest.stepping.values, timeout=WAIT_MS)
    assert np.array_equal(driver.latest.stepping.values["blocks.0.attn.pattern"], before)


def test_undoing_without_edits_brings_the_text_back(window, driver, qtbot):
    window.send("take_back")
    qtbot.waitUntil(lambda: len(driver.latest.tokens) == 16, timeout=WAIT_MS)
    latest(driver, window, qtbot)
    window.do_undo()
    qtbot.waitUntil(lambda: len(driver.latest.tokens) == 17, timeout=WAIT_MS)


def test_arcs_say_where_a_token_looks_and_who_looks_at_it(window, driver):
    window.look(layer=1, head=0, token=8)
    arcs, pattern = window.panels["attention"].arcs, driver.latest.attention(1, 0)
    looks, seen = arcs.strongest()
    assert looks.endswith(f": {number_text(float(np.nanmax(pattern[8])))}")
    assert seen.endswith(f": {number_text(float(np.nanmax(pattern[9:, 8])))}")


def test_a_profile_is_the_row_and_the_column_of_the_cell(window, driver):
    panel = window.panels["value"]
    panel.heat.point_at((6, 2))
    lines = list(panel.profile._lines.values())
    value = driver.latest.stepping.values["blocks.0.attn.pattern"][0, 0]
    assert np.allclose(lines[0].getData()[1], value[6]) and np.allclose(lines[1].getData()[1], value[:, 2])


def test_what_was_opened_is_remembered_the_newest_first(home):
    from viewers.qt.docks import settings_file
    from viewers.qt.saving import recent, remember

    kept = settings_file()
    for spec in ("a", "b", "a"):
        remember(kept, spec)
    assert recent(kept) == ["a", "b"]


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Escape])
def test_after_writing_the_keys_are_actions_again_also_when_the_window_comes_back(window, qtbot, key):
    prompt, flow = window.panels["text"].prompt, window.panels["text"].flow
    window.do_edit_prompt()
    assert window.focusWidget() is prompt
    qtbot.keyClick(prompt, key)
    assert window.focusWidget() is flow, "with nobody, Qt gives the keys to the prompt when the window is active again"
