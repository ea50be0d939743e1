"""A driver at the other end of a socket shows the same numbers, obeys, and survives whatever the other end does."""

from __future__ import annotations

import json
import socket
import struct
import time
from dataclasses import fields, is_dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from engine.driver import Driver
from engine.errors import InputError
from engine.link.classes import travelling
from engine.link.codec import Decoder, Encoder
from engine.link.frames import MAGIC, PREFIX, LinkClosed, receive_frame, send_frame
from engine.link.remote import Remote
from engine.link.server import SHARE, LinkServer
from engine.model import open_model
from engine.program import Cost
from engine.session import Session
from engine.snapshot import Snapshot, TokenView
from engine.training.snapshot import TrainingSnapshot
from engine.views import SnapshotMaker

WAIT_S = 20.0


def until(happened):
    """Wait for something to become true."""
    limit = time.monotonic() + WAIT_S
    while not (found := happened()):
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.01)
    return found


def same(a, b):
    """Whether two values are equal, arrays number by number."""
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if is_dataclass(a) and not isinstance(a, type):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(same, a, b))
    if hasattr(a, "items"):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return a == b or repr(a) == repr(b) == "nan"


def passed_on(encoder, decoder, value):
    """The value after a journey through JSON."""
    said, arrays = encoder.encode(value)
    text = json.dumps(said)
    return decoder.decode(json.loads(text), arrays), len(text) + sum(array.nbytes for array in arrays)


@pytest.fixture(scope="module")
def model():
    return open_model("shakespeare")


@pytest.fixture
def linked(model):
    driver = Driver(Session(model))
    driver.start()
    here, there = socket.socketpair()
    server, remote = LinkServer(here, lambda: {"session": driver}), Remote(there)
    server.start()
    remote.start()
    yield driver, server, remote
    remote.close()
    server.close()
    driver.close()


def test_snapshots_travel_whole_and_then_only_what_is_new(model):
    session = Session(model)
    maker, encoder, decoder = SnapshotMaker(session), Encoder(travelling()), Decoder(travelling())
    session.prompt("ROMEO: what light")
    sizes = []
    for _ in range(12):
        snapshot = maker.make()
        found, size = passed_on(encoder, decoder, snapshot)
        assert same(found, snapshot)
        sizes.append(size)
        session.next_token()
    assert min(sizes[1:]) < sizes[0] / 2


def test_named_tuples_come_as_what_they_were():
    cost = Cost(3, 4, 5)
    found, _ = passed_on(Encoder(travelling()), Decoder(travelling()), (cost, cost))
    assert found == (cost, cost) and found[0].bytes_read == 4 and isinstance(found[1], Cost)


def test_training_snapshots_travel_too():
    snapshot = TrainingSnapshot(version=3, state="running", progress=(1, 2), losses=np.arange(6.0).reshape(3, 2))
    assert same(passed_on(Encoder(travelling()), Decoder(travelling()), snapshot)[0], snapshot)


def test_what_was_forgotten_is_sent_again():
    encoder, decoder = Encoder(travelling()), Decoder(travelling())
    token, array = TokenView(5, "a", -1.0, 2, 0.5, True), np.arange(4)
    for value in ((token, array), (), (token, array), ((token, array), token)):
        assert same(passed_on(encoder, decoder, value)[0], value)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"tree": ["c", "Path", "x"], "new": [], "gone": []},
        {"tree": ["c", "TokenView", 1], "new": [], "gone": []},
        {"tree": ["k", 7], "new": [], "gone": []},
        {"tree": ["z"], "new": [], "gone": []},
        {"tree": None, "new": [1], "gone": []},
    ],
)
def test_what_is_no_encoded_value_is_refused(said):
    with pytest.raises(InputError):
        Decoder(travelling()).decode(said, [])


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        PREFIX.pack(MAGIC, 1 << 31, 0),
        PREFIX.pack(MAGIC, 10, 1 << 50),
        PREFIX.pack(MAGIC, 4, 0) + b"nope",
        PREFIX.pack(MAGIC, 2, 0) + b"[]",
        PREFIX.pack(MAGIC, 39, 8) + b'{"say":1,"arrays":[["f4",[99999999999]]]}'[:39],
        PREFIX.pack(MAGIC, 35, 8) + b'{"say":1,"arrays":[["O",[1]]]}     ',
    ],
)
def test_a_frame_is_checked_like_a_file(data):
    here, there = socket.socketpair()
    here.sendall(data)
    here.close()
    with pytest.raises(InputError):
        receive_frame(there)
    there.close()


def test_frames_bring_arrays_of_every_kind_read_only():
    here, there = socket.socketpair()
    sent: list[np.ndarray] = [
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
        np.zeros((0, 4)),
        np.array(True),
        np.arange(3),
    ]
    send_frame(here, {"a": [1, None]}, sent)
    said, arrays = receive_frame(there)
    assert said == {"a": [1, None]} and all(np.array_equal(a, b) for a, b in zip(arrays, sent, strict=True))
    assert [a.dtype for a in arrays] == [a.dtype for a in sent] and not any(a.flags.writeable for a in arrays)
    here.close()
    with pytest.raises(LinkClosed):
        receive_frame(there)
    there.close()


