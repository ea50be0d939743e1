"""The command line, called in this process, and a tiny model that reads bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.cli.main import main
from engine.models.config import read_config
from engine.tokenizer.bytes import ByteTokenizer
from engine.weights import save_checkpoint

ROOT = Path(__file__).resolve().parents[3]
BEGINNING = ord("!")
SIZES = {"model_type": "llama", "vocab_size": 256, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line of a refusal."""
        lines = self.err.splitlines()
        assert len(lines) == 1 and lines[0].startswith("error: ") and len(lines[0]) <= 400, self.err
        return lines[0]


@pytest.fixture
def minigpt(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run a command in this process."""

    def run(*arguments: object) -> Result:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def process() -> Callable[..., subprocess.Popen[bytes]]:
    """Start a command in a process of its own; further keywords go to Popen."""

    def start(*arguments: object, before: Sequence[str] = (), **how: Any) -> subprocess.Popen[bytes]:
        words = [*before, sys.executable, "-m", "app.cli.main", *map(str, arguments)]
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": dict(os.environ)} | how
        before_us = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a child ignores what we ignore, as under nohup
        try:
            return subprocess.Popen(words, cwd=ROOT, **how)
        finally:
            signal.signal(signal.SIGHUP, before_us)

    return start


@pytest.fixture(scope="session")
def make_reader(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a model directory whose tokens are bytes; `beginning` gives prompts a first token."""

    def make(beginning: bool = False, **changes: object) -> Path:
        directory = tmp_path_factory.mktemp("reader")
        config, rng = read_config(SIZES | changes), np.random.default_rng(0)
        shapes = config.parameters().items()
        save_checkpoint(
            directory, config, {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes}
        )
        ByteTokenizer().save(directory / "tokenizer.json")
        if beginning:
            (directory / "tokenizer_config.json").write_text('{"add_bos_token": true, "bos_token": "!"}')
        return directory

    return make


@pytest.fixture(scope="session")
def reader(make_reader: Callable[..., Path]) -> Path:
    return make_reader()


@pytest.fixture(scope="session")
def endless(make_reader: Callable[..., Path]) -> Path:
    """A model whose context is so long that generating goes on until it is stopped."""
    return make_reader(max_position_embeddings=100_000)
