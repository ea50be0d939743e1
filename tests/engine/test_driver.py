"""The one worker thread: commands in, the newest snapshot out, and it always answers."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from engine.driver import COMMANDS, Driver
from engine.errors import InputError
from engine.sampling import Sampler
from engine.session import Session
from engine.settings import Settings

WAIT_S = 10


@pytest.fixture
def driven(make_model):
    """Make a running driver; it is closed afterwards."""
    drivers: list[Driver] = []

    def make(name="llama", context=48, sampler=None) -> Driver:
        key = "n_positions" if name.startswith("gpt2") else "max_position_embeddings"
        driver = Driver(Session(make_model(name, **{key: context}), sampler=sampler or Sampler(0)))
        driver.start()
        drivers.append(driver)
        return driver

    yield make
    for driver in drivers:
        driver.close()
        assert not driver._thread.is_alive() and driver.failure is None


def settled(driver: Driver, version: int = 0, wait_s: float = WAIT_S):
    """The first snapshot after `version` in which the worker waits."""
    end = time.perf_counter() + wait_s
    while time.perf_counter() < end:
        snapshot = driver.latest
        if snapshot.version > version and snapshot.busy is None and driver._commands.empty():
            time.sleep(0.005)
            if driver.latest.version == snapshot.version and driver._commands.empty():
                return snapshot
        time.sleep(0.001)
    raise AssertionError("the driver did not answer")


def do(driver: Driver, command: str, **arguments):
    """Send one command and wait for what came of it."""
    version = driver.latest.version
    driver.send(command, **arguments)
    return settled(driver, version)


def test_there_is_a_snapshot_before_the_first_command(driven):
    driver = driven()
    assert driver.latest.tokens == () and driver.latest.busy is None


def test_commands_do_what_the_session_does(driven, make_model, text):
    driver = driven()
    session = Session(make_model("llama", max_position_embeddings=48), sampler=Sampler(0))
    do(driver, "prompt", ids=text(5))
    session.prompt(ids=text(5))
    steps = [
        ("generate", {"count": 4}, lambda: list(session.generate(4))),
        ("next", {}, lambda: list(session.generate(1))),
        ("take_back", {}, session.take_back),
        ("choose", {"position": 6, "id": 3}, lambda: session.choose(6, 3)),
        ("activate", {"branch": 0}, lambda: session.activate(0)),
        ("toggle", {"name": "kv_cache"}, lambda: session.change(session.settings.toggled("kv_cache"))),
        ("sampler", {"temperature": 0.7}, lambda: session.resample(temperature=0.7)),
        ("seed", {"value": 9}, lambda: session.resample(seed=9)),
        ("generate", {"count": 3}, lambda: list(session.generate(3))),
    ]
    for command, arguments, expected in steps:
        snapshot = do(driver, command, **arguments)
        expected()
        assert [token.id for token in snapshot.tokens] == session.tokens, command
        assert (snapshot.settings, snapshot.sampler, snapshot.seed) == (session.settings, session.sampler, session.seed)
        assert snapshot.notice is None
        assert snapshot.ended == (None if command == "next" else session.ended), "one step on is no end"


def test_settings_are_said_before_they_are_applied_and_known_after(driven, text):
    driver = driven()
    do(driver, "prompt", ids=text(5))
    snapshot = do(driver, "configure", optimize=False, kv_window=7)
    assert snapshot.settings == Settings(optimize=False, kv_window=7) and snapshot.notice is None
    assert snapshot.switch.changed == ("kv_window", "optimize")
    for changes in ({"nothing": 1}, {"kv_window": -1}):
        assert do(driver, "configure", **changes).notice.startswith("error: ")
    assert driver.failure is None and driver.latest.settings == snapshot.settings


def test_stopped_settings_are_not_applied(driven, text, monkeypatch):
    driver = driven("llama", context=600)
    before = do(driver, "prompt", ids=text(400))
    said = []
    change = Session.change

    def cancelled(session, settings, stop):
        said.append(driver.latest.busy)
        driver.cancel()
        change(session, settings, stop)

    monkeypatch.setattr(Session, "change", cancelled)
    after = do(driver, "configure", kv_window=4)
    assert said == ["applying Window 4"]
    assert after.settings == before.settings and after.tokens == before.tokens and "stopped" in after.notice


def test_of_waiting_settings_only_the_last_are_applied(make_model, text):
    driver = Driver(Session(make_model("gpt2")))
    driver._session.prompt(ids=text(5))
    driver.send("configure", int8="mlp")
    driver.cancel()
    driver.send("configure", int8="all")
    driver._commands.put(None)
    driver._work()
    assert driver.latest.settings == Settings(int8="all") and driver.latest.switch.number == 1


def test_the_stepped_pass_follows_the_text_until_it_is_begun(driven, text):
    driver = driven()
    snapshot = do(driver, "prompt", ids=text(5))
    assert "all 5 tokens" in snapshot.stepping.what and snapshot.stepping.cursor == 0
    assert "all 7 tokens" in do(driver, "generate", count=2).stepping.what
    assert do(driver, "step").stepping.cursor == 1
    assert "all 7 tokens" in do(driver, "generate", count=2).stepping.what
    assert "all 9 tokens" in do(driver, "restep").stepping.what


def test_stepping_commands(driven, text):
    driver = driven()
    do(driver, "prompt", ids=text(5))
    snapshot = do(driver, "run_until", address="blocks.0.attn.pattern")
    at = snapshot.stepping.cursor
    assert snapshot.stepping.rows[at - 1].address == "blocks.0.attn.pattern"
    assert do(driver, "step_back").stepping.cursor == at - 1
    assert do(driver, "step_out").stepping.depth == "part"
    assert do(driver, "step_into").stepping.depth == "line"
    snapshot = do(driver, "breakpoint", address="final.normed")
    assert [row.address for row in snapshot.stepping.rows if row.breakpoint] == ["final.normed"]
    snapshot = do(driver, "run_until")
    assert snapshot.stepping.rows[snapshot.stepping.cursor].address == "final.normed"
    assert do(driver, "run_until").stepping.done
    assert not any(row.breakpoint for row in do(driver, "breakpoint", address="final.normed").stepping.rows)
    assert do(driver, "rewind").stepping.cursor == 0
    assert "token 5 after a cache of 4" in do(driver, "pass", kind="generating").stepping.what


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("generate", {"count": 1}, "give a prompt first"),
        ("step", {}, "no pass to step"),
        ("prompt", {"ids": []}, "empty"),
        ("prompt", {"ids": [99]}, "token 99"),
        ("prompt", {"text": "words"}, "no tokenizer"),
        ("activate", {"branch": 3}, "branch 3"),
        ("sampler", {"temperature": -1.0}, "temperature"),
    ],
)
def test_an_error_is_a_notice_and_the_next_command_works(driven, text, command, arguments, message):
    driver = driven()
    snapshot = do(driver, command, **arguments)
    assert snapshot.notice.startswith("error: ") and message in snapshot.notice and snapshot.tokens == ()
    assert do(driver, "prompt", ids=text(3)).notice is None


def test_a_bug_of_ours_is_a_notice_too(driven, text, monkeypatch):
    driver = driven()
    monkeypatch.setattr(Session, "take_back", lambda self: 1 / 0)
    do(driver, "prompt", ids=text(3))
    assert "internal error in take_back: division by zero" in do(driver, "take_back").notice
    assert isinstance(driver.failure, ZeroDivisionError)
    driver.failure = None
    assert do(driver, "next").notice is None


def test_a_snapshot_that_cannot_be_made_does_not_end_the_worker(driven, text, monkeypatch):
    driver = driven()
    do(driver, "prompt", ids=text(3))
    with monkeypatch.context() as patch:
        patch.setattr(driver._maker, "make", lambda *_: 1 / 0)
        driver.send("next")
        end = time.perf_counter() + WAIT_S
        while driver.failure is None and time.perf_counter() < end:
            time.sleep(0.001)
    assert isinstance(driver.failure, ZeroDivisionError)
    driver.failure = None
    assert len(do(driver, "next").tokens) == 5


def test_an_unknown_command_is_refused_at_once(driven):
    with pytest.raises(InputError, match="no such command: explode"):
        driven().send("explode")


def test_sending_returns_at_once(driven, text):
    driver = driven(context=2000)
    driver.send("prompt", ids=text(1000))
    started = time.perf_counter()
    driver.send("next")
    assert time.perf_counter() - started < 0.05
    driver.cancel()


@pytest.mark.parametrize("delay_s", [0, 0.05, 0.2])
def test_cancelling_generation_answers_quickly_and_keeps_what_was_made(driven, text, delay_s):
    driver = driven(context=4000)
    do(driver, "prompt", ids=text(5))
    version = driver.latest.version
    driver.send("generate", count=3900)
    time.sleep(delay_s)
    driver.cancel()
    started = time.perf_counter()
    snapshot = settled(driver, version)
    assert time.perf_counter() - started < 1
    assert 5 <= len(snapshot.tokens) < 3900
    assert len(do(driver, "next").tokens) == len(snapshot.tokens) + 1  # the next command is not cancelled


def test_cancelling_a_prompt_leaves_the_text(driven, text):
    driver = driven(context=4000)
    do(driver, "prompt", ids=text(5))
    version = driver.latest.version
    driver.send("prompt", ids=text(3900))
    driver.cancel()
    snapshot = settled(driver, version)
    assert len(snapshot.tokens) == 5 and "stopped" in snapshot.notice


def test_cancelling_with_nothing_to_do_does_nothing(driven, text):
    driver = driven()
    driver.cancel()
    assert len(do(driver, "prompt", ids=text(3)).tokens) == 3


def test_progress_is_seen_while_it_works(driven, text):
    driver = driven(context=4000)
    do(driver, "prompt", ids=text(5))
    driver.send("generate", count=3000)
    seen, end = set(), time.perf_counter() + WAIT_S
    while len(seen) < 3 and time.perf_counter() < end:
        snapshot = driver.latest
        if snapshot.busy == "generating" and snapshot.progress[0]:
            assert snapshot.progress[1] == 3000 and len(snapshot.tokens) == 5 + snapshot.progress[0]
            seen.add(snapshot.progress[0])
    driver.cancel()
    assert len(seen) == 3


def test_closing_ends_the_thread_also_in_the_middle_of_work(driven, text):
    for busy in (False, True):
        driver = driven(context=4000)
        do(driver, "prompt", ids=text(5))
        if busy:
            driver.send("generate", count=3900)
            driver.send("generate", count=3900)
        started = time.perf_counter()
        driver.close()
        assert not driver._thread.is_alive() and time.perf_counter() - started < 1
        driver.close()


def test_a_driver_that_was_never_started_can_be_closed(make_model):
    Driver(Session(make_model("gpt2"))).close()


def test_what_a_screen_reads_is_whole_while_the_worker_writes(driven, text):
    """Snapshots taken by another thread all the time are consistent in themselves."""
    driver, faults, done = driven("mistral", context=400), [], threading.Event()
    do(driver, "prompt", ids=text(30))

    def look() -> None:
        while not done.is_set():
            snapshot = driver.latest
            count = len(snapshot.tokens)
            if len(snapshot.candidate_rows) != count or snapshot.attention(1, 0).shape != (count, count):
                faults.append(snapshot.version)
            if snapshot.entropy().shape != (2, 4, count) or not np.isfinite(snapshot.attention(1, 0).diagonal()).all():
                faults.append(snapshot.version)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for i in range(30):
            do(driver, "generate", count=10)
            do(driver, "choose", position=20 + i, id=i % 19)
    finally:
        done.set()
        reader.join()
    assert not faults


def test_random_commands_break_nothing(driven, tmp_path):
    rng, driver = np.random.default_rng(0), driven("qwen2-mixed")
    arguments = {
        "prompt": lambda: {"ids": rng.integers(0, 19, int(rng.integers(0, 40))).tolist()},
        "generate": lambda: {"count": int(rng.integers(0, 8))},
        "choose": lambda: {"position": int(rng.integers(0, 40)), "id": int(rng.integers(0, 20))},
        "activate": lambda: {"branch": int(rng.integers(0, 4))},
        "toggle": lambda: {"name": str(rng.choice(["kv_cache", "optimize", "kv_window"]))},
        "sampler": lambda: {"temperature": float(rng.choice([0, 0.5, 1, -1]))},
        "seed": lambda: {"value": int(rng.integers(0, 5))},
        "run_until": lambda: {"address": str(rng.choice(["blocks.0.attn.pattern", "logits", "nowhere"]))},
        "rewind": lambda: {"address": str(rng.choice(["blocks.0.attn.pattern", "logits"]))},
        "breakpoint": lambda: {"address": "blocks.1.attn.q"},
        "pass": lambda: {"kind": str(rng.choice(["plain", "generating", "training"]))},
        "save": lambda: {"path": str(tmp_path / "x.minigpt.json")},
        "trace": lambda: {"path": str(tmp_path / "x.trace.safetensors")},
        "edit": lambda: {
            "text": str(rng.choice(["blocks.0.resid_mid:zero", "blocks.1.attn.z:ablate_head:0", "x:zero"]))
        },
        "lens": lambda: {"position": int(rng.integers(0, 30))},
    }
    assert set(arguments) <= set(COMMANDS)
    do(driver, "prompt", ids=[1, 2, 3])
    for _ in range(200):
        command = str(rng.choice(sorted(COMMANDS.keys() - {"peaks"})))  # which takes its time to measure
        driver.send(command, **arguments.get(command, dict)())
        if rng.random() < 0.1:
            driver.cancel()
    snapshot = settled(driver, driver.latest.version - 1, 6 * WAIT_S)
    assert driver.failure is None
    assert [token.id for token in snapshot.tokens] == driver._session.tokens == driver._session.decoder.ids


def test_a_second_lane_is_compared_and_follows_when_it_is_asked_to(driven):
    driver = driven()
    do(driver, "prompt", ids=[1, 2, 3])
    assert driver.compared is None
    do(driver, "compare", words="kv-window=2")
    first = driver.compared
    assert first is not None and (first.name_a, first.name_b) == ("llama", "llama:kv-window=2")
    do(driver, "next")
    assert driver.compared is first
    do(driver, "follow")
    assert driver.compared is not first and len(driver.compared.a.tokens) == 4
    do(driver, "compare", words="", model="random:gpt2-2x240")
    assert driver.compared.name_b == "random:gpt2-2x240:0" and driver.compared.drift.left.misshapen
    do(driver, "uncompare")
    assert driver.compared is None


def test_a_second_lane_that_cannot_be_says_why_and_leaves_the_one_that_is(driven):
    driver = driven()
    do(driver, "prompt", ids=[1, 2, 3])
    do(driver, "compare", words="kv-window=2")
    before = driver.compared
    assert "setting 'nonsense'" in do(driver, "compare", words="nonsense").notice
    assert "no such directory" in do(driver, "compare", model="./nowhere").notice
    assert "token 999" in do(driver, "compare", ids=[999]).notice
    assert driver.compared is before
