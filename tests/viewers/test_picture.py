"""From arrays to pictures: axes, slices, scales, shrinking, words; and colours that everybody can read."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from viewers.palette import ABSENT, LEVELS, levels, luminance, readable_on
from viewers.picture import (
    CHANNEL,
    HEAD,
    KEY,
    QUERY,
    TOKEN,
    Chosen,
    Scale,
    axes_of,
    number_text,
    pattern_scale,
    picture_of,
    scale_of,
    shrink,
)

WORDS = ("<s>", " The", " cat")


@pytest.mark.parametrize(
    ("address", "ndim", "axes"),
    [
        ("blocks.0.attn.pattern", 4, ("batch", HEAD, QUERY, KEY)),
        ("blocks.3.attn.q_rotated", 4, ("batch", HEAD, TOKEN, CHANNEL)),
        ("d.blocks.0.mlp.pre", 3, ("batch", TOKEN, "hidden")),
        ("logits", 3, ("batch", TOKEN, "vocabulary")),
        ("mask.window8", 2, (QUERY, KEY)),
        ("position_ids", 1, (TOKEN,)),
        ("d.blocks.0.attn.scores", 4, ("batch", HEAD, QUERY, KEY)),
        ("d.logits@loss", 3, ("batch", TOKEN, "vocabulary")),
        ("d.blocks.1.resid_mid@blocks.1.mlp.normalized", 3, ("batch", TOKEN, CHANNEL)),
        ("d.blocks.0.attn.q.weight", 2, ("row", "column")),
        ("new.embed.weight", 2, ("vocabulary", CHANNEL)),
        ("v.final.norm.weight", 1, (CHANNEL,)),
    ],
)
def test_axes_are_named_by_the_address(address: str, ndim: int, axes: tuple[str, ...]) -> None:
    assert axes_of(address, ndim) == axes


def test_gradients_have_0_in_the_middle_whatever_their_signs() -> None:
    pattern = picture_of("d.blocks.0.attn.pattern", np.full((1, 1, 2, 2), 0.5))
    assert (pattern.scale.kind, pattern.scale.low, pattern.scale.high) == ("diverging", -0.5, 0.5)
    assert picture_of("m.embed.weight", np.ones((2, 2))).scale.kind == "diverging"
    assert picture_of("v.embed.weight", np.ones((2, 2))).scale.kind == "sequential"
    assert pattern.square and pattern.columns.name == KEY


def test_a_pattern_says_its_sentence() -> None:
    array = np.zeros((1, 2, 3, 3), np.float32)
    array[0, 1, 2, 1] = 0.4123
    picture = picture_of("blocks.0.attn.pattern", array, WORDS, (), Chosen(0, 1))
    assert picture.sentence(2, 1) == 'query 2 " cat" → key 1 " The": 0.412'
    assert picture.slices == "head 1 of 2" and picture.square


def test_rows_of_a_later_pass_have_their_own_positions() -> None:
    picture = picture_of("blocks.0.mlp.post", np.ones((1, 1, 4)), WORDS, (2,))
    assert picture.rows.words(0) == 'token 2 " cat"'


def test_masked_is_said_and_drawn_as_absent() -> None:
    array = np.array([[[[0.5, -np.inf], [0.1, -0.2]]]], np.float32)
    picture = picture_of("blocks.0.attn.masked", array)
    assert picture.sentence(0, 1).endswith("masked")
    assert picture.scale.level(picture.values)[0, 1] == ABSENT


def test_scales_are_sequential_or_symmetric() -> None:
    assert scale_of(np.array([0.5, 2.0])) == Scale("sequential", 0.5, 2.0)
    assert scale_of(np.array([-0.5, 2.0])) == Scale("diverging", -2.0, 2.0)
    middle = scale_of(np.array([-1.0, 1.0])).level(np.array([-1.0, 0.0, 1.0, np.nan]))
    assert middle.tolist() == [0, LEVELS // 2, LEVELS - 1, ABSENT]


def test_shrinking_keeps_the_largest_in_magnitude_with_its_sign() -> None:
    values = np.zeros((7, 9), np.float32)
    values[3, 4], values[6, 8] = -5, 2
    small, high, wide = shrink(values, 4, 3)
    assert small.shape == (4, 3) and (high, wide) == (2, 3)
    assert small[1, 1] == -5 and small[3, 2] == 2
    assert shrink(values, 7, 9)[0] is values


def test_shrinking_leaves_a_cell_absent_only_if_all_of_it_is() -> None:
    values = np.full((2, 4), np.nan, np.float32)
    values[0, 0] = 0.25
    small, _, _ = shrink(values, 1, 2)
    assert small[0, 0] == 0.25 and np.isnan(small[0, 1])


def test_numbers_keep_three_digits_that_count() -> None:
    said = [number_text(x) for x in (0.41234, 1.5, 12.345, 123.4, 0.00012, 0.0, -0.5, float("-inf"))]
    assert said == ["0.412", "1.50", "12.3", "123", "1.2e-4", "0", "-0.500", "-inf"]
    assert all(len(number_text(x, 6)) <= 6 for x in (-0.41234, -123456.0, 1e-30, -1e30, 0.1, float("inf")))


def test_the_sequential_map_grows_lighter_all_the_way() -> None:
    light = [luminance(colour) for colour in levels("sequential")]
    assert all(b > a for a, b in pairwise(light))


def test_the_diverging_map_is_dark_in_the_middle_and_grows_lighter_both_ways() -> None:
    light = [luminance(colour) for colour in levels("diverging")]
    half = LEVELS // 2
    assert light[half] == min(light)
    assert all(b > a for a, b in pairwise(light[half:]))
    assert abs(light[0] - light[-1]) < 0.15


@pytest.mark.parametrize("kind", ["sequential", "diverging"])
def test_maps_stay_apart_for_colour_blind_eyes(kind: str) -> None:
    """Viénot et al. 1999: what a person without red or green cones sees still orders the sequential map and splits the
    diverging one into bluish and yellowish."""
    deuteranopia = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
    protanopia = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])
    for matrix in (deuteranopia, protanopia):
        seen = (np.array(levels(kind)) / 255) ** 2.2 @ matrix.T
        if kind == "sequential":
            assert (np.diff(seen @ [0.2126, 0.7152, 0.0722]) > 0).all()
        else:
            assert (seen[:12, 2] > seen[:12, 0]).all() and (seen[-12:, 2] < seen[-12:, 0]).all()


@pytest.mark.parametrize("kind", ["sequential", "diverging"])
def test_numbers_are_readable_on_every_colour(kind: str) -> None:
    for colour in levels(kind):
        a, b = sorted((luminance(colour), luminance(readable_on(colour))))
        assert (b + 0.05) / (a + 0.05) >= 4.5


def test_shares_of_attention_are_coloured_by_their_root() -> None:
    levels = pattern_scale(1.0).level(np.array([0.0, 0.0025, 0.25, 1.0, np.nan], np.float32))
    assert levels.tolist() == [0, round(0.05 * (LEVELS - 1)), (LEVELS - 1) // 2, LEVELS - 1, ABSENT]
