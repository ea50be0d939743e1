"""`--edit`: values changed by hand from the command line are those of the engine's own edits."""

from __future__ import annotations

import numpy as np
import pytest

from engine.edits import Edit, apply_edits
from engine.model import open_model
from engine.run import execute

IDS = [5, 6, 7, 8]
WORDS = "blocks.0.attn.pattern:ablate_head:1", "blocks.1.mlp.out:scale:*,2=0.5"
EDITS = (
    Edit("blocks.0.attn.pattern", "ablate_head", (1,)),
    Edit("blocks.1.mlp.out", "scale", (None, 2), 0.5),
)


@pytest.fixture(scope="module")
def model(golden):
    return golden / "models" / "llama-sharded"


@pytest.fixture(scope="module")
def expected(model):
    opened = open_model(str(model))
    inputs = {"tokens": np.array([IDS]), "position_ids": np.arange(len(IDS))}
    return execute(apply_edits(opened.program, EDITS), opened.weights, inputs)["logits"][0]


def flags() -> list[str]:
    return ["--ids", ",".join(map(str, IDS)), *(word for words in WORDS for word in ("--edit", words))]


def test_logits_are_those_of_the_edited_program(minigpt, model, expected, tmp_path):
    minigpt("logits", model, *flags(), "-o", tmp_path / "l.npy")
    assert np.allclose(np.load(tmp_path / "l.npy"), expected, atol=1e-6)


def test_step_shows_the_edited_pass_and_says_what_it_did(minigpt, model):
    done = minigpt("step", model, *flags(), "--json")
    assert "blocks.0.attn.pattern@before" in [row["address"] for row in done.json["lines"]]
    assert "next token" in done.err and "with 2 edits" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--edit", "embed"], "expected ADDRESS:KIND"),
        (["--edit", "blocks.0.attn.z:ablate_head:99"], "99 is not one of its"),
        (["--edit", "nothing.here:zero"], "nothing.here"),
        (["--edit", "embed:zero:*,4"], "4 is not one of its 4 places"),
        (["--edit", "embed:patch=@absent.trace.safetensors"], "absent.trace.safetensors"),
    ],
)
@pytest.mark.parametrize("command", ["step", "logits"])
def test_a_wrong_edit_is_refused_in_one_line(minigpt, model, tmp_path, command, words, said):
    output = ["-o", tmp_path / "l.npy"] if command == "logits" else []
    done = minigpt(command, model, "--ids", "5,6,7,8", *words, *output)
    assert done.code == 2 and said in done.err and done.err.count("error:") == 1
