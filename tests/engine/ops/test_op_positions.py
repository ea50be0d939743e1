"""Embeddings, sinusoidal positions and rotary positions."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest

from engine.errors import ShapeError
from engine.ops.embedding import embed, sinusoidal
from engine.ops.rope import frequencies, rope_cos, rope_sin, rotate


def test_embedding_picks_rows():
    table = np.array([[0, 1], [2, 3], [4, 5]], np.float32)
    assert embed.forward(np.array([[2, 0]]), table).tolist() == [[[4, 5], [0, 1]]]
    with pytest.raises(IndexError):
        embed.forward(np.array([3]), table)


def test_embedding_costs_its_rows_not_its_table():
    # Two ids of 8 bytes and two rows of 4 floats; 1,000 rows lie untouched.
    assert embed.cost(((1, 2), (1000, 4)), (1, 2, 4), {}) == (0, 16 + 32, 32)


def test_sinusoidal_positions_are_interleaved_sines_and_cosines():
    got = sinusoidal.forward(np.array([0, 1, 7]), width=4)
    for row, p in zip(got, [0, 1, 7], strict=True):
        # "Attention Is All You Need", section 3.5: PE(p, 2i) = sin(p / 10000^(2i/D)), PE(p, 2i+1) = cos of the same
        expected = [math.sin(p), math.cos(p), math.sin(p / 100), math.cos(p / 100)]
        assert row == pytest.approx(expected, abs=1e-7)


def test_an_odd_width_ends_with_a_sine():
    got = sinusoidal.forward(np.array([3]), width=3)
    assert got[0] == pytest.approx([math.sin(3), math.cos(3), math.sin(3 / 10000 ** (2 / 3))], abs=1e-7)


def test_frequencies_fall_geometrically():
    assert frequencies(8, 10000.0) == pytest.approx([1, 0.1, 0.01, 0.001], rel=1e-6)


def test_llama3_scaling_keeps_blends_and_slows():
    # original 8192, low 1, high 4, factor 8: waves shorter than 2048 stay, longer than 8192 are slowed by 8, between
    # them blended by (8192/wave - 1) / 3. Written out from the paper's reference code, in plain Python.
    got = frequencies(128, 500000.0, (8.0, 1.0, 4.0, 8192))
    kinds = set()
    for i, value in enumerate(got):
        plain = 500000.0 ** (-2 * i / 128)
        wave = 2 * math.pi / plain
        if wave < 8192 / 4:
            expected, kind = plain, "kept"
        elif wave > 8192:
            expected, kind = plain / 8, "slowed"
        else:
            smooth = (8192 / wave - 1) / 3
            expected, kind = (1 - smooth) * plain / 8 + smooth * plain, "blended"
        kinds.add(kind)
        assert value == pytest.approx(expected, rel=2e-5), (i, kind)
    assert kinds == {"kept", "blended", "slowed"}


def test_the_tables_are_cosines_and_sines_of_position_times_frequency():
    rope = {"head_size": 4, "theta": 100.0, "scaling": None}
    cos, sin = rope_cos.forward(np.array([0, 3]), **rope), rope_sin.forward(np.array([0, 3]), **rope)
    assert cos == pytest.approx(np.array([[1, 1], [math.cos(3), math.cos(0.3)]]), abs=1e-6)
    assert sin == pytest.approx(np.array([[0, 0], [math.sin(3), math.sin(0.3)]]), abs=1e-6)


def test_rotation_by_a_right_angle():
    # Channel i turns with channel i + d/2: (1, 3) -> (-3, 1) by 90 degrees; (2, 4) stays by 0 degrees.
    x = np.array([[[[1, 2, 3, 4]]]], np.float32)
    cos, sin = np.array([[0, 1]], np.float32), np.array([[1, 0]], np.float32)
    assert rotate.forward(x, cos, sin).tolist() == [[[[-3, 2, 1, 4]]]]


def test_rotation_is_multiplication_of_complex_numbers():
    rng = np.random.default_rng(0)
    x, angle = rng.standard_normal((1, 2, 3, 6)), rng.standard_normal((3, 3))
    got = rotate.forward(x, np.cos(angle), np.sin(angle))
    for h in range(2):
        for t in range(3):
            for i in range(3):
                turned = complex(x[0, h, t, i], x[0, h, t, i + 3]) * cmath.exp(1j * angle[t, i])
                assert complex(got[0, h, t, i], got[0, h, t, i + 3]) == pytest.approx(turned, abs=1e-12)


def test_a_score_depends_on_the_distance_only():
    rng = np.random.default_rng(0)
    q, k = rng.standard_normal((2, 1, 1, 1, 8)).astype(np.float32)
    rope = {"head_size": 8, "theta": 100.0, "scaling": None}

    def turned(x, position):
        return rotate.forward(
            x, rope_cos.forward(np.array([position]), **rope), rope_sin.forward(np.array([position]), **rope)
        )

    near = (turned(q, 5) * turned(k, 2)).sum()
    far = (turned(q, 45) * turned(k, 42)).sum()
    assert near == pytest.approx(far, abs=1e-4)


@pytest.mark.parametrize(
    ("x", "table", "message"),
    [((1, 1, 2, 5), (2, 2), "even head size, got 5"), ((1, 1, 2, 6), (2, 2), "2 angles do not fit heads of 6")],
)
def test_rotation_refuses_what_does_not_fit(x, table, message):
    with pytest.raises(ShapeError, match=message):
        rotate.shape(x, table, table)


def test_rotation_costs_three_operations_per_channel():
    # Each result is two products and one sum: 2·3·6 results, 3 each; reads x and both tables of 3·3.
    assert rotate.cost(((1, 2, 3, 6), (3, 3), (3, 3)), (1, 2, 3, 6), {}) == (108, 4 * (36 + 18), 4 * 36)
