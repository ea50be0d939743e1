"""The attention of one head as a picture, drawn as a person chose: its scale, and with the first token or without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.analysis.habits import HABITS
from engine.snapshot import Snapshot
from viewers.picture import KEY, QUERY, SHARES, Axis, Picture, Scale, pattern_scale
from viewers.view import AttentionView

Array = np.ndarray
USUAL = AttentionView()


def shares_scale(looks: AttentionView = USUAL) -> Scale:
    """From shares to colours. A text's first token always has the share 1, so the scale ends there."""
    return replace(pattern_scale(1.0, looks.scale), unit="of the rest" if looks.hides_first else "")


def about_shares(looks: AttentionView = USUAL) -> str:
    """What the scale measures, for the legend."""
    return SHARES[looks.scale] + (" of the rest" if looks.hides_first else "")


def attention_words(looks: AttentionView) -> str:
    """How attention is drawn, in one line."""
    what = {"head": "one head", "layer": "the heads of a layer", "wall": "all heads", "likeness": "how alike heads are"}
    return f"attention: {what[looks.what]}; {about_shares(looks)}" + (", the first token left out" * looks.hides_first)


def without_first(shares: Array, keys: Array | None = None) -> Array:
    """(..., S) without the first token: each row divided by the sum of the rest; NaN where there is no rest.

    keys   (S,) the positions of the keys, if they are not in order; those below 0 are empty slots
    """
    positions = np.arange(shares.shape[-1]) if keys is None else keys
    rest = np.nansum(shares[..., positions > 0], axis=-1, keepdims=True)
    scaled = shares / np.where(rest > 0, rest, np.nan)
    scaled[..., positions == 0] = np.nan
    return scaled


def head_picture(snapshot: Snapshot, layer: int, head: int, looks: AttentionView = USUAL) -> Picture:
    """The pattern of one head, as it was computed while the text was run."""
    texts = tuple(token.text for token in snapshot.tokens)
    count = len(texts)
    values = snapshot.attention(layer, head)
    if looks.hides_first:
        values = without_first(values)
    axes = Axis(QUERY, count, texts), Axis(KEY, count, texts)
    return Picture(values, *axes, shares_scale(looks), square=True, about=about_shares(looks))


def head_title(habits: Array, layer: int, head: int) -> str:
    """`H3 previous 0.81`: what it does most of the four habits (4, L, H); its name alone where none is known."""
    shares = habits[:, layer, head]
    if not np.isfinite(shares).any():
        return f"H{head}"
    most = int(np.nanargmax(shares))
    return f"H{head} {HABITS[most]} {shares[most]:.2f}"
