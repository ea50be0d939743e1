"""A recorded pass is shown with a live session's numbers, and walked through as a live pass; the rest is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from engine.analysis.readings import attention_entropy
from engine.driver import COMMANDS
from engine.memory import live_storages, part_of, place_of
from engine.recording import record_text
from engine.sampling import Sampler
from engine.session import Session
from engine.stepper import Stepper
from engine.trace import Trace, nothing_foreseen
from engine.trace_driver import TraceDriver
from engine.trace_file import open_trace
from engine.trace_memory import RecordedMemory
from engine.views import SnapshotMaker

GIVEN = 4


@pytest.fixture(params=["llama", "gpt2"])
def session(request, make_model, text) -> Session:
    session = Session(make_model(request.param))
    session.prompt(ids=text(GIVEN))
    for _ in session.generate(3):
        pass
    session.restep()
    return session


@pytest.fixture
def trace(session) -> Trace:
    return record_text(session.model, session.tokens, prompt_length=GIVEN)


@pytest.fixture
def driver(trace) -> TraceDriver:
    return TraceDriver(trace)


def near(a: object, b: object) -> bool:
    return a is b or (a is not None and b is not None and abs(a - b) < 1e-4)  # type: ignore[operator]


def test_tokens_and_candidates_are_those_of_the_session(session, driver):
    live, recorded = SnapshotMaker(session).make(), driver.latest
    for a, b in zip(live.tokens, recorded.tokens, strict=True):
        assert (a.id, a.text, a.rank, a.generated) == (b.id, b.text, b.rank, b.generated)
        assert near(a.logprob, b.logprob) and near(a.entropy, b.entropy)
    for mine, others in zip(live.candidate_rows, recorded.candidate_rows, strict=True):
        assert [c.id for c in others] == [c.id for c in mine][: len(others)] and others
        assert all(near(a.logprob, b.logprob) and near(a.chance, b.chance) for a, b in zip(mine, others, strict=False))


def test_attention_and_its_entropy_are_those_of_the_session(session, driver):
    live, recorded = SnapshotMaker(session).make(), driver.latest
    for layer in range(live.layers):
        for head in range(live.heads):
            assert np.allclose(live.attention(layer, head), recorded.attention(layer, head), atol=1e-5, equal_nan=True)
    assert np.allclose(live.entropy(), recorded.entropy(), atol=1e-4)
    assert np.array_equal(recorded.entropy(), attention_entropy(recorded.attention_rows[0].patterns))


def test_sampling_is_ranked_again_from_the_recorded_logits(session, driver):
    dials = {"temperature": 0.7, "top_k": 3, "repetition_penalty": 1.4}
    driver.send("sampler", **dials)
    session.resample(**dials)
    assert driver.latest.sampler == Sampler(0.7, 3, 1.0, 1.4)
    for mine, others in zip(SnapshotMaker(session).make().candidate_rows, driver.latest.candidate_rows, strict=True):
        assert all(near(a.chance, b.chance) for a, b in zip(mine, others, strict=False))


def walk(stepper: Stepper, driver: TraceDriver) -> Iterator[tuple[tuple[int, str], tuple[int, str]]]:
    """Where both stand after each of the same commands."""
    stop = stepper.run.program.lines[9].out
    for command in ("rewind", "into", "step", "step", "back", "out", "step", "out", "step", "step", "back", "into",
                    "mark", "run", "run", "back", "until", "step", "out"):  # fmt: skip
        if command == "mark":
            stepper.run.breakpoints.add(stop)
            driver.send("breakpoint", address=stop)
        elif command == "run":
            stepper.run_until(None, lambda: False)
            driver.send("run_until")
        elif command in ("until", "rewind"):
            address = stepper.run.program.lines[3].out
            stepper.rewind(address)
            driver.send("rewind", address=address)
        else:
            getattr(stepper, command)()
            driver.send(f"step_{command}" if command != "step" else "step")
        stepping = driver.latest.stepping
        assert stepping is not None and driver.latest.notice is None
        yield (stepper.run.cursor, stepper.depth), (stepping.cursor, stepping.depth)


def test_the_walk_is_that_of_a_live_pass(session, driver):
    stepper = session.stepper
    assert stepper is not None
    stepper.run_until(None, lambda: False)
    assert all(live == recorded for live, recorded in walk(stepper, driver))


def test_values_are_there_as_far_as_the_walk_has_come(trace, driver):
    driver.send("rewind")
    assert set(driver.latest.stepping.values) == {"tokens", "position_ids"}
    driver.send("step")
    first = trace.rows[0]
    row = driver.latest.stepping.rows[0]
    assert np.array_equal(driver.latest.stepping.values[first.address], trace[first.address])
    assert (row.call, row.equation, row.shape, row.elapsed_s) == (
        first.call,
        first.equation,
        first.shape,
        first.elapsed_s,
    )
    assert driver.latest.stepping.rows[1].elapsed_s is None


def test_memory_at_every_line_is_that_of_liveness_over_the_program(session, trace):
    stepper, memory = session.stepper, RecordedMemory(trace)
    assert stepper is not None
    for i, storages in enumerate(live_storages(stepper.run.program, stepper.shapes)):
        expected: dict[tuple[str, str], int] = {}
        for name, size in storages.items():
            key = place_of(name), part_of(name)
            expected[key] = expected.get(key, 0) + size
        found = {key: size for key, size in memory.needed_at(i).items() if size}
        assert found == {key: size for key, size in expected.items() if size}, trace.rows[i].address


def test_memory_names_weights_and_what_is_recorded(trace, driver):
    memory = driver.latest.memory
    assert memory.total("weights_bytes") == sum(row.weight_bytes for row in trace.rows)
    made = [trace[row.address].nbytes for row in trace.rows if not row.is_view]
    assert memory.total("activation_held_bytes") == sum(made)
    assert memory.peak_needed_bytes == max(row.needed_bytes for row in trace.rows)
    assert memory.total("cache_allocated_bytes") == 0


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_of_a_driver_is_done_or_refused_in_one_line(driver, tmp_path, command):
    arguments = {"run_until": {}, "breakpoint": {"address": "embed"}, "trace": {"path": str(tmp_path / "x")}}
    before = driver.latest
    driver.send(command, **arguments.get(command, {}))
    notice = driver.latest.notice or ""
    assert driver.failure is None and "\n" not in notice and driver.latest.version > before.version
    if command in ("generate", "prompt", "choose", "configure", "compare"):
        assert notice.startswith("error: a recording has no model and cannot") and "minigpt-tui MODEL" in notice
        assert driver.latest.tokens is before.tokens


def test_it_is_saved_again_as_it_was(trace, driver, tmp_path):
    path = tmp_path / "again.trace.safetensors"
    driver.send("trace", path=str(path))
    assert driver.latest.notice == f"saved as {path}"
    assert open_trace(path).rows == trace.rows


def test_a_trace_that_knows_only_its_values_is_shown(trace):
    """As one made elsewhere: no lines, no logits, the attention of one layer."""
    kept = {name: trace[name] for name in ("embed", "blocks.1.attn.pattern")}
    count = len(trace.tokens)
    driver = TraceDriver(replace(trace, rows=(), values=kept, dropped=(), foreseen=nothing_foreseen(count)))
    latest = driver.latest
    assert [row.address for row in latest.stepping.rows] == list(kept) and latest.stepping.done
    assert np.isnan(latest.attention(0, 0)).all() and np.array_equal(
        latest.attention(1, 1)[-1], kept["blocks.1.attn.pattern"][0, 1, -1]
    )
    assert latest.candidates(2) == () and latest.tokens[1].rank is None and latest.tokens[1].entropy is None
    driver.send("sampler", temperature=0.5)
    assert driver.latest.notice == "error: the logits were not recorded, so sampling cannot be shown"
