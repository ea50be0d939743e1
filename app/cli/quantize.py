"""Write a model with fewer bytes: INT8 matrices, low-rank MLPs, tied embeddings. It opens again as any model does.

The numbers are those of the settings of the same names: logits of the written model are the same, bit for bit. Without
a flag it is --int8 all. Errors are relative (Frobenius). With --text, the perplexity before and after is measured.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.flags import add_model, add_settings_flags, settings_from
from app.cli.output import Progress, line, say, write_json
from engine.errors import InputError
from engine.settings import SAVED

if TYPE_CHECKING:
    import numpy as np

    from engine.model import Model
    from engine.models.config import ModelConfig
    from engine.rewritten import Picked
    from engine.settings import Settings

HELP = "write a model as INT8, with low rank or tied"
EXAMPLE = "minigpt quantize random:gpt2-2x240 -o ./small --int8 all --rank 32"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "generation_config.json", "vocab.bpe", "encoder.json",
                   "merges.txt", "vocab.json")  # fmt: skip
LARGEST_FILE = 64 << 20
ITEM_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="the directory to write")
    parser.add_argument("--text", metavar="FILE", help="measure the perplexity of this text before and after")
    parser.add_argument("--json", action="store_true", help="the figures for a machine")
    add_settings_flags(parser, SAVED)


def run(args: argparse.Namespace) -> int:
    from engine.fits import require_memory
    from engine.model import open_model
    from engine.rewritten import errors, rewritten

    if not any(getattr(args, name) for name in ("int8", "int8_embedding", "low_rank_mlp", "tie_embeddings")):
        args.int8 = "all"
    settings = settings_from(args)
    require_memory(args.model)
    model = open_model(args.model)
    _check_output(Path(args.output), model)
    text = _text(args.text) if args.text else None
    config, weights = rewritten(model.config, model.weights, settings, model.factors)
    dtype = _kept_dtype(model, weights)
    facts: dict[str, Any] = {
        "model": model.name,
        "settings": settings.flags(),
        "output": args.output,
        "bytes": _bytes(model, weights, dtype),
        "errors": errors(model.config, model.weights, settings, model.factors),
    }
    _write(Path(args.output), model, config, weights, dtype)
    if text is not None:
        facts["perplexity"] = {
            "before": _perplexity(model, text, model.settings),
            "after": _perplexity(open_model(args.output), text, settings),
        }
    write_json(facts) if args.json else _print(facts)
    return 0


def _check_output(target: Path, model: Model) -> None:
    home = None if model.path is None else model.path if model.path.is_dir() else model.path.parent
    if home is not None and target.exists() and target.resolve() == home.resolve():
        raise InputError(f"--output {target.name}: that is the model itself; choose another directory")
    if model.config.rewritten is not None:
        raise InputError(f"{model.name}: is rewritten already; begin with the plain model, or more than asked is lost")


def _write(target: Path, model: Model, config: ModelConfig, weights: Mapping[str, np.ndarray], dtype: str) -> None:
    """The weights, and the tokenizer's files as they are."""
    from engine.files import atomic_file, open_regular
    from engine.weights import save_checkpoint

    files = save_checkpoint(target, config, weights, dtype)
    home = None if model.path is None else model.path if model.path.is_dir() else model.path.parent
    for name in TOKENIZER_FILES if home else ():
        assert home is not None
        if (home / name).is_file() and (home / name).stat().st_size <= LARGEST_FILE:
            with open_regular(home / name) as old, atomic_file(target / name) as new:
                new.write(old.read())
    say(f"wrote {target}: {sum(path.stat().st_size for path in files):,} bytes")


def _kept_dtype(model: Model, weights: Mapping[str, np.ndarray]) -> str:
    """What is not rewritten stays in the file's own type, unless that would lose something; then it is float32."""
    import numpy as np

    from engine.weights.safetensors import bfloat16

    if model.dtype == "float32":
        return "float32"
    half = bfloat16() if model.dtype == "bfloat16" else np.dtype(np.float16)
    plain = (weights[name] for name in weights if "@" not in name)
    is_exact = all(np.array_equal(array, array.astype(half).astype(np.float32), equal_nan=True) for array in plain)
    return model.dtype if is_exact else "float32"


def _bytes(model: Model, weights: Picked, dtype: str) -> dict[str, dict[str, int]]:
    """Bytes by part: as float32, as the file has them, and after."""
    from app.cli.info import part_of

    found: dict[str, dict[str, int]] = {}
    for address, shape in model.config.parameters().items():
        row = found.setdefault(part_of(address), {"float32": 0, "file": 0, "after": 0})
        row["float32"] += 4 * math.prod(shape)
        row["file"] += ITEM_BYTES[model.dtype] * math.prod(shape)
    for name in weights:
        size = 1 if name.endswith("@int8") else 4 if "@" in name else ITEM_BYTES[dtype]
        found[part_of(name)]["after"] += size * math.prod(weights.shape(name))
    return {part: row for part, row in found.items() if row["float32"]}


def _text(path: str) -> str:
    from engine.analysis.evaluate import read_text

    return read_text(path)


def _perplexity(model: Model, text: str, settings: Settings) -> float:
    from engine.analysis.evaluate import evaluate

    progress, done = Progress("tokens"), None
    for done in evaluate(model, text, settings):
        progress.show(done.tokens, done.total)
    progress.clear()
    assert done is not None
    return done.perplexity


def _print(facts: Mapping[str, Any]) -> None:
    from app.cli.sizes import human

    line(f"{'part':<12}  {'float32':>10}  {'file':>10}  {'after':>10}  of float32")
    rows = facts["bytes"]
    total = {key: sum(row[key] for row in rows.values()) for key in ("float32", "file", "after")}
    for part, row in [*rows.items(), ("total", total)]:
        sizes = "  ".join(f"{human(row[key]):>10}" for key in ("float32", "file", "after"))
        line(f"{part:<12}  {sizes}  {row['after'] / row['float32']:.1%}")
    line("")
    width = max((len(name) for name in facts["errors"]), default=0)
    for name, error in facts["errors"].items():
        line(f"{name:<{width}}  error {error:.3%}")
    if "perplexity" in facts:
        line(f"perplexity  {facts['perplexity']['before']:.4f} before, {facts['perplexity']['after']:.4f} after")
