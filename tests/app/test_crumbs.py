"""The breadcrumb: the way from the model to what is looked at."""

from __future__ import annotations

import pytest
from tui_factory import snapshot

from app.widgets.strips import crumbs
from viewers.view import View


@pytest.mark.parametrize(
    ("address", "way"),
    [
        ("", ()),
        ("logits", ("logits",)),
        ("blocks.0", ("block 0",)),
        ("blocks.1.attn", ("block 1", "attention")),
        ("blocks.1.attn.q.rows", ("block 1", "attention", "q.rows")),
        ("blocks.1.resid_mid", ("block 1", "resid_mid")),
        ("d.blocks.1.mlp.post", ("backward", "block 1", "MLP", "d.post")),
        ("m.blocks.0.attn.q.weight", ("update", "block 0", "attention", "q.weight", "m")),
        ("update.norm", ("update", "norm")),
    ],
)
def test_the_way_to_a_line_or_a_group(address, way):
    assert crumbs(snapshot(), View(), address) == ("tiny", *way, "layer 0 head 0")
