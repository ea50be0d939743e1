"""The loop: what it reports, that waiting and stopping change nothing, and that a run goes on bit for bit."""

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from engine.errors import InputError, SurroundingsError
from engine.model import open_model
from engine.training.checkpoints import checkpoints, newest
from engine.training.start import begin
from tests.engine.training.bigram import Bigram, plan


def state(trainer):
    return trainer.parameters.value.tobytes(), trainer.adam.first.tobytes(), trainer.adam.second.tobytes()


def test_a_run_learns_and_reports_every_update(start):
    trainer = start()
    reports = list(trainer)
    assert [r.step for r in reports] == list(range(1, 41)) and trainer.update == 40
    assert reports[0].loss == pytest.approx(math.log(trainer.config.vocab), rel=1e-3)
    assert reports[-1].loss < 0.75 * reports[0].loss
    assert [r.learning_rate for r in reports] == [trainer.plan.rates.rate(u) for u in range(40)]
    assert [r.step for r in reports if r.update_ratios] == list(range(5, 41, 5))
    assert [r.step for r in reports if r.validation_loss] == sorted({*range(4, 41, 4), *range(10, 41, 10)})
    last = reports[-1]
    assert last.perplexity == pytest.approx(math.exp(last.validation_loss))
    assert last.left_s == 0 and reports[0].left_s > 0 and last.tokens == 32 and last.tokens_per_s > 0
    assert set(last.gradient_norms) == {g.name for g in trainer.parameters.groups}
    with pytest.raises(FrozenInstanceError):
        last.loss = 0
    with pytest.raises(StopIteration):
        next(trainer)


def test_the_log_says_what_the_reports_say(start):
    trainer = start(steps=8)
    reports = list(trainer)
    rows = [json.loads(line) for line in (trainer.run.path / "log.jsonl").read_text().splitlines()]
    assert rows == [report.to_json() for report in reports] == trainer.run.rows()
    assert rows[3]["checkpoint"] == "step-000004" and "sample" in rows[3] and "sample" not in rows[4]


def test_the_loss_is_a_mean_over_all_targets_of_the_update(start):
    """Two batches of 2 summed are one batch of 4: the same samples, the same update."""
    whole, halves = start("whole", batch=4, steps=6), start("halves", batch=2, accumulation=2, steps=6)
    for a, b in zip(whole, halves, strict=True):
        assert a.loss == pytest.approx(b.loss, rel=1e-5) and a.tokens == b.tokens
    assert np.allclose(whole.parameters.value, halves.parameters.value, atol=1e-6)
    assert [(u, first) for u, first, _ in halves.step.seen[:4]] == [(0, 0), (0, 2), (1, 0), (1, 2)]


def test_looking_waiting_and_estimating_change_nothing(start):
    straight, watched = (
        start("a", steps=12),
        start("b", steps=12, checkpoint_every=3, sample_tokens=0, validate_every=5),
    )
    estimate = watched.estimate()
    assert estimate.updates == 12 and estimate.total_s > 0 and watched.update == 0
    list(straight)
    for _ in range(12):
        watched.glimpse(), watched.validate()
        next(watched)
    assert state(straight) == state(watched)


def test_a_glimpse_holds_text_and_attention_of_the_pinned_prompt(start):
    trainer = start(prompt="the cat", steps=4, context=16)
    glimpse = list(trainer)[-1].glimpse
    assert glimpse.text.startswith("the cat") and len(glimpse.ids) == 7 + 4 and glimpse.prompt_length == 7
    (pattern,) = glimpse.patterns
    assert pattern.shape == (2, 7, 7) and not pattern.flags.writeable
    assert np.allclose(pattern.sum(-1), 1, atol=1e-5) and (np.triu(pattern, 1) == 0).all()
    assert trainer.glimpse().text == glimpse.text


@pytest.mark.parametrize("stop", [0, 1, 4, 7])
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(start, go_on, stop):
    straight, first = start("a", steps=12), start("b", steps=12)
    list(straight)
    for _ in range(stop):
        next(first)
    first.save()
    first.close()
    opened = go_on("b")
    assert opened.notes == () and opened.trainer.update == stop
    reports = list(opened.trainer)
    assert [r.step for r in reports] == list(range(stop + 1, 13))
    assert state(opened.trainer) == state(straight)
    rows = [(row["step"], row["loss"], row.get("validation_loss")) for row in opened.trainer.run.rows()]
    assert rows == [(row["step"], row["loss"], row.get("validation_loss")) for row in straight.run.rows()]


