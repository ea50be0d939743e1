"""A safetensors header is believed only as far as the bytes that are there."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import FileError
from engine.weights.header import read_header
from engine.weights.safetensors import TensorFile
from engine.weights.writing import save_tensors

REPOSITORY = Path(__file__).resolve().parents[3]
Refusal = Callable[..., str]


def entry(start: int, stop: int, dtype: object = "F32", shape: object = None) -> dict[str, Any]:
    return {"dtype": dtype, "shape": [(stop - start) // 4] if shape is None else shape, "data_offsets": [start, stop]}


def file_of(path: Path, header: object, data: bytes = bytes(8)) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"1234567", "expected 8 bytes with the length of the header, got 7 (a truncated download?)"),
        ((1000).to_bytes(8, "little") + b"{" + b" " * 72, "header length 1000, but 73 bytes follow (a truncated"),
        (b"\xff" * 100, "header length 18446744073709551615, but 92 bytes follow (a truncated download?)"),
        (bytes(16), "is not a safetensors file: its header does not begin with {"),
        ((2).to_bytes(8, "little") + b"[]", "is not a safetensors file: its header does not begin with {"),
        ((2).to_bytes(8, "little") + b"{ ", "is not JSON: Expecting property name enclosed in double quotes"),
        ((3).to_bytes(8, "little") + b"{}1", "is not JSON: Extra data"),
        ((3).to_bytes(8, "little") + b'{"\xff', "is not UTF-8 text: byte 2 is 0xff"),
    ],
)
def test_a_damaged_start_is_refused(tmp_path: Path, refusal: Refusal, content: bytes, said: str) -> None:
    (tmp_path / "m.safetensors").write_bytes(content)
    assert refusal(tmp_path / "m.safetensors", read_header).startswith(f"m.safetensors: {said}")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"a": [1]}, "a: expected an object with dtype, shape and data_offsets, got [1]"),
        ({"a": {"dtype": "F32"}}, "a: expected an object with dtype, shape and data_offsets, got one with ['dtype']"),
        ({"a": entry(0, 8) | {"x": 1}}, "a: expected an object with dtype, shape and data_offsets, got one with"),
        ({"a": entry(0, 8, "F4")}, "a: dtype: expected one of BOOL, U8"),
        ({"a": entry(0, 8, ["F32"])}, "a: dtype: expected one of BOOL, U8"),
        ({"a": entry(0, 8, shape=[-2, -1])}, "a: shape: expected at most 8 whole numbers, got [-2, -1]"),
        ({"a": entry(0, 8, shape=[2.0])}, "a: shape: expected at most 8 whole numbers, got [2.0]"),
        ({"a": entry(0, 8, shape=[True, 2])}, "a: shape: expected at most 8 whole numbers, got [True, 2]"),
        ({"a": entry(0, 8, shape="2")}, "a: shape: expected at most 8 whole numbers, got 2"),
        ({"a": entry(0, 8, shape=[1] * 9)}, "a: shape: expected at most 8 whole numbers, got [1, 1"),
        ({"a": entry(0, 8, shape=[10**12, 10**12])}, "a: expected 4000000000000000000000000 bytes for F32"),
        ({"a": entry(0, 8, shape=[2**32, 2**32])}, "a: expected 73786976294838206464 bytes for F32"),
        ({"a": entry(0, 8, shape=[1])}, "a: expected 4 bytes for F32 [1], got 8"),
        ({"a": entry(0, 8) | {"data_offsets": [0]}}, "a: data_offsets: expected two whole numbers, got [0]"),
        ({"a": entry(0, 8) | {"data_offsets": [0, "8"]}}, "a: data_offsets: expected two whole numbers, got [0, '8']"),
        ({"a": entry(4, 12)}, "a: data_offsets: expected from 0 up to 8, got [4, 12]"),
        ({"a": entry(8, 0, shape=[2])}, "a: data_offsets: expected from 0 up to 8, got [8, 0]"),
        ({"a": entry(0, 10**15)}, "a: data_offsets: expected from 0 up to 8, got [0, 1000000000000000]"),
        ({"a": entry(0, 8), "b": entry(4, 8)}, "b: data_offsets: overlaps another tensor by 4 bytes"),
        ({"a": entry(4, 8)}, "a: data_offsets: leaves a gap of 4 bytes before it"),
        ({"a": entry(0, 4)}, "expected 4 bytes of data, got 8: some belong to no tensor"),
        ({}, "expected 0 bytes of data, got 8: some belong to no tensor"),
        ({"a": entry(0, 8), "__metadata__": {"x": 1}}, "__metadata__: expected an object of texts"),
        ({"a": entry(0, 8), "__metadata__": []}, "__metadata__: expected an object of texts"),
        (b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":[]}', "a: this key is there twice"),
        (b'{"a":{"dtype":"F32","dtype":"F32"}}', "dtype: this key is there twice"),
        ({"\x1b[2J\u202e" * 99: 1}, "\\u{001B}[2J\\u{202E}"),
    ],
)
def test_lying_entries_are_refused(tmp_path: Path, refusal: Refusal, header: object, said: str) -> None:
    path = file_of(tmp_path / "m.safetensors", header)
    assert refusal(path, read_header).startswith(f"m.safetensors: {said}")


def test_a_header_over_its_cap_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    path = tmp_path / "m.safetensors"
    with path.open("wb") as file:
        file.write((1 << 30).to_bytes(8, "little"))
        file.truncate(2 << 30)
    assert (
        refusal(path, read_header) == "m.safetensors: expected a header of at most 8,388,608 bytes, got 1,073,741,824"
    )


EMPTY = json.dumps(entry(0, 0)).encode()
WORST = {
    "entries": lambda: b"{" + b",".join(b'"%d":%s' % (i, EMPTY) for i in range(90_000)) + b',"x":1}',
    "keys": lambda: b"{" + b",".join(b'"%d":1' % i for i in range(700_000)) + b"}",
    "axes": lambda: b'{"a":{"dtype":"F32","shape":[' + b",".join([b"9" * 39] * 200_000) + b'],"data_offsets":[0,0]}}',
    "containers": lambda: b'{"a":[' + b"[]," * 590_000 + b"[]]}",
}
MEASURE = """
import sys, time
from engine.errors import FileError
from engine.weights.header import read_header
def peak_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
before, start = peak_kib(), time.process_time()
try:
    read_header(sys.argv[1])
