"""What the panels say is what the snapshot holds; and nothing foreign in it is obeyed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tui_factory import HOSTILE, application, branches, give, plane, snapshot

from app.screens.arrangement import PANELS
from app.widgets.memory import brief, part_of, total_of
from engine.settings import Settings
from viewers.actions import BY_ID
from viewers.numbers import bytes_text, count_text, percent_text, seconds_text
from viewers.picture import number_text


async def shown_panel(name: str, latest=None, size=(120, 36), keys: tuple[str, ...] = ()) -> str:  # type: ignore[no-untyped-def]
    """The screen with one panel maximised."""
    app = application(latest)
    async with app.run_test(size=size) as pilot:
        app.explore.bring(name)
        await pilot.press("z", *keys)
        await pilot.pause()
        return "\n".join(plane(app))


async def test_the_text_says_the_probability_of_the_token_under_the_cursor() -> None:
    latest = snapshot()
    token = latest.tokens[6]
    said = await shown_panel("text", latest, keys=("left",))
    assert token.logprob is not None
    assert f"p {math.exp(token.logprob):.3f}" in said and f"logprob {token.logprob:.2f}" in said
    assert "<s>·The·cat·sat↵" in said  # and the newline breaks the line


async def test_candidates_show_probability_logprob_and_chance() -> None:
    said = await shown_panel("candidates")
    assert "50.0%   -0.69  50.0%" in said and "25.0%   -1.39  25.0%" in said
    assert "cut" in next(line for line in said.splitlines() if "tail" in line)


async def test_the_listing_shows_shape_cost_and_time_only_of_what_was_done() -> None:
    said = await shown_panel("program", snapshot(done=4))
    pattern = next(line for line in said.splitlines() if "op(blocks.0.attn.pattern)" in line)
    assert "▶" in pattern and "✓" in pattern and "1×4×7×7" in pattern and "4.0k" in pattern and "80 µs" in pattern
    logits = next(line for line in said.splitlines() if "op(logits)" in line)
    assert "·" in logits and "—" in logits
    assert "in this stepped run" in said


async def test_attention_says_its_sentence_with_the_number_of_the_snapshot() -> None:
    latest = snapshot()
    row = latest.attention(1, 2)[5]
    key = int(np.argmax(np.nan_to_num(row)))
    said = await shown_panel("attention", latest, keys=("down", "right", "right"))
    assert f'query 6 " it" → key {int(np.nanargmax(latest.attention(1, 2)[6]))}' in said
    app = application(latest)
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("attention")
        app.explore.look(layer=1, head=2, token=5)
        await pilot.pause()
        text = latest.tokens[key].text.replace("\n", "↵")
        assert app.explore.panel("attention").sentence() == f'query 5 "on" → key {key} "{text}": {row[key]:.3f}'


async def test_entropy_is_of_the_token_or_the_mean_and_says_which() -> None:
    latest = snapshot()
    said = await shown_panel("entropy", latest)
    assert "of token 6" in said and f"layer 0, head 0: {number_text(latest.entropy()[0, 0, 6])} nats" in said
    said = await shown_panel("entropy", latest, keys=("o",))
    assert (
        "mean over the text" in said and f"layer 0, head 0: {number_text(latest.entropy()[0, 0].mean())} nats" in said
    )


async def test_memory_totals_are_the_sums() -> None:
    latest = snapshot()
    said = await shown_panel("memory", latest)
    together = next(line for line in said.splitlines() if "together" in line)
    for part in ("weights_bytes", "cache_allocated_bytes", "activation_held_bytes"):
        assert brief(latest.memory.total(part)) in together
    peak = max(layer.activation_needed_bytes for layer in latest.memory.layers)
    assert f" {brief(peak)} " in together  # of peaks the highest, not the sum
    block = latest.memory.layers[1]
    assert total_of(block) == 20480 + 8192 + 3072 + 512 and part_of(block, "cache_free") == 6144


async def test_the_strip_shows_the_configuration() -> None:
    app = application(snapshot(settings=Settings(kv_cache=False, kv_window=64)))
    async with app.run_test(size=(200, 60)):
        top = plane(app)[0]
        for words in (
            "tiny",
            "float32",
            "KV off",
            "window 64",
            "seed 5",
            "T 1",
            "top-k off",
            "tokens 7/32",
            "tokens/s 123",
        ):
            assert words in top


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_every_number_of_a_small_value_is_written(size: tuple[int, int]) -> None:
    latest = snapshot(done=4)
    app = application(latest)
    async with app.run_test(size=size) as pilot:
        app.explore.bring("value")
        await pilot.press("z")
        said = "\n".join(plane(app))
        pattern = latest.stepping.values["blocks.0.attn.pattern"][0, 0]  # type: ignore[union-attr]
        assert "blocks.0.attn.pattern" in said and "head 0 of 4" in said and "y = x W" in said
        assert all(f"{value:.3f}"[-4:] in said for value in pattern[np.tril_indices(7)] if 0.001 < value < 1)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_hostile_text_is_shown_and_not_obeyed(size: tuple[int, int]) -> None:
    latest = snapshot(words=HOSTILE, notice=HOSTILE[2], model_name=HOSTILE[1], branches=branches())
    app = application(latest, prompt="".join(HOSTILE))
    async with app.run_test(size=size) as pilot:
        await pilot.press("left")
        for panel in PANELS:
            app.explore.bring(panel)
            app.explore.panel(panel).move(1, 0)
            app.explore.action_copy()
            await pilot.pause()
            assert inert(plane(app)), panel
        for key in ("i", "B"):
            await pilot.press(key)
            await pilot.pause()
            assert inert(plane(app)), key
            await pilot.press("escape")
        assert app.is_running


async def test_hostile_pasting_and_searching_is_inert() -> None:
    app = application()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("slash")
        app.screen.query_one("#answer").value = "".join(HOSTILE)  # type: ignore[attr-defined]
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert inert(plane(app))
        assert "[/][@click=app.quit]" in "\n".join(plane(app))


def inert(lines: list[str]) -> bool:
    """No control, bidi or surrogate character reaches the terminal."""
    text = "".join(lines)
    return not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 or c == "\u202e" for c in text)


async def test_work_and_remarks_are_told() -> None:
    app = application(snapshot(busy="running the prompt", progress=(64, 200)))
    async with app.run_test(size=(80, 24)) as pilot:
        assert any("running the prompt  64 of 200" in line for line in plane(app))
        give(app, replace(snapshot(version=2), notice="error: the prompt is empty"))
        await pilot.pause()
        assert any("error: the prompt is empty" in line for line in plane(app))


async def test_empty_panels_say_what_to_do() -> None:
    empty = replace(snapshot(), tokens=(), stepping=None, attention_rows=(), entropy_rows=(), candidate_rows=())
    app = application(empty)
    async with app.run_test(size=(200, 60)):
        said = "\n".join(plane(app))
        assert said.count("Press i") >= 3 and "Press r to step" in said


async def test_a_value_that_is_not_there_yet_says_how_to_get_it() -> None:
    app = application(snapshot(done=1))
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("value")
        app.explore.look(address="logits")
        await pilot.pause()
        assert any("Not computed yet" in line for line in plane(app))


def test_quantities_read_well() -> None:
    assert [bytes_text(n) for n in (0, 640, 2048, 1_260_000)] == ["0 B", "640 B", "2.0 KiB", "1.2 MiB"]
    assert [count_text(n) for n in (12, 1234, 2_700_000)] == ["12", "1.2k", "2.7M"]
    assert [seconds_text(s) for s in (None, 2.9e-6, 0.0123, 3.4)] == ["—", "2.9 µs", "12 ms", "3.4 s"]
    assert [percent_text(p) for p in (1, 0.412, 0.0003, 1e-9)] == [" 100%", "41.2%", "0.03%", "<.01%"]
    assert BY_ID["step"].keys[0] == "n"
