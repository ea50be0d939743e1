"""`minigpt train` as a person uses it: a run from a text, its figures, and how it stops and goes on."""

from __future__ import annotations

import json
import re
import signal
import time

import pytest

SMALL = ("n_embd=16", "n_head=2", "n_inner=32", "n_positions=16", "batch=4", "prompt=the ", "validate_every=5")
TINY = [word for setting in (*SMALL, "checkpoint_every=5") for word in ("--set", setting)]


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("the cat sat on the mat and the dog ran to the cat " * 40)
    return path


def test_a_run_from_text_to_model(minigpt, text, tmp_path):
    run = tmp_path / "run"
    done = minigpt("train", "--preset", "mini", *TINY, "--data", text, "-o", run, "--steps", 10, "--json")
    assert done.code == 0, done.err
    facts = done.json
    assert facts["updates"] == facts["steps"] == 10 and facts["sample"].startswith("the ")
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["loss"] == facts["loss"] and rows[-1]["validation_loss"] == facts["validation_loss"]
    assert (run / "training.png").read_bytes().startswith(b"\x89PNG")
    assert "10 updates of" in done.err and "update 5: loss" in done.err
    made = minigpt("generate", run / "step-000010", "-p", "the ", "-n", 3, "--json")
    assert made.code == 0 and len(made.json["ids"]) == 3


def test_resume_goes_on_and_a_second_run_is_refused(minigpt, text, tmp_path):
    run = tmp_path / "run"
    assert minigpt("train", "--resume", "--preset", "mini", *TINY, "--data", text, "-o", run, "--steps", 5).code == 0
    assert "holds a run already" in minigpt("train", "--preset", "mini", *TINY, "--data", text, "-o", run).error
    done = minigpt("train", "--resume", "-o", run, "--steps", 8, "--json")
    assert done.code == 0 and done.json["updates"] == 8
    again = minigpt("train", "--resume", "-o", run, "--json")
    assert again.code == 0 and again.json["updates"] == 8  # nothing is left to do


def test_a_run_begins_with_the_weights_the_shape_and_the_tokenizer_of_a_model(minigpt, text, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    assert minigpt("train", "--preset", "mini", *TINY, "--data", text, "-o", first, "--steps", 5).code == 0
    model, other = first / "step-000005", tmp_path / "other.txt"
    other.write_text("a dog and a cat and a hat " * 60)
    done = minigpt("train", "--from", model, "--set", "batch=2", "--data", other, "-o", second, "--steps", 2)
    assert done.code == 0, done.err
    begun = second / "step-000000"
    assert (begun / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()
    assert (begun / "tokenizer.json").read_bytes() == (model / "tokenizer.json").read_bytes()
    assert minigpt("eval", second / "step-000002", "--text", other).code == 0


@pytest.mark.parametrize("setting", ["n_embd=32", "n_layer=1", "n_head=4", "activation_function=relu"])
def test_another_model_than_the_one_begun_from_is_refused(minigpt, text, tmp_path, setting):
    assert minigpt("train", "--preset", "mini", *TINY, "--data", text, "-o", tmp_path / "a", "--steps", 1).code == 0
    begin = ("train", "--from", tmp_path / "a" / "step-000001", "--data", text, "-o", tmp_path / "b")
    done = minigpt(*begin, "--set", setting)
    assert done.code == 2 and f"{setting.partition('=')[0]}: the model to begin from has" in done.error
    assert not (tmp_path / "b").exists()


def test_a_model_without_a_tokenizer_is_not_begun_from_with_another(minigpt, text, tmp_path):
    assert minigpt("train", "--preset", "mini", *TINY, "--data", text, "-o", tmp_path / "a", "--steps", 1).code == 0
    (tmp_path / "a" / "step-000001" / "tokenizer.json").unlink()
    done = minigpt("train", "--from", tmp_path / "a" / "step-000001", "--data", text, "-o", tmp_path / "b")
    assert done.code == 2 and "has no tokenizer" in done.error and not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "huge"], "preset: expected one of char"),
        (["--preset", "mini"], "no text to learn from: give --data FILE"),
        (["--data", "x.txt"], "give --preset NAME, --config FILE or --from MODEL"),
        (["--preset", "mini", "--data", "/nowhere.txt"], "nowhere.txt: no such file"),
        (["--resume"], "no such directory: begin a run without --resume"),
    ],
)
def test_refusals_leave_no_directory(minigpt, tmp_path, arguments, message):
    done = minigpt("train", *arguments, "-o", tmp_path / "run")
    assert done.code == 2 and message in done.error and not (tmp_path / "run").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_save_and_stop(process, minigpt, text, tmp_path, number, code):
    run = tmp_path / "run"
    worker = process("train", "--preset", "mini", *TINY, "--data", text, "-o", run, "--steps", 100_000)
    while not (run / "log.jsonl").exists() or not (run / "log.jsonl").read_bytes():
        assert worker.poll() is None
        time.sleep(0.02)
    worker.send_signal(number)
    _, err = worker.communicate(timeout=20)
    assert worker.returncode == code, err
    last = json.loads((run / "log.jsonl").read_text().splitlines()[-1])["step"]
    assert f"saved as step-{last:06d} after {last:,} of 100,000 updates; --resume goes on" in err.decode()
    done = minigpt("train", "--resume", "-o", run, "--steps", last + 2, "--json")
    assert done.code == 0 and done.json["updates"] == last + 2


@pytest.mark.parametrize("recompute", [0, 2])
def test_the_memory_of_a_step_is_said_before_it_starts(minigpt, text, tmp_path, recompute):
    run = tmp_path / "run"
    arguments = ["train", "--preset", "mini", *TINY, "--data", text, "-o", run, "--steps", 1]
    said = minigpt(*arguments, "--set", f"recompute={recompute}").err
    found = re.search(r"activations of a step: (recompute=\d, )?(.*) by the formula, (.*) allocated\n", said)
    assert found and (found[1] == "recompute=2, " if recompute else found[1] is None)
    assert float(found[2].split()[0]) == pytest.approx(float(found[3].split()[0]), rel=0.2)
    other = "with recompute=0 they would be" if recompute else r"with recompute=\d \(every block\) they would be"
    assert re.search(other, said) and ("are saved now" if recompute else "% less") in said


def test_minutes_end_a_run_that_can_go_on(minigpt, text, tmp_path):
    arguments = ["train", "--preset", "mini", *TINY, "--data", text, "-o", tmp_path / "run", "--steps", 50_000]
    done = minigpt(*arguments, "--minutes", 0.005, "--json")
    assert done.code == 0 and 0 < done.json["updates"] < 50_000
    assert done.json["checkpoint"].endswith(f"step-{done.json['updates']:06d}") and "stopped after" in done.err


def test_no_network_is_said_in_one_line(minigpt, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    done = minigpt("download", "text:tinyshakespeare", "-o", tmp_path / "t.txt")
    assert done.code == 3 and not (tmp_path / "t.txt").exists()
    assert done.err.splitlines()[-1] == (
        "error: tinyshakespeare.txt: cannot be fetched: Network is unreachable; is there a network?"
    )
    assert minigpt("download", "text:hamlet").code == 2
