"""What a training run does, as a value: a model's configuration and the options of the trainer.

A plan comes from a preset (`assets/training/*.json`), a file of the same form, and single keys; later ones win. It
stands in the run's directory, so that a resumed run goes on by the plan it began with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import FileError, InputError
from engine.files import parse_json, read_json, refused, shortened
from engine.models import config_gpt2, config_llama, config_sinusoidal
from engine.models.config import ModelConfig, read_config
from engine.models.config_common import KNOWN
from engine.models.config_keys import Key, as_object, read_keys
from engine.ops.optimizer import AdamSettings
from engine.training.data import DataOptions
from engine.training.parameters import INIT_STD
from engine.training.schedule import Schedule

PRESETS = Path(__file__).resolve().parents[2] / "assets" / "training"
LARGEST = 1 << 31


def _count(default: int, low: int = 1) -> Key:
    return Key(int, low, LARGEST, default=default)


def _part(default: float, high: float = 1.0) -> Key:
    return Key(float, 0.0, high, default=default)


def _choice(default: str, *names: str) -> Key:
    return Key(str, choices={name: name for name in (default, *names)}, default=default)


TEXT = Key(str, default=None, null=None)
KEYS = {
    "tokenizer": Key(str, default="characters"),
    "vocabulary": Key(int, 256, 1 << 20, default=4096),
    "separator": TEXT,
    "clean": TEXT,
    "examples": _choice("windows", "documents"),
    "context": Key(int, 1, LARGEST, default=None, null=None),
    "batch": _count(16),
    "accumulation": _count(1),
    "steps": _count(1000),
    "optimizer": _choice("adamw", "adam"),
    "learning_rate": _part(1e-3),
    "schedule": _choice("cosine", "constant"),
    "warmup": _count(100, 0),
    "floor": _part(1e-4),
    "beta1": _part(0.9, 0.9999),
    "beta2": _part(0.95, 0.999999),
    "eps": Key(float, 1e-12, 1.0, default=1e-8),
    "weight_decay": _part(0.1),
    "clip": _part(1.0, 1e6),
    "init_std": Key(float, 1e-6, 10.0, default=INIT_STD),
    "init_match": _part(0.0, 10.0),
    "init_copy": _part(0.0, 10.0),
    "dropout": _part(0.0, 0.9),
    "label_smoothing": _part(0.0, 0.9),
    "recompute": _count(0, 0),
    "seed": _count(0, 0),
    "threads": _count(2),
    "validate_every": _count(250),
    "validation_windows": _count(512, 0),
    "checkpoint_every": _count(500),
    "keep": _count(2),
    "measure_every": _count(10),
    "prompt": TEXT,
    "sample_tokens": _count(100, 0),
    "temperature": _part(0.8, 10.0),
}


@dataclass(frozen=True)
class Plan:
    """The model as Hugging Face's keys say it (`vocab_size` missing: the tokenizer's), and the options in words.

    tokenizer, vocabulary, separator, clean   see `data.DataOptions`
    examples                                  windows of the running text, or whole documents padded to the longest
    context                                   tokens per example; None: as many as the model can see
    batch, accumulation                       examples per gradient, and gradients summed for one update
    optimizer, beta1, beta2, eps,
    weight_decay, clip                        see `optimizer`; clip 0: none
    learning_rate, schedule, warmup, floor    see `schedule.Schedule`
    init_std                                  deviation of the first weights; narrow models want more than GPT-2's
    init_match, init_copy                     see `parameters.incline`
    dropout, label_smoothing                  shares
    recompute                                 blocks whose inside is computed again instead of kept, from the first
    validate_every, validation_windows        every so many updates, on so many windows (0: all; at the end always all)
    checkpoint_every, keep                    every so many updates; the newest that are kept, the best aside
    measure_every                             updates between two measurements of update / weight
    prompt, sample_tokens, temperature        the sample at each checkpoint; prompt None: the validation text begins it
    """

    model: Mapping[str, Any]
    tokenizer: str
    vocabulary: int
    separator: str | None
    clean: str | None
    examples: str
    context: int | None
    batch: int
    accumulation: int
    steps: int
    optimizer: str
    learning_rate: float
    schedule: str
    warmup: int
    floor: float
    beta1: float
    beta2: float
    eps: float
    weight_decay: float
    clip: float
    init_std: float
    init_match: float
    init_copy: float
    dropout: float
    label_smoothing: float
    recompute: int
    seed: int
    threads: int
    validate_every: int
    validation_windows: int
    checkpoint_every: int
    keep: int
    measure_every: int
    prompt: str | None
    sample_tokens: int
    temperature: float

    @property
    def data(self) -> DataOptions:
        return DataOptions(self.tokenizer, self.vocabulary, self.separator, self.clean)

    @property
    def adam(self) -> AdamSettings:
        return AdamSettings(
            self.beta1, self.beta2, self.eps, self.weight_decay, self.clip, decoupled=self.optimizer == "adamw"
        )

    @property
    def rates(self) -> Schedule:
        return Schedule(self.learning_rate, self.warmup, self.steps, min(self.floor, self.learning_rate), self.schedule)

    def to_json(self) -> dict[str, Any]:
        """What `read_plan` reads as this plan."""
        return {"model": dict(self.model), "training": {key: getattr(self, key) for key in KEYS}}

    def config(self, vocabulary: int, separator_id: int | None = None) -> ModelConfig:
        """The model's configuration, for a tokenizer with so many ids; a document's end is the model's end token."""
        raw = dict(self.model)
        if raw.get("vocab_size") is None:
            raw["vocab_size"] = vocabulary
        for key in ("bos_token_id", "eos_token_id"):
            raw[key] = separator_id if raw.get(key) is None else raw[key]
        config = read_config(raw, "model")
        if config.vocab < vocabulary:
            raise InputError(f"vocab_size: expected at least the tokenizer's {vocabulary:,} ids, got {config.vocab:,}")
        if self.context is not None and self.context > config.context:
            raise InputError(f"context: expected at most the model's {config.context}, got {self.context}")
        return config


