"""Entropy of one token, of the mean, and of the heads of a layer over the text: the snapshot's numbers."""

from __future__ import annotations

from tui_factory import application, plane, snapshot

from viewers.picture import number_text


async def test_the_heads_of_a_layer_over_all_tokens() -> None:
    latest = snapshot()
    app = application(latest)
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("entropy")
        app.explore.look(layer=1, head=2, token=4)
        await pilot.press("o", "o")
        said, panel = "\n".join(plane(app)), app.explore.panel("entropy")
        value = number_text(float(latest.entropy()[1, 2, 4]))
        assert panel.sentence() == f'layer 1, head 2, token 4 "↵": {value} nats'
        assert "↓ head  → token · layer 1" in said
        for head in range(latest.heads):
            assert number_text(float(latest.entropy()[1, head, 5]), 5) in said
        await pilot.press("down", "right")
        assert (app.explore.view.head, app.explore.view.token) == (3, 5)
        await pilot.press("home")
        assert app.explore.view.token == 0 and app.explore.view.head == 3
        await pilot.press("o")
        assert not app.explore.view.by_token and not app.explore.view.over_mean


async def test_a_click_chooses_head_and_token() -> None:
    app = application(snapshot())
    async with app.run_test(size=(120, 36)) as pilot:
        app.explore.bring("entropy")
        await pilot.press("o", "o")
        await pilot.pause()
        panel = app.explore.panel("entropy")
        left, top, at, _, _ = panel._place
        await pilot.click("#entropy", offset=(1 + left + 3 * at.wide + 1, 1 + top + at.high))
        assert (app.explore.view.head, app.explore.view.token) == (2, 3)
