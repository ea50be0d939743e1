"""Where a cursor cannot go further, the key says so; where it went, nothing is said."""

from __future__ import annotations

import pytest
from tui_factory import HEADS, LAYERS, WORDS, application, snapshot

from app.widgets.edges import edge_words, token_words, within
from app.widgets.strips import Status

LAST = len(WORDS) - 1


def test_an_end_is_named_first_last_or_only():
    assert edge_words("head", 0, 4) == "This is the first head."
    assert edge_words("head", 3, 4) == "This is the last head."
    assert edge_words("layer", 0, 1) == "This is the only layer."
    assert [token_words(place, 2) for place in (0, 1, 2)] == [
        "This is the first token.",
        "",
        "This is the place of the next token.",
    ]
    assert token_words(0, 0) == ""
    assert [within(place, 3) for place in (-1, 1, 9)] == [0, 1, 2] and within(4, 0) == 0


async def pressed(panel: str, *keys: str, **look: object) -> tuple[list[str], object]:
    """What the status line says after each key, and what is looked at in the end."""
    app = application(snapshot())
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring(panel)
        app.explore.look(**look)
        said = []
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
            said.append(app.explore.query_one(Status).said)
        return said, app.explore.view


@pytest.mark.parametrize("panel", ["attention", "entropy"])
async def test_layer_and_head_at_their_ends(panel: str):
    keys = ("up", "<", "left", ",", "right", "left", "home")
    said, view = await pressed(panel, *keys, layer=0, head=0)
    assert said == ["This is the first layer."] * 2 + ["This is the first head."] * 2 + [
        "",
        "",
        "This is the first head.",
    ]
    assert (view.layer, view.head) == (0, 0)
    keys = ("down", ">", "right", ".", "end", "home")
    said, view = await pressed(panel, *keys, layer=LAYERS - 1, head=HEADS - 1)
    assert said == ["This is the last layer."] * 2 + ["This is the last head."] * 3 + [""]
    assert (view.layer, view.head) == (LAYERS - 1, 0)


async def test_the_tokens_of_entropy_at_their_ends():
    look = {"by_token": True, "layer": 1, "head": 0}
    said, view = await pressed("entropy", "left", "home", "right", "up", token=0, **look)
    assert said == ["This is the first token."] * 2 + ["", "This is the first head."] and view.token == 1
    said, _ = await pressed("entropy", "right", "end", "left", "right", token=LAST, **look)
    assert said == ["This is the last token."] * 2 + ["", ""]
    said, _ = await pressed("entropy", "right", token=None, **look)  # None is the next token: the last one looks
    assert said == ["This is the last token."]


async def test_the_tokens_of_the_text_at_its_ends():
    said, view = await pressed("text", "left", "up", "right", "home", "home", token=0)
    assert said == ["This is the first token.", "This is the first line.", "", "", "This is the first token."]
    said, view = await pressed("text", "right", "down", "left", token=None)
    assert said == ["This is the place of the next token.", "This is the last line.", ""] and view.token == LAST


async def test_inside_a_picture_the_axis_that_ends_is_named():
    said, _ = await pressed("attention", "enter", *["left"] * (LAST + 1), "right", layer=0, head=0, token=LAST)
    assert said[-2:] == ["This is the first key.", ""]
    said, _ = await pressed("attention", "enter", "down", "up", layer=0, head=0, token=LAST)
    assert said[-2:] == ["This is the last query.", ""]


async def test_the_listing_moves_to_another_block_though_the_layer_cannot():
    look = {"layer": LAYERS - 1, "address": "blocks.0.attn.pattern"}
    said, view = await pressed("program", ">", ">", **look)
    assert view.address == "blocks.1.attn.pattern" and said == ["", "This is the last layer."]


@pytest.mark.parametrize(
    ("panel", "what"),
    [("memory", "line"), ("time", "line"), ("settings", "setting"), ("program", "line"), ("candidates", "choice")],
)
async def test_a_list_says_where_it_ends(panel: str, what: str):
    said, _ = await pressed(panel, "home", "up", "down", "end", "down", "up")
    assert said[1].startswith(f"This is the first {what}") and said[4].startswith(f"This is the last {what}")
    assert said[2] == said[5] == ""


async def test_a_place_that_cannot_be_unfolded_says_so():
    said, _ = await pressed("time", "home", "right", "right", "left", "left")
    assert said[1:] == ["", "This is unfolded already; ← folds it.", "", "This is folded already; → unfolds it."]
    said, _ = await pressed("memory", "home", "right", "left", "enter", "down", "left", "left", "right", "right")
    assert said[1:4] == ["This line has no parts; those of a block can be unfolded."] * 3
    assert said[4:] == [
        "",
        "",
        "This is folded already; → unfolds it.",
        "",
        "This is unfolded already; ← folds it.",
    ]