def preset_names() -> tuple[str, ...]:
    """Names of the presets that come with the project."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.json")))


def load_plan(
    preset: str | None,
    file: str | Path | None = None,
    settings: Sequence[str] = (),
    source: Mapping[str, Any] | None = None,
) -> Plan:
    """A plan from a preset, a model to begin from (`as_plan`), a file of the same form, then "key=value" texts.

    Raises InputError or FileError.
    """
    raw: dict[str, Any] = {"model": {}, "training": {}}
    name = "plan"
    if preset is not None:
        if preset not in preset_names():
            raise InputError(f"preset: expected one of {', '.join(preset_names())}, got {shortened(preset)}")
        raw, name = read_json(PRESETS / f"{preset}.json"), f"{preset}.json"
    if source is not None:
        raw = merged(raw, {"training": source["training"]}, "model") | {"model": source["model"]}
    if file is not None:
        raw, name = merged(raw, read_json(file), str(file)), str(file)
    return read_plan(with_settings(raw, settings), name)


def as_plan(config: ModelConfig, tokenizer: str | Path | None) -> dict[str, Any]:
    """What a plan must say to go on with a model's weights: its shape, and its tokenizer if it has one."""
    return {"model": config.to_json(), "training": {} if tokenizer is None else {"tokenizer": str(tokenizer)}}


def check_source(plan: Plan, source: ModelConfig) -> None:
    """Raise InputError if a plan would make another model than the one whose weights it begins with."""
    wanted = source.to_json()
    for key, value in plan.model.items():
        if value is not None and value != wanted.get(key, value):
            raise InputError(
                f"{key}: the model to begin from has {wanted[key]}, got {shortened(value)}; leave it as it is"
            )


def with_settings(raw: Mapping[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """A plan's JSON with "key=value" texts on top."""
    result = dict(raw)
    for setting in settings:
        result = merged(result, _from_setting(result, setting), "--set")
    return result


def read_plan(raw: object, name: str = "plan") -> Plan:
    """The plan that a JSON value describes. Raises FileError, naming the key."""
    parts = as_object(raw, name)
    if unknown := sorted(parts.keys() - {"model", "training"}):
        raise refused(name, "expected only 'model' and 'training'", unknown[0])
    training = as_object(parts.get("training", {}), name)
    if unknown := sorted(training.keys() - KEYS.keys()):
        raise refused(name, "is no option of the trainer", unknown[0])
    model = as_object(parts.get("model"), name)
    return Plan(model=model, **read_keys(training, KEYS, name))


def merged(raw: Mapping[str, Any], other: object, name: str) -> dict[str, Any]:
    """A plan's JSON with the keys of another one on top; a model of another type takes the old one's place."""
    result, top = deepcopy(dict(raw)), as_object(other, name)
    for part, keys in top.items():
        below, above = result.get(part, {}), as_object(keys, name)
        replaces = part == "model" and above.get("model_type", below.get("model_type")) != below.get("model_type")
        result[part] = dict(above) if replaces else below | above
    return result


def _from_setting(raw: Mapping[str, Any], setting: str) -> dict[str, Any]:
    """The plan's JSON that "key=value" stands for; a value that is not JSON is a text."""
    key, equals, text = setting.partition("=")
    if not equals:
        raise InputError(f"--set: expected key=value, got {shortened(setting)}")
    value: Any = text
    if not (key in KEYS and KEYS[key].kind is str and text != "null"):
        with suppress(FileError):
            value = parse_json(text.encode("utf-8", "replace"), "--set")
    if key in KEYS:
        return {"training": {key: value}}
    model = raw.get("model", {})
    tables = {"gpt2": config_gpt2.KEYS, "sinusoidal": config_sinusoidal.KEYS, **config_llama.KEYS}
    if key in tables.get(str(model.get("model_type")), {}) or key in model or key in KNOWN:
        return {"model": {key: value}}
    kind = model.get("model_type")
    raise InputError(f"--set: {shortened(key)} is no option of the trainer and no key of a {kind} model")
