"""The models that can be opened from here, each with a plain answer: does it fit into the memory that is free?

Only configurations are read, and the sizes of files; no weight is loaded before a person decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.cli.sizes import human
from engine.errors import MiniGPTError
from engine.fits import cache_bytes, config_of, weights_bytes
from engine.model import SHIPPED, presets, shipped_models
from engine.saved import TRACE_ENDING
from engine.text import counted, visible
from engine.training.download import TEXTS

SHIPPED_GROUP, RECENT, RANDOM, HERE, TEXT = "shipped", "recent", "random", "here", "text"
MOST_ENTRIES = 200  # of a directory, that are listed


@dataclass(frozen=True)
class Choice:
    """One row of the list. `spec` is what opens it.

    fits    whether its weights as float32 are less than the memory that is free; None where that has no answer
    why     the answer in words: what is needed and free, or why it is no model
    """

    group: str
    spec: str
    fits: bool | None = None
    why: str = ""
    parameters: int | None = None
    shape: str = ""

    @property
    def is_directory(self) -> bool:
        """Whether it is only on the way to a model."""
        return self.group == HERE and self.fits is None


def weighed(group: str, spec: str, free: int | None) -> Choice:
    """What there is to say of MODEL before it is loaded; `free` bytes of memory can be taken."""
    try:
        config = config_of(spec)
    except MiniGPTError as error:
        return Choice(group, spec, False, str(error))
    except OSError as error:
        return Choice(group, spec, False, error.strerror or "cannot be read")
    if config is None:
        return Choice(group, spec, False, _lack(spec))
    weights, full = weights_bytes(config), weights_bytes(config) + cache_bytes(config, config.context)
    sizes = f"{counted(config.layers, 'layer')} x {counted(config.heads, 'head')}"
    shape = f"{config.model_type}, {sizes}, width {config.width}"
    if free is None:
        fits, why = None, f"needs {human(weights)}; how much is free is unknown"
    elif weights > free:
        fits, why = False, f"needs {human(weights)} for its weights, {human(free)} are free"
    elif full > free:
        fits, why = True, f"needs {human(weights)}, with a full cache {human(full)}; {human(free)} are free"
    else:
        fits, why = True, f"needs {human(weights)}, {human(full)} with a full cache; {human(free)} are free"
    return Choice(group, spec, fits, why, config.parameter_count(), shape)


def usual(recent: Sequence[str]) -> list[tuple[str, str]]:
    """(group, MODEL) of what is offered before anything is typed."""
    known = [(SHIPPED_GROUP, name) for name in shipped_models()]
    others = [(RECENT, spec) for spec in recent if spec not in {name for _, name in known}]
    shapes = [(RANDOM, f"random:{name}") for name in presets()]
    return [*known, *others, *shapes, *((TEXT, f"text:{name}") for name in TEXTS)]


def verdict(choice: Choice) -> str:
    """The answer in a word or two."""
    if choice.group == TEXT:
        return "a text"
    if choice.is_directory:
        return ""
    if choice.fits is None:
        return "unknown"
    if choice.fits:
        return "fits"
    return "does not fit" if visible(choice.why).startswith("needs") else "no model"


def is_path(typed: str) -> bool:
    """Whether what is typed means a place on the disk."""
    return "/" in typed or typed.startswith(("~", "."))


def completions(typed: str) -> list[Path]:
    """The directories and .safetensors files that a typed path may become, itself first if it is one."""
    path, found = Path(typed).expanduser(), []
    parent, start = (path, "") if typed.endswith("/") or typed in ("~", ".", "..") else (path.parent, path.name)
    with suppress(OSError, ValueError):
        names = sorted(parent.iterdir(), key=lambda p: p.name)
        found = [p for p in names if p.name.startswith(start) and (start.startswith(".") or not p.name.startswith("."))]
        found = [p for p in found if p.is_dir() or p.suffix == ".safetensors"]
    own = [parent] if not start and is_model(parent) else []
    return [*own, *found[:MOST_ENTRIES]]


def is_model(path: Path) -> bool:
    """Whether a place is meant to be a model."""
    with suppress(OSError, ValueError):
        return (path / "config.json").is_file() if path.is_dir() else path.suffix == ".safetensors"
    return False


def on_disk(path: Path, free: int | None) -> Choice:
    """A place on the disk: a model with its answer, a recorded pass, or a directory on the way to one."""
    if path.name.endswith(TRACE_ENDING):
        return Choice(HERE, str(path), True, "a recorded pass: it is looked at without its model")
    return weighed(HERE, str(path), free) if is_model(path) else Choice(HERE, f"{path}/")


def common_start(specs: Sequence[str]) -> str:
    """What all of some names begin with."""
    if not specs:
        return ""
    low, high = min(specs), max(specs)
    size = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return low[:size]


def _lack(spec: str) -> str:
    """Why there is nothing to weigh."""
    path = SHIPPED / spec if "/" not in spec and not Path(spec).exists() else Path(spec)
    home = path if path.is_dir() else path.parent
    if not path.exists():
        return "it is not there any more" if "/" in spec else "no such model"
    if not (home / "config.json").is_file():
        return "no config.json is there"
    if not list(home.glob("*.safetensors")):
        return "no .safetensors file is there; other kinds of weights are not read"
    return "its .safetensors files are smaller than config.json says: damaged, or not whole"