def test_the_other_end_sees_the_same_and_is_obeyed(linked):
    driver, _, remote = linked
    remote.session.send("prompt", text="ROMEO:")
    remote.session.send("generate", count=5)
    remote.session.send("run_until", address="blocks.0.attn.pattern")
    until(lambda: remote.session.latest and len(remote.session.latest.tokens) == 11 and not remote.session.latest.busy)
    until(lambda: "blocks.0.attn.pattern" in remote.session.latest.stepping.values)
    here, far = driver.latest, remote.session.latest
    assert isinstance(far, Snapshot) and [t.id for t in far.tokens] == [t.id for t in here.tokens]
    assert np.array_equal(far.attention(1, 2), here.attention(1, 2), equal_nan=True)
    assert here.stepping is not None and far.stepping is not None
    for address, value in here.stepping.values.items():
        assert np.array_equal(far.stepping.values[address], value), address


def test_a_value_that_is_gone_is_missing_and_a_new_one_is_fetched(linked):
    driver, _, remote = linked
    remote.session.send("prompt", text="ROMEO:")
    remote.session.send("run_until", address="blocks.0.resid_pre")
    far = until(lambda: (s := remote.session.latest) and s.stepping and "blocks.0.resid_pre" in s.stepping.values and s)
    remote.session.send("rewind")
    until(lambda: "blocks.0.resid_pre" not in remote.session.latest.stepping.values)
    with pytest.raises(KeyError):
        far.stepping.values["blocks.0.resid_pre"]
    remote.session.send("prompt", text="JULIET: come")
    remote.session.send("run_until", address="blocks.0.resid_pre")
    until(lambda: "blocks.0.resid_pre" in remote.session.latest.stepping.values)
    value = remote.session.latest.stepping.values["blocks.0.resid_pre"]
    assert np.array_equal(value, driver.latest.stepping.values["blocks.0.resid_pre"])


def test_the_speed_of_generation_counts_at_once_and_is_seen(linked):
    driver, _, remote = linked
    remote.session.send("prompt", text="ROMEO:")
    remote.session.pace(0.5)
    until(lambda: remote.session.latest and remote.session.latest.speed_limit == 0.5)
    remote.session.send("generate", count=40)
    until(lambda: driver.latest.busy and len(driver.latest.tokens) == 7)
    remote.session.pace(None)  # forty tokens would have taken eighty seconds
    until(lambda: len(driver.latest.tokens) == 46 and remote.session.latest.speed_limit is None)
    remote.session.pace(3.0)  # which is none of the speeds
    remote.session.send("look")
    until(lambda: remote.session.latest.version == driver.latest.version)
    assert driver.speed_limit is None


def test_snapshots_of_work_go_as_often_as_their_cost_allows_and_the_last_at_once(model, monkeypatch):
    at = {"now": 100.0, "used": 0.0}
    monkeypatch.setattr("engine.pace.monotonic", lambda: at["now"])
    monkeypatch.setattr("engine.pace.thread_time", lambda: at["used"])
    maker, source, sent = SnapshotMaker(Session(model)), SimpleNamespace(latest=None), []
    server = LinkServer(None, lambda: {"session": source})

    def say(said, arrays):
        sent.append(said)
        at["used"] += 0.003

    server._say = say

    def tell(busy):
        source.latest = maker.make(busy)
        server._tell_one()
        return len(sent)

    assert tell("generating") == 1
    at["now"] += 0.9 * 0.003 / SHARE
    assert tell("generating") == 1
    at["now"] += 0.2 * 0.003 / SHARE
    assert tell("generating") == 2
    assert tell("generating") == 2
    assert tell(None) == 3  # the work is over


def test_a_command_that_makes_no_sense_is_said_and_harms_nothing(linked):
    driver, _, remote = linked
    remote.session.send("format_disk")
    assert "no such command" in until(lambda: remote.error)
    remote.say({"do": "send", "of": "session"})
    remote.session.send("prompt", text="ROMEO:")
    until(lambda: len(driver.latest.tokens) == 6)


def test_closing_either_end_is_seen_by_the_other_and_leaves_the_driver(linked):
    driver, server, remote = linked
    remote.close()
    assert server.closed.wait(WAIT_S)
    driver.send("prompt", text="ROMEO:")
    until(lambda: len(driver.latest.tokens) == 6)


def test_rubbish_on_the_link_ends_the_link_alone(linked):
    driver, server, remote = linked
    remote._link.sendall(struct.pack("<Q", 7) * 40)
    assert server.closed.wait(WAIT_S)
    driver.send("prompt", text="ROMEO:")
    until(lambda: len(driver.latest.tokens) == 6)