def test_updates_after_the_last_checkpoint_are_made_again(start, go_on):
    first = start(steps=12)
    for _ in range(7):
        next(first)
    first.close()
    with open(first.run.path / "log.jsonl", "ab") as log:
        log.write(b'{"step": 8, "lo')  # killed while writing
    trainer = go_on().trainer
    assert trainer.update == 4
    list(trainer)
    assert [row["step"] for row in trainer.run.rows()] == list(range(1, 13))


def test_a_damaged_checkpoint_is_passed_over_and_said(start, go_on):
    first = start(steps=8)
    list(first)
    first.close()
    path = first.run.path / "step-000008" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    opened = go_on()
    assert opened.trainer.update == 4
    assert opened.notes == (
        "step-000008: model.safetensors: is not as it was written (damaged?); the checkpoint before it is used",
    )


def test_another_number_of_threads_is_said(start, go_on):
    start(steps=4).close()
    opened = go_on("run", "threads=1")
    assert opened.notes == ("not bit for bit the run it would have been: threads: 2 before, 1 now",)


def test_a_run_may_be_made_longer_but_not_another(start, go_on):
    first = start(steps=4)
    list(first)
    first.close()
    longer = go_on("run", "steps=6").trainer
    assert len(list(longer)) == 2
    longer.close()
    for setting in ("seed=5", "n_embd=16", "batch=2"):
        with pytest.raises(InputError, match="cannot be changed in a run that is under way"):
            go_on("run", setting)


def test_two_runs_in_one_directory_are_refused(start, go_on, corpus):
    first = start(steps=4)
    with pytest.raises(SurroundingsError, match=r"run: is in use by another run \(process \d+\)"):
        go_on()
    first.close()
    with pytest.raises(InputError, match="holds a run already: go on with --resume"):
        begin(first.run.path, plan(), [corpus], step=Bigram)


def test_a_checkpoint_is_a_model_like_any_other(start):
    trainer = start(steps=4)
    list(trainer)
    model = open_model(str(trainer.run.path / "step-000004"))
    assert model.tokenizer.decode(model.tokenizer.encode("the cat")) == "the cat"
    assert all(np.array_equal(model.weights[a], v) for a, v in trainer.parameters.values.items())


def test_the_newest_and_the_best_checkpoints_are_kept(start, monkeypatch):
    trainer = start(steps=20, keep=2)
    losses = iter([3.0, 1.0, 2.5, 2.4, 2.3])

    def validate():
        trainer.validation_loss = next(losses)
        return trainer.validation_loss

    monkeypatch.setattr(trainer, "validate", validate)
    trainer.plan = plan(steps=20, validate_every=1000)
    list(trainer)
    assert [path.name for path in checkpoints(trainer.run.path)] == ["step-000008", "step-000016", "step-000020"]
    assert not list(trainer.run.path.glob(".minigpt-*"))


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_checkpoint(start):
    trainer = start(steps=12)
    for _ in range(5):
        next(trainer)
    before = trainer.parameters.value.copy()
    trainer.parameters.values["embed.weight"][:] = np.nan
    with pytest.raises(InputError, match="the loss of update 6 is not finite: training has diverged"):
        next(trainer)
    assert trainer.update == 5
    saved, problems = newest(trainer.run.path)
    assert saved.state.update == 4 and not problems
    assert np.isfinite(before).all()


def test_documents_need_a_separator(corpus, tmp_path):
    with pytest.raises(InputError, match="documents need a separator"):
        begin(tmp_path / "run", plan(examples="documents"), [corpus], step=Bigram)
    begin(tmp_path / "run", plan(), [corpus], step=Bigram).trainer.close()  # the refusal left the directory usable


def test_documents_of_different_lengths_train(tmp_path):
    text = tmp_path / "tales.txt"
    text.write_text("".join("a b c"[: 1 + i % 5] + "<|end|>" for i in range(60)))
    options = plan(examples="documents", separator="<|end|>", steps=8)
    trainer = begin(tmp_path / "run", options, [text], step=Bigram).trainer
    assert next(trainer).tokens < 4 * 8
    assert trainer.config.eos == (trainer.data.separator_id("<|end|>"),)
    assert trainer.data.tokenizer.beginning == trainer.config.eos
    list(trainer)
    trainer.close()
