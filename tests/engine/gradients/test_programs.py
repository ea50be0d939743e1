"""Whole models: gradients derived by hand, line by line, against the independent reverse mode of `engine.autograd`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.cost import infer_shapes
from engine.model import Model, open_model
from engine.models import build
from engine.ops.loss_gradients import cross_entropy_dx
from engine.program import Program
from engine.rewrites.checkpoint import checkpoint
from engine.rewrites.differentiate import differentiate, with_loss
from engine.run import Run, execute
from engine.training.parameters import FlatParameters
from engine.training.step import TrainingStep
from tests.engine.autograd.models import gradients

GOLDEN = Path(__file__).parents[2] / "golden" / "models"
MODELS = [
    "gpt2-tied-old-style", "gpt2-untied-erf", "gpt2-relu", "gpt2-scale-by-layer", "llama-biases",
    "llama3-rope-old-style", "mistral-window", "qwen2-mixed-window", "random:sinusoidal-2x64",
]  # fmt: skip
Batch = tuple[np.ndarray, np.ndarray]


def opened(name: str) -> Model:
    return open_model(name if ":" in name else str(GOLDEN / name))


def batch(model: Model, count: int = 5, length: int = 9) -> Batch:
    generator = np.random.default_rng(1)
    tokens = generator.integers(0, model.config.vocab, (count, length))
    targets = generator.integers(0, model.config.vocab, (count, length))
    targets[0, 3], targets[4, 5:] = -1, -1  # padding within and at the end
    return tokens, targets


def differentiated(
    model: Model, learned: list[str] | None = None, dtype: type = np.float64
) -> tuple[Program, dict[str, np.ndarray]]:
    weights = {name: np.array(array, dtype) for name, array in model.weights.items()}
    plain, _ = with_loss(build(model.config), weights)
    shapes = infer_shapes(plain, {n: w.shape for n, w in weights.items()} | inputs_of(batch(model), shapes=True))
    return differentiate(plain, weights, shapes, learned)[0], weights


def inputs_of(given: Batch, shapes: bool = False) -> dict:
    made = {"tokens": given[0], "targets": given[1], "position_ids": np.arange(given[0].shape[1])}
    return {name: array.shape for name, array in made.items()} if shapes else made


@pytest.mark.parametrize("name", MODELS)
def test_the_backward_pass_agrees_with_an_independent_reverse_mode(name: str) -> None:
    model = opened(name)
    program, weights = differentiated(model)
    loss, expected = gradients(model.config, weights, *batch(model))
    found = execute(program, weights, inputs_of(batch(model)))
    assert found["loss"] == pytest.approx(loss, rel=1e-6)  # positions and angles are float32
    for address, d in expected.items():
        np.testing.assert_allclose(
            found[f"d.{address}"], d, rtol=1e-4, atol=2e-6 * np.abs(d).max() + 1e-9, err_msg=address
        )


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "settings", [{}, {"threads": 1}, {"checkpointed": (0, 1)}], ids=["two threads", "one", "checkpoint"]
)
def test_the_compiled_step_agrees_with_it(name: str, settings: dict) -> None:
    model = opened(name)
    parameters = FlatParameters(model.config, model.weights)
    step = TrainingStep(parameters, **settings)
    loss, expected = gradients(model.config, model.weights, *batch(model))
    largest = max(np.abs(d).max() for d in expected.values())
    for _ in range(2):  # the second call overwrites the first
        result = step.gradients(*batch(model))
    assert result.target_count == int((batch(model)[1] >= 0).sum())
    assert result.loss_sum == pytest.approx(loss, rel=1e-6)
    assert step.loss(*batch(model))[0] == pytest.approx(loss, rel=1e-6)
    for address, d in expected.items():
        np.testing.assert_allclose(parameters.gradients[address], d, atol=5e-6 * largest, err_msg=address)
    step.close()


def test_smoothed_truth_is_the_truth_and_an_even_spread() -> None:
    """By hand: the smoothed gradient at the logits is p - (0.8 onehot + 0.2 / V)."""
    logits = np.array([[[0.0, np.log(2.0), np.log(5.0)]]])  # p = 1/8, 2/8, 5/8
    d = cross_entropy_dx.forward(logits, np.array([[2]]), smoothing=0.2)
    np.testing.assert_allclose(d[0, 0], [1 / 8 - 0.2 / 3, 2 / 8 - 0.2 / 3, 5 / 8 - 0.8 - 0.2 / 3], rtol=1e-12)


def test_the_compiled_step_smooths_like_the_stepped_program() -> None:
    model = opened("gpt2-relu")
    parameters = FlatParameters(model.config, model.weights)
    step = TrainingStep(parameters, smoothing=0.2, threads=1)
    result = step.gradients(*batch(model))
    found = execute(step.program, parameters.values, inputs_of(batch(model)))
    assert result.loss_sum == pytest.approx(float(found["loss"]), rel=1e-6)
    np.testing.assert_allclose(parameters.gradients["embed.weight"], found["d.embed.weight"], atol=2e-5)


def test_dropout_is_the_same_however_a_batch_is_split_or_recomputed() -> None:
    model = opened("llama-biases")
    found = {}
    for key, settings in {"two": {}, "one": {"threads": 1}, "again": {"checkpointed": (0, 1)}}.items():
        parameters = FlatParameters(model.config, model.weights)
        TrainingStep(parameters, drop=0.3, seed=4, **settings).gradients(*batch(model), update=6)
        found[key] = parameters.gradient.copy()
    scale = np.abs(found["two"]).max()
    np.testing.assert_allclose(found["one"], found["two"], atol=1e-5 * scale)
    np.testing.assert_array_equal(found["again"], found["two"])


def test_dropout_differs_from_update_to_update_and_is_absent_in_evaluation() -> None:
    model = opened("gpt2-relu")
    parameters = FlatParameters(model.config, model.weights)
    step, plain = TrainingStep(parameters, drop=0.3), TrainingStep(parameters)
    losses = {step.gradients(*batch(model), update=n).loss_sum for n in (0, 1, 2, 0)}
    assert len(losses) == 3
    assert step.loss(*batch(model)) == plain.loss(*batch(model))


def test_frozen_weights_cost_nothing() -> None:
    model = opened("llama-biases")
    whole, _ = differentiated(model)
    learned = ["blocks.1.mlp.down.weight"]
    program, weights = differentiated(model, learned)
    assert [name for name in program.outputs if name.startswith("d.")] == ["d.blocks.1.mlp.down.weight"]
    backward = [line.out for line in program.lines if line.out.startswith("d.")]
    assert not any("attn" in name or "blocks.0" in name for name in backward)
    assert len(backward) < len([line for line in whole.lines if line.out.startswith("d.")]) / 10
    one = execute(program, weights, inputs_of(batch(model)))
    every = execute(whole, weights, inputs_of(batch(model)))
    np.testing.assert_array_equal(one[f"d.{learned[0]}"], every[f"d.{learned[0]}"])


def test_a_value_with_several_readers_gets_one_part_from_each_and_a_sum() -> None:
    program, _ = differentiated(opened("gpt2-relu"))
    total = program.lines[program.index("d.blocks.1.resid_mid")]
    assert total.op.name == "accumulate"
    assert total.ins == ("d.blocks.1.resid_mid@blocks.1.resid_post", "d.blocks.1.resid_mid@blocks.1.mlp.normalized")


def test_the_backward_pass_is_stepped_forward_and_back_like_any_other() -> None:
    model = opened("gpt2-relu")
    program, weights = differentiated(model, dtype=np.float32)
    straight = Run(program, weights, inputs_of(batch(model))).run()
    wandering = Run(program, weights, inputs_of(batch(model))).run(until="d.blocks.1.attn.pattern")
    wandering.rewind("blocks.1.attn.q")
    wandering.run()
    for name in program.outputs:
        np.testing.assert_array_equal(straight[name], wandering[name])


def test_checkpointing_saves_memory_and_says_which_lines_it_repeats() -> None:
    model = opened("qwen2-mixed-window")
    kept = TrainingStep(FlatParameters(model.config, model.weights), threads=1)
    saving = TrainingStep(FlatParameters(model.config, model.weights), threads=1, checkpointed=(0, 1, 2))
    for step in (kept, saving):
        step.gradients(*batch(model))
    assert saving.arena_bytes < 0.6 * kept.arena_bytes
    program, weights = differentiated(model)
    again, _ = checkpoint(program, weights, [1])
    assert {line.out.split(".")[2] for line in again.lines if line.out.startswith("again.")} == {"1"}
    np.testing.assert_array_equal(
        execute(again, weights, inputs_of(batch(model)))["d.embed.weight"],
        execute(program, weights, inputs_of(batch(model)))["d.embed.weight"],
    )
