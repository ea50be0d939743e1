"""`Model`: a configuration, its weights and its tokenizer, opened from wherever the user points.

MODEL is a directory, a .safetensors file with its config beside it, the bare name of a shipped model, or
`random:PRESET[:SEED]`, random weights in a known shape for timing and trying.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from engine.errors import InputError
from engine.models import build
from engine.models.config import ModelConfig, read_config
from engine.program import Program
from engine.rewrites.factors import FactorStore
from engine.rewritten import saved_settings
from engine.settings import Settings
from engine.text import counted
from engine.tokenizer import Tokenizer, open_tokenizer

ROOT = Path(__file__).resolve().parents[1]
PRESETS = ROOT / "assets" / "presets"
SHIPPED = ROOT / "sample_models"
PREFERRED = "tales"  # of the shipped models
INIT_STD = 0.02  # GPT-2's


@dataclass(frozen=True, eq=False)
class Model:
    """What is needed to run a model. `weights` are float32 and read-only; `tokenizer` is None if it has none."""

    name: str
    config: ModelConfig
    weights: Mapping[str, np.ndarray]
    tokenizer: Tokenizer | None
    dtype: str
    fingerprint: str
    path: Path | None = None
    file_bytes: int = 0
    warnings: tuple[str, ...] = ()
    factors: FactorStore = field(default_factory=FactorStore, init=False, repr=False)  # of its matrices, once found

    @cached_property
    def program(self) -> Program:
        """The plain program."""
        return build(self.config)

    @property
    def settings(self) -> Settings:
        """How it runs unless told otherwise: as it was saved."""
        return saved_settings(self.config)

    @property
    def home(self) -> Path | None:
        """The directory of its files; None if it was drawn."""
        return self.path if self.path is None or self.path.is_dir() else self.path.parent

    @property
    def line(self) -> str:
        """The model in one line."""
        c = self.config
        shared = f" on {c.kv_heads}" if c.kv_heads != c.heads else ""
        size = f"width {c.width}, {c.parameter_count():,} parameters"
        return f"{c.model_type}, {counted(c.layers, 'layer')} x {counted(c.heads, 'head')}{shared}, {size}"


def open_model(spec: str) -> Model:
    """Open MODEL. Raises FileError or InputError, in one line, and leaves nothing half open."""
    if spec.startswith("random:"):
        return random_model(spec)
    if not spec:
        raise InputError("the model's name is empty: give a directory, a .safetensors file or random:PRESET")
    path = Path(spec)
    if not _exists(path) and "/" not in spec and _exists(SHIPPED / spec / "config.json"):
        path = SHIPPED / spec
    if not _exists(path):
        known = ", ".join(shipped_models()) or "none yet"
        raise InputError(f"{spec}: no such directory or file, and no shipped model of that name (shipped: {known})")
    return _open_checkpoint(path)


def _exists(path: Path) -> bool:
    """Whether there is such a file; a name that no file can have is none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def shipped_models() -> tuple[str, ...]:
    """Names of the models that come with the project."""
    return tuple(sorted(p.parent.name for p in SHIPPED.glob("*/config.json")))


def default_model() -> str | None:
    """The name of the model that opens where none was named; None if none is shipped."""
    shipped = shipped_models()
    return PREFERRED if PREFERRED in shipped else next(iter(shipped), None)


def presets() -> tuple[str, ...]:
    """Names of the shapes that `random:PRESET` knows."""
    return tuple(sorted(p.stem for p in PRESETS.glob("*.json")))


def random_model(spec: str) -> Model:
    """`random:PRESET[:SEED]`: normal weights of standard deviation 0.02, gains 1, biases 0. The default seed is 0."""
    from engine.files import read_json

    _, name, seed, *rest = [*spec.split(":"), "0"]
    if name not in presets() or not seed.isdecimal() or len(rest) > 1:
        raise InputError(f"{spec}: expected random:PRESET[:SEED] with one of {', '.join(presets())}")
    config = read_config(read_json(PRESETS / f"{name}.json"), f"{name}.json")
    generator = np.random.default_rng(int(seed))
    weights = {address: _initial(address, shape, generator) for address, shape in config.parameters().items()}
    fingerprint = hashlib.sha256(f"random:{name}:{seed}:{config}".encode()).hexdigest()
    return Model(f"random:{name}:{seed}", config, weights, None, "float32", fingerprint)


def _initial(address: str, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    if address.endswith("bias"):
        array = np.zeros(shape, np.float32)
    elif len(shape) == 1:
        array = np.ones(shape, np.float32)
    else:
        array = generator.standard_normal(shape, np.float32)
        array *= np.float32(INIT_STD)
    array.flags.writeable = False
    return array


def _open_checkpoint(path: Path) -> Model:
    from engine.weights import open_checkpoint

    opened = open_checkpoint(path)
    home = path if path.is_dir() else path.parent
    tokenizer = open_tokenizer(home, opened.config.vocab)
    return Model(
        name=home.resolve().name,
        config=opened.config,
        weights=opened.weights,
        tokenizer=tokenizer,
        dtype=opened.dtype,
        fingerprint=opened.fingerprint,
        path=path,
        file_bytes=opened.file_bytes,
        warnings=opened.warnings,
    )
