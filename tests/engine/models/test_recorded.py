"""Our numbers against those that transformers and PyTorch recorded, tensor by tensor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.decoder import Decoder
from engine.models import build
from engine.prepare import prepare
from engine.run import execute
from engine.settings import Settings
from engine.weights import open_checkpoint

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
SHARED = Path(__file__).resolve().parents[4] / "shared" / "models"
AGREE, PARTIALS_AGREE = 5e-5, 1e-5
RECORDED = [file for file in sorted((GOLDEN / "recorded").glob("*.npz")) if not file.stem.startswith("training-")]
CASES = [(file, GOLDEN / "models" / file.stem) for file in RECORDED]
CASES += [(file, SHARED / file.stem.rpartition(".")[0]) for file in sorted((SHARED / "recorded").glob("*.npz"))]
each_recording = pytest.mark.parametrize(("file", "directory"), CASES, ids=[file.stem for file, _ in CASES])
MODES = [Settings(kv_cache=cache, optimize=fast) for cache in (True, False) for fast in (True, False)]


def test_the_recordings_are_here():
    assert len([file for file, _ in CASES if file.is_relative_to(GOLDEN)]) == 15


def test_public_recordings():
    if not SHARED.is_dir():
        pytest.skip("the folder of public inputs (../shared) is not here: its recordings are not compared")
    assert len([file for file, _ in CASES if file.is_relative_to(SHARED)]) == 8


@each_recording
def test_logits_and_hidden_states_at_every_layer(file, directory):
    opened, recorded = open_checkpoint(directory), np.load(file)
    program, ids, layers = build(opened.config), recorded["ids"], opened.config.layers
    places = ["blocks.0.resid_pre", *(f"blocks.{i}.resid_post" for i in range(layers - 1)), "final.normed"]
    values = execute(program, opened.weights, {"tokens": ids[None], "position_ids": np.arange(len(ids))}, places)
    assert np.abs(values["logits"][0] - recorded["logits"]).max() < AGREE
    for address, expected in zip(places, recorded["hidden"], strict=True):
        assert np.abs(values[address][0] - expected).max() < AGREE, address


@each_recording
@pytest.mark.parametrize("settings", MODES, ids=lambda s: f"cache={s.kv_cache}-optimize={s.optimize}")
def test_logits_as_generation_computes_them(file, directory, settings):
    opened, recorded = open_checkpoint(directory), np.load(file)
    decoder = Decoder(prepare(opened.config, opened.weights, settings))
    logits = np.concatenate([fed.logits for fed in decoder.feed(recorded["ids"].tolist())])
    assert np.abs(logits - recorded["logits"]).max() < AGREE


@each_recording
def test_the_greedy_continuation_is_identical(file, directory):
    opened, recorded = open_checkpoint(directory), np.load(file)
    ids, greedy = recorded["ids"].tolist(), recorded["greedy"].tolist()
    greedy = greedy[len(ids) :] if greedy[: len(ids)] == ids else greedy
    decoder, made = Decoder(prepare(opened.config, opened.weights, Settings())), []
    *_, fed = decoder.feed(ids, last_only=True)
    while len(made) < len(greedy):
        made.append(int(fed.logits[-1].argmax()))
        if len(made) < len(greedy):
            (fed,) = decoder.feed(made[-1:])
    assert made == greedy


def test_every_intermediate_value_of_gpt_nano(shared):
    recorded = np.load(shared / "models" / "gpt-nano-sort" / "partials.npz")
    opened = open_checkpoint(shared / "models" / "gpt-nano-sort")
    ids = recorded["idx"].astype(np.int64)
    addresses = {
        "tok_emb": "embed", "pos_emb": "positions", "x": "blocks.0.resid_pre", "ln1": "blocks.0.attn.normed",
        "q": "blocks.0.attn.q", "k": "blocks.0.attn.k", "v": "blocks.0.attn.v", "att": "blocks.0.attn.masked",
        "attSm": "blocks.0.attn.pattern", "y": "blocks.0.attn.merged", "yProj": "blocks.0.attn.out",
        "attnResid": "blocks.0.resid_mid", "ln2": "blocks.0.mlp.normed", "fc": "blocks.0.mlp.pre",
        "gelu": "blocks.0.mlp.post", "mlp": "blocks.0.mlp.out", "mlpResid": "blocks.0.resid_post",
        "block0": "blocks.0.resid_post", "block1": "blocks.1.resid_post", "block2": "blocks.2.resid_post",
        "ln_f": "final.normed", "lm_head": "logits",
    }  # fmt: skip
    inputs = {"tokens": ids, "position_ids": np.arange(ids.shape[1])}
    values = execute(build(opened.config), opened.weights, inputs, set(addresses.values()) | {"blocks.0.attn.z"})
    rows = [values[f"blocks.0.attn.{name}"].swapaxes(1, 2).reshape(*ids.shape, -1) for name in "qkv"]
    ours = {key: values[address] for key, address in addresses.items()}
    ours["qkv"] = np.concatenate(rows, -1)
    z = values["blocks.0.attn.z"]
    assert np.array_equal(z.swapaxes(1, 2).reshape(*ids.shape, -1), ours["y"])
    exp = np.exp(values["logits"].astype(np.float64))
    ours["probs"] = exp / exp.sum(-1, keepdims=True)
    assert set(ours) == set(recorded.files) - {"idx"}
    for key, value in ours.items():
        expected = recorded[key][0] if key == "pos_emb" else recorded[key]
        assert value.shape == expected.shape, key
        finite = np.isfinite(expected)
        assert np.array_equal(np.isfinite(value), finite), key
        assert np.abs(value[finite] - expected[finite]).max() < PARTIALS_AGREE, key
