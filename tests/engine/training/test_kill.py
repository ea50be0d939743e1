"""A run survives being killed at any instant: what goes on afterwards ends with the same bits."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.training.checkpoints import checkpoints, newest
from engine.training.start import begin
from tests.engine.training import bigram

ROOT = Path(__file__).resolve().parents[3]


def process(run, text):
    command = [sys.executable, "-m", "tests.engine.training.bigram", str(run), str(text)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=dict(os.environ))


def final_files(run):
    path = checkpoints(run)[-1]
    return {name: (path / name).read_bytes() for name in ("model.safetensors", "optimizer.safetensors", "state.json")}


def kill_and_resume(tmp_path, corpus, times):
    straight = begin(tmp_path / "straight", bigram.plan(), [corpus], step=bigram.Bigram).trainer
    started = time.monotonic()
    list(straight)
    whole_s = time.monotonic() - started
    straight.close()
    run, moments, killed = tmp_path / "killed", random.Random(0), 0
    for _ in range(20 * times):
        worker = process(run, corpus)
        if killed < times and moments.random() < 0.9:
            worker.stdout.readline()  # it trains now; else the kill may fall into the beginning
        if killed == times:
            assert worker.wait(60) == 0
            break
        time.sleep(moments.random() * whole_s * 2 / times)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        worker.stdout.close()
        killed += worker.returncode == -signal.SIGKILL
        if (run / "run.json").exists():
            saved, problems = newest(run)
            assert problems == []
            if saved and saved.state.update == 40:  # done before its time: begin a new one
                run = run.with_name(f"{run.name}+")
    worker.stdout.close()
    assert killed == times
    assert final_files(run) == final_files(tmp_path / "straight")
    assert not list(run.glob(".minigpt-*"))


def test_killed_five_times_it_ends_with_the_same_bits(tmp_path, corpus):
    kill_and_resume(tmp_path, corpus, 5)


@pytest.mark.soak
def test_killed_a_hundred_times_it_ends_with_the_same_bits(tmp_path, corpus):
    kill_and_resume(tmp_path, corpus, 100)


def test_a_killed_run_leaves_its_directory_free(tmp_path, corpus):
    worker = process(tmp_path / "run", corpus)
    assert worker.stdout.readline() == "ready\n"
    worker.kill()
    worker.wait()
    worker.stdout.close()
    again = process(tmp_path / "run", corpus)
    assert again.stdout.readline() == "ready\n"
    again.kill()
    again.wait()
    again.stdout.close()