except FileError:
    print(time.process_time() - start, peak_kib() - before)
"""


@pytest.mark.parametrize("kind", WORST)
def test_refusing_the_worst_header_costs_less_than_two_seconds_and_300_mb(tmp_path: Path, kind: str) -> None:
    path = file_of(tmp_path / "m.safetensors", WORST[kind]())
    command = [sys.executable, "-c", MEASURE, path]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    seconds, kibibytes = done.stdout.split()
    assert float(seconds) < 2 and float(kibibytes) < 300_000


@pytest.mark.parametrize("code", ["?", "u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4", "u8", "i8", "f8"])
def test_arrays_of_every_type_come_back_as_they_were(tmp_path: Path, code: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(code)
    save_tensors(tmp_path / "a.safetensors", {"x": array, "none": array[:0]}, {"who": "me"})
    file = TensorFile(tmp_path / "a.safetensors")
    assert file.header.metadata == {"who": "me"}
    assert file.stored("x").dtype == array.dtype and np.array_equal(file.stored("x"), array)
    assert file.stored("none").shape == (0, 3)


def test_the_official_library_reads_what_we_write(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    arrays = {"b": np.eye(3, dtype=np.float32)[:, :2], "a": np.arange(5, dtype=np.int8)}
    save_tensors(tmp_path / "a.safetensors", arrays)
    loaded = load_file(tmp_path / "a.safetensors")
    assert loaded.keys() == arrays.keys()
    assert all(np.array_equal(loaded[name], arrays[name]) for name in arrays)


def test_float32_is_a_read_only_view_of_the_file_and_misaligned_bytes_are_copied(tmp_path: Path) -> None:
    values = np.arange(2, dtype=np.float32)
    text = json.dumps({"a": entry(0, 8)}).encode()
    for padding in range(4):
        aligned = (len(text) + padding) % 4 == 0
        path = file_of(tmp_path / f"{padding}.safetensors", text + b" " * padding, values.tobytes())
        array = TensorFile(path).float32("a")
        assert np.array_equal(array, values) and array.flags.aligned and not array.flags.writeable
        assert array.flags.owndata is not aligned


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 200), st.binary(min_size=1, max_size=9))
def test_any_damage_is_refused_or_harmless(tmp_path: Path, where: int, junk: bytes) -> None:
    whole = file_of(tmp_path / "whole", {"a": entry(0, 4), "b": entry(4, 8), "__metadata__": {"k": "v"}}).read_bytes()
    (tmp_path / "m.safetensors").write_bytes(whole[:where] + junk + whole[where + len(junk) :])
    with contextlib.suppress(FileError):
        file = TensorFile(tmp_path / "m.safetensors")
        assert sum(file.stored(name).nbytes for name in file.header.entries) == 8


def test_a_type_that_numpy_lacks_is_refused_when_it_is_read(tmp_path: Path, refusal: Refusal) -> None:
    path = file_of(tmp_path / "m.safetensors", {"a": entry(0, 8, "F8_E4M3", [8])})
    said = "m.safetensors: a: dtype: expected one that NumPy has, got F8_E4M3"
    assert refusal("a", TensorFile(path).stored) == said
