"""`info` says what the arrays of a model take under some settings, and the formula says the same."""

from __future__ import annotations

import numpy as np
import pytest

from engine.model import open_model
from engine.prepare import prepare
from engine.settings import Settings

CHOICES = {
    "": Settings(),
    "--int8 all --rank 4": Settings(int8="all", low_rank_mlp=4),
    "--no-optimize --int8 mlp --int8-cache": Settings(optimize=False, int8="mlp", int8_cache=True),
    "--no-kv --kv-window 8": Settings(kv_cache=False, kv_window=8),
}


@pytest.mark.parametrize("flags", CHOICES, ids=str)
@pytest.mark.parametrize("name", ["gpt2-relu", "llama-sharded"])
def test_the_table_is_that_of_the_arrays(minigpt, golden, name, flags):
    path = golden / "models" / name
    table = minigpt("info", path, "--json", *flags.split()).json["memory_table"]
    model = open_model(str(path))
    program, weights = prepare(model.config, model.weights, CHOICES[flags]).step
    bytes_of = {weights[name].ctypes.data: weights[name].nbytes for name in program.params}
    assert table["together"]["weights"]["measured"] == sum(bytes_of.values())
    assert table["settings"] == CHOICES[flags].flags()
    for row in table["rows"]:
        for column in ("weights", "cache", "peak"):
            assert row[column]["measured"] == row[column]["formula"], (row, column)
    assert table["float32"]["weights"] == sum(4 * np.size(array) for array in model.weights.values())


def test_a_person_reads_each_component_and_the_ratio(minigpt, golden):
    out = minigpt("info", golden / "models" / "gpt2-relu", "--int8", "all").out
    for words in ("each of blocks.0-", "unembed norms", "plain float32", "says the same"):
        assert words in out
    ratio = next(line for line in out.splitlines() if line.startswith("ratio")).split()
    assert 0.25 < float(ratio[1]) < 1 and ratio[2] == "1.000"
