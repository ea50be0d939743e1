"""The compare panel: another setting, model or text beside the session, with the engine's own differences."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine import fits
from engine.analysis.drift import compare
from engine.lane import Lane, plainly, with_words
from engine.settings import Settings
from viewers.differing import drift_shade
from viewers.qt.compare_model import kl_at, token_words
from viewers.qt.compare_panel import DRIFT, NAMES

WAIT_MS = 30_000


@pytest.fixture
def panel(window):
    window.docks.bring("compare")
    return window.panels["compare"]


def compared(panel, qtbot, **fields):
    """The lanes, once what was typed has run."""
    before = panel.lanes
    for name, words in fields.items():
        getattr(panel, name).setText(words)
    panel.begin()
    window = panel.desk
    qtbot.waitUntil(lambda: panel.lanes not in (None, before) and not window.snapshot.busy, timeout=WAIT_MS)
    panel.refresh()
    return panel.lanes


def run_apart(model, ids, words="", other_ids=None):
    """The same two lanes, run here, without a session or a window."""
    plain = plainly(Settings())
    a, b = Lane(model, plain, tuple(ids)), Lane(model, with_words(plain, words), tuple(other_ids or ids))
    return compare(a.record(), b.record())


def ids_of(window):
    return [token.id for token in window.snapshot.tokens]


def test_other_settings_say_the_drift_of_every_token_and_along_the_pass(panel, window, model, qtbot):
    lanes = compared(panel, qtbot, words="int8=all")
    wanted = run_apart(model, ids_of(window), "int8=all")
    assert np.allclose(lanes.kl, wanted.tokens.kl) and lanes.kl.max() > 0
    assert f"KL {lanes.kl.mean():.3g} nats" in panel.sentence and f"part at {wanted.first.address}" in panel.sentence
    x, y = panel.chart._lines[NAMES[0]].getData()
    assert np.allclose(y, wanted.tokens.kl) and list(x) == list(range(1, 18))
    panel.tabs.setCurrentIndex(2)
    _, y = panel.curve._lines[DRIFT[0]].getData()
    assert np.allclose(y, [math.log10(max(place.apart.relative, 1e-8)) for place in wanted.along])
    assert [place.address for place in lanes.along][-1] == "logits" and lanes.along[-1].is_over


def test_another_text_is_coloured_by_how_far_apart_the_predictions_are(panel, window, model, qtbot):
    other = "ROMEO: That light is"
    lanes = compared(panel, qtbot, text=other)
    wanted = run_apart(model, ids_of(window), other_ids=model.tokenizer.encode_prompt(other))
    assert "".join(lanes.b.texts) == other and lanes.unequal == wanted.unequal == (7,)
    panel.tabs.setCurrentIndex(3)
    view, first = panel.texts, lanes.unequal[0]
    assert [lane for lane, i, _, _ in view._boxes if i == 0] == [0, 1]
    assert view.shade(first) == pytest.approx(0, abs=1e-2)  # until there, both have read the same
    assert view.shade(first + 1) == drift_shade(float(wanted.tokens.kl[first])) > 0.3
    words = token_words(lanes, first + 1)
    assert f'A expects "{lanes.a.expected[first]}' in words and f'B "{lanes.b.expected[first]}' in words


def test_another_model_runs_beside_this_one(panel, window, model, qtbot, home):
    from engine.weights import save_checkpoint

    path = home / "other"
    path.mkdir()
    changed = {name: np.array(model.weights[name], np.float32) for name in model.config.parameters()}
    changed["final.norm.weight"] = changed["final.norm.weight"] * 0.5
    save_checkpoint(path, model.config, changed)
    (path / "tokenizer.json").write_bytes((model.home / "tokenizer.json").read_bytes())
    lanes = compared(panel, qtbot, model=str(path))
    assert lanes.b.name.startswith("other") and lanes.first == "final.normed"
    assert kl_at(lanes, 5) > 0 and "B other" in panel.sentence


def test_the_lanes_follow_the_text_and_are_closed(panel, window, qtbot):
    compared(panel, qtbot, words="int8=mlp")
    window.send("generate", count=3)
    qtbot.waitUntil(lambda: panel.lanes is not None and len(panel.lanes.a.ids) == 20, timeout=WAIT_MS)
    assert panel.lanes.a.ids == tuple(ids_of(window))
    panel.off.click()
    qtbot.waitUntil(lambda: panel.lanes is None, timeout=WAIT_MS)


def test_a_model_that_is_not_there_leaves_the_lane_as_it_was(panel, window, qtbot):
    lanes = compared(panel, qtbot, words="int8=mlp")
    panel.model.setText("no-such-model")
    panel.begin()
    qtbot.waitUntil(lambda: "no-such-model" in (window.snapshot.notice or ""), timeout=WAIT_MS)
    assert window.snapshot.notice.startswith("error:") and panel.lanes.b.name == lanes.b.name


def test_a_model_larger_than_the_free_memory_is_refused_unopened_in_one_line(panel, window, qtbot, monkeypatch):
    before = compared(panel, qtbot, words="int8=all")
    monkeypatch.setattr(fits, "available_bytes", lambda: 10**7)
    monkeypatch.setattr("engine.commands.open_model", lambda spec: pytest.fail("it was opened"))
    panel.model.setText("random:gpt2-124m")
    panel.begin()
    qtbot.waitUntil(lambda: "of memory" in window.remark.whole, timeout=WAIT_MS)
    said = window.remark.whole
    assert said.startswith("error: random:gpt2-124m: needs 0.5 GB") and "0.0 GB are free" in said and "\n" not in said
    assert panel.lanes.b.name == before.b.name and window.snapshot.busy is None
