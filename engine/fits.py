"""How much memory a model takes, and how much this machine has left. Asked before anything is loaded."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from engine.errors import SurroundingsError
from engine.model import PRESETS, SHIPPED
from engine.models.config import ModelConfig, read_config

FLOAT_BYTES = 4
MEMINFO = Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int | None:
    """Memory that can still be taken: what the system has free, or what this process's group may use. None: unknown."""
    limits = [_of_system(), _of_group()]
    return min((limit for limit in limits if limit is not None), default=None)


def config_of(spec: str) -> ModelConfig | None:
    """The configuration of MODEL, without its weights; None if there is none, or the files are too small for it.

    Then there is nothing to weigh, and opening the model says what is wrong.
    """
    from engine.files import read_json
    from engine.weights import read_model_config

    if spec.startswith("random:"):
        preset = PRESETS / f"{spec.split(':')[1]}.json"
        return read_config(read_json(preset), preset.name) if preset in PRESETS.glob("*.json") else None
    with suppress(OSError):
        path = SHIPPED / spec if "/" not in spec and not Path(spec).exists() else Path(spec)
        home = path if path.is_dir() else path.parent
        stored = sum(file.stat().st_size for file in home.glob("*.safetensors"))
        if stored and (home / "config.json").is_file():
            config = read_model_config(home)
            return config if stored >= config.parameter_count() else None  # a parameter has a byte at least
    return None


def weights_bytes(config: ModelConfig) -> int:
    """The weights as the engine holds them: float32."""
    return FLOAT_BYTES * config.parameter_count()


def is_too_large(config: ModelConfig, free: int | None) -> bool:
    """Whether the weights alone are more than the memory that is free."""
    return free is not None and weights_bytes(config) > free


def cache_bytes(config: ModelConfig, tokens: int) -> int:
    """Keys and values of so many tokens. A layer with a window keeps no more than that."""
    seen = sum(min(tokens, window or tokens) for window in config.windows)
    return 2 * FLOAT_BYTES * config.kv_heads * config.head_size * seen


def gigabytes(size: int) -> str:
    """`15.2 GB`."""
    return f"{size / 1e9:,.1f} GB"


def require_memory(spec: str) -> None:
    """Raise SurroundingsError if the weights of MODEL alone are larger than the memory that is free."""
    from engine.files import shortened

    config, free = config_of(spec), available_bytes()
    if config is not None and free is not None and is_too_large(config, free):
        raise SurroundingsError(
            f"{shortened(spec)}: needs {gigabytes(weights_bytes(config))} of memory for its weights as float32, "
            f"but {gigabytes(free)} are free; close other programs or take a smaller model"
        )


def _of_system() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for row in MEMINFO.read_text().splitlines():
            if row.startswith("MemAvailable:"):
                return int(row.split()[1]) * 1024
    return None


def _of_group() -> int | None:
    """What a container may still take, without the file pages that the system would give up."""
    with suppress(OSError, ValueError):
        limit = int((GROUP / "memory.max").read_text())
        used = int((GROUP / "memory.current").read_text())
        rows = dict(row.split() for row in (GROUP / "memory.stat").read_text().splitlines())
        return max(0, limit - used + int(rows.get("inactive_file", 0)) + int(rows.get("active_file", 0)))
    return None
