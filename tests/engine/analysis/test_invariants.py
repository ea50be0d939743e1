"""Invariants hold on what every architecture computes, forward and backward, and break when a number is changed."""

from __future__ import annotations

import numpy as np
import pytest

from engine.analysis.invariants import RULES, Invariant, invariants_of
from engine.passes import training_pass
from engine.program import Line
from engine.run import Run


def measured(run: Run, line: Line) -> tuple[Invariant, ...]:
    return invariants_of(line.out, line.op.name, line.ins, line.attrs, run.values)


def test_they_hold_on_every_architecture(model, plain_run, text):
    run = plain_run(model, text(9))
    found = {line.out: measured(run, line) for line in run.program.lines}
    broken = {address: i for address, rules in found.items() for i in rules if not i.holds}
    assert not broken
    for i in range(model.config.layers):
        assert len(found[f"blocks.{i}.attn.pattern"]) == 3 and found[f"blocks.{i}.resid_mid"]
    assert any(rules for address, rules in found.items() if address.startswith("mask"))


def test_they_hold_backward(model, text):
    _, program, weights, inputs = training_pass(model, None, text(7))
    run = Run(program, weights, inputs).run()
    found = [(line, i) for line in program.lines for i in measured(run, line)]
    assert not [(line.out, i) for line, i in found if not i.holds]
    assert {"softmax_dx", "cross_entropy_dx"} <= {line.op.name for line, _ in found}


@pytest.mark.parametrize("op", RULES)
def test_a_changed_number_breaks_a_rule(op, make_model, text):
    """For each operation that some pass has: one number of its first value is moved by a thousandth of the largest."""
    for name in ("mistral", "gpt2", "sinusoidal"):
        _, program, weights, inputs = training_pass(make_model(name), None, text(9))
        run = Run(program, weights, inputs).run()
        line = next((line for line in program.lines if line.op.name == op and measured(run, line)), None)
        if line is None:
            continue
        if op == "weighted_sum":
            changed = run[line.out] + 100 * np.abs(run[line.out]).max()
        else:
            changed = run[line.out].copy()
            changed.flat[-1] -= 0.01 * max(1, np.abs(changed[np.isfinite(changed)]).max()) + changed.flat[-1] * (
                op == "relu"
            )
        wrong = invariants_of(line.out, op, line.ins, line.attrs, run.values, changed)
        assert not all(i.holds for i in wrong)
        changed[...] = np.nan
        assert not all(i.holds for i in invariants_of(line.out, op, line.ins, line.attrs, run.values, changed))
        return
    pytest.fail("no pass has it")


def test_numbers_by_hand():
    p = np.array([[[[1, 0], [0.5, 0.75]]]], np.float32)
    scores = np.array([[[[0.3, -np.inf], [0.1, 0.2]]]], np.float32)
    rows, unseen, negative = invariants_of("p", "softmax", ["s"], {}, {"p": p, "s": scores})
    assert rows.deviation == 0.25 and not rows.holds and unseen.deviation == 0 and unseen.holds and negative.holds
    p[0, 0, 0] = 0.75, 0.25
    assert invariants_of("p", "softmax", ["s"], {}, {"p": p, "s": scores})[1].deviation == 0.25
    masks = {"q": np.arange(3), "k": np.arange(3), "m": np.triu(np.full((3, 3), -np.inf), 1)}
    (mask,) = invariants_of("m", "causal_mask", ["q", "k"], {"window": 2}, masks)
    assert mask.deviation == 1  # the third query sees three keys instead of two
    (total,) = invariants_of("r", "add", ["a", "b"], {}, {"a": np.ones(2), "b": np.ones(2), "r": np.array([2.0, 2.5])})
    assert total.deviation == 0.5
    (length,) = invariants_of("y", "rotate", ["x"], {}, {"x": np.array([[3.0, 4.0]]), "y": np.array([[0.0, 5.5]])})
    assert length.deviation == pytest.approx(0.5)


def test_without_the_values_nothing_is_said():
    assert invariants_of("p", "softmax", ["s"], {}, {"p": np.ones((1, 1))}) == ()
    assert invariants_of("p", "linear", ["s"], {}, {"p": np.ones(1), "s": np.ones(1)}) == ()
