"""However the work is cut into tiles, the gradients of `attend` are those of its parts, one operation at a time."""

from __future__ import annotations

import numpy as np
import pytest

from engine.ops import attend_gradients, attention, attention_gradients
from engine.ops.attend_gradients import attend_back_forward, taken_forward


def by_parts(d_z, q, k, v, factor, window):
    """dq, dk, dv by the plain operations, whose own gradients are compared with differences elsewhere."""
    places, groups = np.arange(q.shape[2]), k.shape[1]
    scores = attention.scores_forward(q, k) * factor + attention.causal_mask_forward(places, places, window=window)
    pattern = attention.softmax_forward(scores)
    d_scores = attention_gradients.softmax_dx_forward(attention.scores_forward(d_z, v), pattern) * factor
    shared = attention_gradients.shared_product_forward
    return (
        attention.weighted_sum_forward(d_scores, k),
        shared(d_scores, q, groups=groups),
        shared(pattern, d_z, groups=groups),
    )


@pytest.mark.parametrize("scale", [1, 30], ids=["small scores", "large scores"])
@pytest.mark.parametrize("window", [None, 5])
@pytest.mark.parametrize(("tile", "rows"), [(1 << 18, 144), (500, 7), (1500, 7), (9000, 29), (1, 1)])
def test_tiles_make_no_difference(monkeypatch, tile, rows, window, scale):
    monkeypatch.setattr(attend_gradients, "TILE", tile)
    monkeypatch.setattr(attend_gradients, "ROWS", rows)
    generator = np.random.default_rng(tile)
    d_z, q = (generator.standard_normal((5, 29, 6, 4)).transpose(0, 2, 1, 3) for _ in range(2))
    k, v = (generator.standard_normal((5, 29, 3, 4)).transpose(0, 2, 1, 3) for _ in range(2))
    q = q * scale
    settings = {"factor": 0.5, "window": window}
    together = attend_back_forward(d_z, q, k, v, np.arange(29), **settings)
    for part, expected in enumerate(by_parts(d_z, q, k, v, **settings)):
        assert taken_forward(together, q, k, part=part) == pytest.approx(expected, abs=1e-10)
