"""Running a program forward and back: nothing is lost, nothing is left behind."""

from __future__ import annotations

import time

import numpy as np
import pytest

from engine.errors import Cancelled, ProgramError
from engine.ops.linear import add, linear, multiply
from engine.run import Run, execute


@pytest.fixture
def fresh(make_model, text):
    """Make a run of a small model that has not begun."""
    model, ids = make_model("llama"), np.array([text(4)])

    def make(**options) -> Run:
        return Run(model.program, model.weights, {"tokens": ids, "position_ids": np.arange(4)}, **options)

    return make


def bits(run: Run) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in run.values.items()}


def test_forward_k_back_j_and_on_gives_the_same_bits(fresh):
    expected = bits(fresh().run())
    count = len(fresh().program)
    run = fresh()
    for k in range(count + 1):  # all k, and all j for each: one run goes to k, then back j and forth again
        while run.cursor < k:
            run.step()
        for j in range(k + 1):
            for _ in range(j):
                run.back()
            assert run.cursor == k - j and len(run.values) == 2 + k - j
            while run.cursor < k:
                run.step()
        assert all(expected[name] == value.tobytes() for name, value in run.values.items())
    assert run.done and bits(run) == expected


def test_back_from_every_place_to_every_other_and_to_the_end_gives_the_same_logits(fresh):
    expected, count = fresh().run()["logits"].tobytes(), len(fresh().program)
    for k in range(count + 1):
        for j in range(k + 1):
            run = fresh()
            for _ in range(k):
                run.step()
            for _ in range(j):
                run.back()
            assert run.run()["logits"].tobytes() == expected, (k, j)


def test_back_forgets_the_value(fresh):
    run = fresh()
    line = run.step()
    assert line.out in run.values and run.cursor == 1
    assert run.back() is line and line.out not in run.values and run.cursor == 0


def test_both_ends_are_errors(fresh):
    run = fresh()
    with pytest.raises(ProgramError, match="beginning"):
        run.back()
    assert run.run().done and run.next_line is None
    with pytest.raises(ProgramError, match="at its end"):
        run.step()
    assert run.run().done


def test_run_until_computes_that_address_and_no_more(fresh):
    run = fresh().run(until="blocks.0.attn.scores")
    assert run.program.lines[run.cursor - 1].out == "blocks.0.attn.scores"
    assert "blocks.0.attn.scores" in run.values and "blocks.0.attn.scaled" not in run.values
    assert run.run(until="blocks.0.attn.q").cursor == run.program.index("blocks.0.attn.scores") + 1


def test_run_until_something_unknown_does_nothing(fresh):
    run = fresh()
    with pytest.raises(ProgramError, match=r"did you mean blocks\.0\.attn\.scores"):
        run.run(until="blocks.0.attn.score")
    assert run.cursor == 0


def test_a_breakpoint_stops_before_its_line_and_lets_go_the_next_time(fresh):
    run = fresh()
    run.breakpoints = {"blocks.0.attn.pattern", "final.normed"}
    assert run.run().next_line.out == "blocks.0.attn.pattern"
    assert run.run().next_line.out == "final.normed"
    assert run.run().done


def test_a_breakpoint_stops_before_until(fresh):
    run = fresh()
    run.breakpoints = {"blocks.0.attn.q"}
    assert run.run(until="logits").next_line.out == "blocks.0.attn.q"


def test_rewind_makes_that_line_the_next(fresh):
    run = fresh().run()
    assert run.rewind("blocks.1.attn.scores").next_line.out == "blocks.1.attn.scores"
    assert run.rewind("logits").next_line.out == "blocks.1.attn.scores"  # ahead already


def test_reading_says_what_is_not_computed_yet(fresh):
    run = fresh()
    run.step()
    with pytest.raises(ProgramError, match=r"logits is not computed yet: 1 of \d+ lines are done"):
        run["logits"]
    with pytest.raises(ProgramError, match="did you mean logits"):
        run["logit"]
    assert run["embed.weight"] is run.weights["embed.weight"]


