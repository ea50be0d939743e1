"""Colours of pages: maps that survive print without colour, series that are told apart by lightness from their page."""

from __future__ import annotations

from itertools import pairwise

from viewers.figures.style import DARK, LIGHT
from viewers.palette import DIVERGING_ON_PAPER, ON_PAPER, SERIES, SERIES_ON_PAPER, luminance


def test_the_map_on_paper_grows_darker_and_the_other_lighter_all_the_way():
    assert all(luminance(a) > luminance(b) for a, b in pairwise(ON_PAPER))
    assert all(luminance(a) < luminance(b) for a, b in pairwise(DARK.sequential))
    low, _, middle, _, high = (luminance(colour) for colour in DIVERGING_ON_PAPER)
    assert middle > 0.85 and abs(low - high) < 0.08


def test_series_stand_out_from_their_page():
    assert all(1.05 / (luminance(colour) + 0.05) >= 3 for colour in SERIES_ON_PAPER)  # on white
    assert all((luminance(colour) + 0.05) / (luminance((23, 24, 28)) + 0.05) >= 3 for colour in SERIES)
    assert LIGHT.paper == "#ffffff" and DARK.paper == "#17181c"
