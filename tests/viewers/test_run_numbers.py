"""Quantities of a training run as people read them."""

from __future__ import annotations

import math

import pytest

from viewers.run_numbers import DASH, about, duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (math.nan, DASH),
        (math.inf, DASH),
        (0.0, "0 s"),
        (0.004, "under 1 s"),
        (0.7, "under 1 s"),
        (1.0, "1 s"),
        (40.4, "40 s"),
        (754.0, "13 min"),
        (12_240.0, "3.4 h"),
    ],
)
def test_a_duration_that_is_left_is_never_said_to_be_nothing(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_guess_reads_well_in_a_sentence() -> None:
    assert about(754.0) == "about 13 min" and about(0.2) == "under 1 s"