def test_missing_inputs_are_named(make_model):
    model = make_model("gpt2")
    with pytest.raises(ProgramError, match="position_ids"):
        Run(model.program, model.weights, {"tokens": np.array([[1]])})


def test_a_failing_line_says_which_with_shapes_and_where_it_was_written(program_of):
    program = program_of(("y", add, "xw"), ("z", linear, "yw"))
    run = Run(program, {"w": np.ones((4, 2), np.float32)}, {"x": np.ones((3, 4, 2), np.float32)})
    run.step()
    with pytest.raises(ValueError) as caught:
        run.step()
    note = "\n".join(caught.value.__notes__)
    assert "in line 1: z = linear(y, w)" in note
    assert "y (3, 4, 2), w (4, 2)" in note and "written by test.py:1" in note
    assert run.cursor == 1 and "z" not in run.values


def test_a_failing_line_of_a_model_names_its_builder(make_model):
    model = make_model("gpt2")
    run = Run(model.program, model.weights, {"tokens": np.array([[1, 99]]), "position_ids": np.arange(2)})
    with pytest.raises(IndexError) as caught:
        run.run()
    assert "written by engine/models/gpt2.py:" in caught.value.__notes__[0]


def test_a_run_that_is_not_stepped_keeps_its_outputs_only(fresh):
    run = fresh(hold=False).run()
    assert set(run.values) == {"logits"}
    assert run["logits"].tobytes() == fresh().run()["logits"].tobytes()


def test_a_run_that_is_not_stepped_keeps_what_is_asked_for(fresh):
    run = fresh(hold=False, keep=["blocks.0.attn.q"]).run()
    assert set(run.values) == {"logits", "blocks.0.attn.q"}
    with pytest.raises(ProgramError, match="drops values"):
        run.back()


def test_a_dropped_value_is_not_said_to_be_uncomputed(fresh):
    run = fresh(hold=False).run()
    with pytest.raises(ProgramError, match=r"embed was dropped after its last reader"):
        run["embed"]


def test_a_run_that_is_not_stepped_holds_no_more_than_it_needs(program_of):
    program = program_of(("a", add, "xw"), ("b", add, "aw"), ("c", multiply, "bb"))
    run, held = Run(program, {"w": np.ones(2)}, {"x": np.ones(2)}, hold=False), []
    while not run.done:
        run.step()
        held.append(sorted(run.values))
    assert held == [["a"], ["b"], ["c"]]


def test_execute_returns_outputs_and_kept_addresses(make_model):
    model = make_model("gpt2")
    inputs = {"tokens": np.array([[1, 2]]), "position_ids": np.arange(2)}
    assert set(execute(model.program, model.weights, inputs, ["embed"])) == {"logits", "embed"}
    with pytest.raises(ProgramError, match="not in this program"):
        execute(model.program, model.weights, inputs, ["nowhere"])


def test_a_run_can_be_stopped_and_goes_on(fresh):
    run, polls = fresh(), iter([False, False, True])
    with pytest.raises(Cancelled):
        run.run(stop=lambda: next(polls))
    assert run.cursor == 2
    assert run.run()["logits"].tobytes() == fresh().run()["logits"].tobytes()


def test_each_line_is_timed(fresh):
    started = time.perf_counter()
    run = fresh().run()
    assert set(run.elapsed_s) == {line.out for line in run.program.lines}
    assert 0 < sum(run.elapsed_s.values()) <= time.perf_counter() - started


def test_a_run_changes_neither_weights_nor_inputs(fresh, make_model):
    model = make_model("llama")
    before = {name: array.tobytes() for name, array in model.weights.items()}
    run = fresh()
    ids = run["tokens"].tobytes()
    run.run()
    assert before == {name: array.tobytes() for name, array in model.weights.items()}
    assert run["tokens"].tobytes() == ids


def test_infinities_are_values_to_look_at_not_accidents(program_of):
    run = Run(program_of(("y", multiply, "xw")), {"w": np.zeros(1)}, {"x": np.array([np.inf])})
    assert np.isnan(run.run()["y"]).all()
