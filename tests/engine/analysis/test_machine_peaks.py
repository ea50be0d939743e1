"""What bounds a line, worked out on paper; and a measurement that is kept, and checked when it is read."""

from __future__ import annotations

import json

import pytest

from engine.analysis import machine_peaks
from engine.analysis.machine_peaks import Peaks, bound_of, known_peaks, measure_peaks
from engine.program import Cost

PEAKS = Peaks(flops_per_s=1e9, bytes_per_s=1e8)


def test_the_slower_of_arithmetic_and_traffic_bounds_a_line():
    assert bound_of(Cost(10**9, 10**6, 0), PEAKS) == "compute"  # 1 s against 0.01 s
    assert bound_of(Cost(10**6, 10**8, 10**8), PEAKS) == "memory"  # 0.001 s against 2 s
    assert PEAKS.least_s(Cost(10**6, 10**8, 10**8)) == 2.0
    assert bound_of(Cost(0, 0, 0), PEAKS) == "memory"


def test_a_line_that_takes_much_longer_than_both_is_held_up_by_its_call():
    cost = Cost(10**6, 0, 0)  # 1 ms
    assert [bound_of(cost, PEAKS, s) for s in (1e-3, 9e-3, 11e-3)] == ["compute", "compute", "overhead"]


def test_nothing_is_faster_than_the_fastest():
    assert PEAKS.raised(Cost(10**9, 10, 0), 0.5) == Peaks(2e9, 1e8)
    assert PEAKS.raised(Cost(10**9, 10, 0), 0.0) == PEAKS


def test_a_measurement_is_kept_and_a_broken_one_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(machine_peaks, "measure_peaks", lambda: Peaks(5.0, 6.0))
    assert known_peaks(tmp_path / "new") == Peaks(5.0, 6.0)
    monkeypatch.setattr(machine_peaks, "measure_peaks", lambda: Peaks(7.0, 8.0))
    assert known_peaks(tmp_path / "new") == Peaks(5.0, 6.0)
    for broken in ("{", "[]", '{"flops_per_s": 1.0}', json.dumps({"flops_per_s": -1.0, "bytes_per_s": 1.0})):
        (tmp_path / "new" / "machine-peaks.json").write_text(broken)
        assert known_peaks(tmp_path / "new") == Peaks(7.0, 8.0)


def test_what_cannot_be_kept_is_measured_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(machine_peaks, "measure_peaks", lambda: Peaks(5.0, 6.0))
    (tmp_path / "file").write_text("")
    assert known_peaks(tmp_path / "file" / "below") == Peaks(5.0, 6.0)


def test_measured_rates_are_positive():
    peaks = measure_peaks(side=32, copied_bytes=4096, tries=1)
    assert peaks.flops_per_s > 0 and peaks.bytes_per_s > 0
    assert pytest.approx(peaks.least_s(Cost(int(peaks.flops_per_s), 0, 0)), rel=1e-3) == 1.0
