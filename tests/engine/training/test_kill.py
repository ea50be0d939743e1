"""A run of `minigpt train` survives being killed at any instant: what goes on afterwards ends with the same bits.

The real command, the real model, the compiled step; checkpoints so often that many kills fall into the writing of one.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.training.checkpoints import TEMPORARY, checkpoints, newest
from engine.training.run_directory import LOG, PLAN

ROOT = Path(__file__).resolve().parents[3]
STEPS = 40
TINY = {
    "model": {"model_type": "gpt2", "n_layer": 2, "n_embd": 16, "n_head": 2, "n_positions": 16},
    "training": {
        "batch": 4, "context": 8, "steps": STEPS, "learning_rate": 0.01, "warmup": 5, "dropout": 0.1,
        "validate_every": 10, "checkpoint_every": 2, "sample_tokens": 4, "threads": 2, "measure_every": 5,
    },
}  # fmt: skip
FILES = ("model.safetensors", "optimizer.safetensors", "state.json", "tokenizer.json")


class Worker:
    """One life of the command."""

    def __init__(self, run: Path, text: Path) -> None:
        self.run, self.said = run, ""
        plan = text.with_name("tiny.json")
        plan.write_text(json.dumps(TINY))
        command = ["-m", "app.cli.main", "train", "--config", plan, "--data", text, "-o", run, "--resume"]
        self.process = subprocess.Popen(
            [sys.executable, *map(str, command)], cwd=ROOT, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def trains(self) -> bool:
        """Wait until it does; False if it ends before."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line
            if "Ctrl-C saves" in line:
                return True
        return False

    def writes(self) -> bool:
        """Wait until it writes or deletes a checkpoint; False if it ends before."""
        while self.process.poll() is None:
            if any(self.run.glob("*".join(TEMPORARY))):
                return True
            time.sleep(0.0005)
        return False

    def end(self, kill: bool = False) -> int:
        if kill:
            self.process.send_signal(signal.SIGKILL)
        assert self.process.stderr is not None
        self.said += self.process.stderr.read()
        self.process.stderr.close()
        code = self.process.wait()
        assert code in (0, -signal.SIGKILL), self.said
        return code


def ended(run: Path) -> dict[str, object]:
    """What a run leaves: the files of its last checkpoint, and the losses of all updates."""
    saved = checkpoints(run)[-1]
    rows = [json.loads(row) for row in (run / LOG).read_text().splitlines()]
    files: dict[str, object] = {name: (saved / name).read_bytes() for name in FILES}
    return files | {"name": saved.name, "losses": [(row["step"], row["loss"]) for row in rows]}


def kill_and_resume(tmp_path: Path, corpus: Path, times: int) -> None:
    straight = Worker(tmp_path / "straight", corpus)
    assert straight.trains()
    started = time.monotonic()
    assert straight.end() == 0
    whole_s = time.monotonic() - started
    expected = ended(tmp_path / "straight")
    assert expected["name"] == f"step-{STEPS:06d}"
    run, chance, killed, writing = tmp_path / "killed", random.Random(0), 0, 0
    while killed < times:
        worker = Worker(run, corpus)
        if chance.random() < 0.9:
            worker.trains()  # else the kill may fall into the beginning, or into reading what the last life left
        time.sleep(chance.random() * whole_s * 1.5 / times)
        if chance.random() < 0.5:
            writing += worker.writes()
            time.sleep(chance.random() * 0.01)
        killed += worker.end(kill=True) != 0
        if (run / PLAN).exists():
            saved, problems = newest(run)
            assert problems == []
            if saved and saved.state.update == STEPS:  # done before its time
                assert Worker(run, corpus).end() == 0
                assert ended(run) == expected
                run = run.with_name(f"{run.name}+")
    assert writing > times / 5
    assert Worker(run, corpus).end() == 0
    assert ended(run) == expected
    assert not list(run.glob("*".join(TEMPORARY)))


def test_killed_five_times_it_ends_with_the_same_bits(tmp_path: Path, corpus: Path) -> None:
    kill_and_resume(tmp_path, corpus, 5)


@pytest.mark.soak
def test_killed_a_hundred_times_it_ends_with_the_same_bits(tmp_path: Path, corpus: Path) -> None:
    kill_and_resume(tmp_path, corpus, 100)
