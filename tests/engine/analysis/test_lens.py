"""The logit lens: as the program itself would end from a patched value, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.analysis.lens import is_residual, lens, read_through, tail_of
from engine.edits import Edit
from engine.errors import InputError
from engine.run import Run


def test_it_is_what_the_program_makes_of_a_value_put_at_its_end(model, plain_run, text):
    run = plain_run(model, text(7))
    last = f"blocks.{model.config.layers - 1}.resid_post"
    for address in (name for name in run.values if is_residual(name)):
        patch = Edit(last, "patch", (), run[address])
        inputs = {name: run[name] for name in model.program.inputs}
        patched = Run(model.program, model.weights, inputs, [patch]).run()["logits"][0]
        assert np.allclose(lens(model.program, model.weights, run[address][0]), patched, atol=1e-5), address


def test_at_the_end_of_the_stream_it_is_the_prediction(model, plain_run, text):
    run = plain_run(model, text(7))
    assert tail_of(model.program)[0] == f"blocks.{model.config.layers - 1}.resid_post"
    assert np.allclose(
        lens(model.program, model.weights, run[tail_of(model.program)[0]][0]), run["logits"][0], atol=1e-5
    )


def test_by_hand(make_model):
    """LayerNorm, gain and bias, and the tied embedding, worked out here in float64."""
    model, x = make_model("gpt2"), np.random.default_rng(3).normal(size=(2, 12))
    gain, bias = (model.weights[f"final.norm.{part}"].astype(np.float64) for part in ("weight", "bias"))
    normed = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * gain + bias
    expected = normed @ model.weights["embed.weight"].astype(np.float64).T
    assert np.allclose(lens(model.program, model.weights, x), expected, atol=1e-4)


def test_a_reading_has_a_row_for_each_residual_value_that_is_there(make_model, plain_run, text):
    model = make_model("llama")
    run = plain_run(model, text(6))
    there = {name: value for name, value in run.values.items() if not name.startswith("blocks.1.")}
    addresses = [line.out for line in model.program.lines]
    reading = read_through(model.program, model.weights, there, addresses, 4, 4, lambda id: f"<{id}>")
    assert [row.address for row in reading.rows][:4] == [
        "embed",
        "blocks.0.resid_pre",
        "blocks.0.resid_mid",
        "blocks.0.resid_post",
    ]
    for row in reading.rows:
        logits = lens(model.program, model.weights, run[row.address][0, 4:5])[0].astype(np.float64)
        p = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        assert [t.id for t in row.tokens] == np.argsort(-p)[:5].tolist() and row.tokens[
            0
        ].text == f"<{row.tokens[0].id}>"
        assert [t.probability for t in row.tokens] == pytest.approx(p[[t.id for t in row.tokens]].tolist(), rel=1e-4)
        assert row.entropy == pytest.approx(float(-(p * np.log(p)).sum()), rel=1e-4)


def test_only_the_residual_stream_is_read(make_model, program_of):
    assert is_residual("blocks.3.resid_mid") and not is_residual("blocks.3.attn.out")
    assert not is_residual("d.blocks.3.resid_mid") and not is_residual("blocks.3.resid_mid@before")
    from engine.ops.linear import linear

    with pytest.raises(InputError, match="no residual stream"):
        tail_of(program_of(("y", linear, ("x", "w"))))
