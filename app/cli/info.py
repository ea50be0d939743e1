"""What a model is: its configuration, its bytes by part, its program in numbers, what it takes and whether it fits.

FLOPs and bytes are the operations' own prices for one new token in the program that the settings run: after an empty
text, and at the end of a full context.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from app.cli.flags import add_model, add_settings_flags, default_to, settings_from
from app.cli.memory_table import memory_table, print_memory_table
from app.cli.output import line, say, write_json

if TYPE_CHECKING:
    from engine.model import Model
    from engine.models.config import ModelConfig
    from engine.prepare import Prepared

HELP = "say what a model is: sizes, parameters, costs, memory"
EXAMPLE = "minigpt info random:gpt2-124m --json"
HIDDEN_KEYS = ("attn_scale", "ignored")  # long, or said elsewhere


def add_flags(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--json", action="store_true", help="everything, for a machine")
    add_settings_flags(parser)


def run(args: argparse.Namespace) -> int:
    facts = gather(args)
    if args.json:
        write_json(facts)
    else:
        _print(facts)
        if facts["memory_table"] is not None:
            print_memory_table(facts["memory_table"])
    for warning in facts["warnings"]:
        say(f"warning: {warning}")
    return 0


def gather(args: argparse.Namespace) -> dict[str, Any]:
    """Every fact, as plain values."""
    from engine.fits import available_bytes, is_too_large
    from engine.model import open_model

    model = open_model(args.model)
    default_to(args, model.settings)
    config = model.config
    is_large = is_too_large(config, available_bytes())
    prepared = prepared_for(args, model, is_large)
    return {
        "name": model.name,
        "line": model.line,
        "fingerprint": model.fingerprint,
        "path": str(model.path) if model.path else None,
        "dtype": model.dtype,
        "file_bytes": model.file_bytes,
        "parameters": config.parameter_count(),
        "tokenizer": _tokenizer(model.tokenizer),
        "config": {key: value for key, value in asdict(config).items() if key not in HIDDEN_KEYS},
        "ignored_keys": list(config.ignored),
        "bytes_by_part": bytes_by_part(config),
        "memory": memory(config),
        "program": program_numbers(prepared, model),
        "memory_table": None if is_large else memory_table(prepared),
        "warnings": list(model.warnings),
    }


def bytes_by_part(config: ModelConfig) -> dict[str, int]:
    """Bytes of the weights as float32, all layers together; a tied output matrix counts as embedding."""
    from math import prod

    from engine.fits import FLOAT_BYTES

    parts = dict.fromkeys(("embedding", "attention", "mlp", "norms", "unembedding"), 0)
    for address, shape in config.parameters().items():
        parts[part_of(address)] += FLOAT_BYTES * prod(shape)
    return parts


def memory(config: ModelConfig) -> dict[str, Any]:
    """What the model takes at its full context, and what this machine has."""
    from engine.fits import available_bytes, cache_bytes, weights_bytes

    weights, cache, free = weights_bytes(config), cache_bytes(config, config.context), available_bytes()
    return {
        "weights_bytes": weights,
        "cache_bytes_per_token": cache_bytes(config, 1),
        "cache_bytes_at_full_context": cache,
        "available_bytes": free,
        "fits": None if free is None else weights + cache <= free,
    }


def prepared_for(args: argparse.Namespace, model: Model, is_large: bool) -> Prepared:
    """The programs of the settings that were given. Rewrites make new weights: a model too large is taken as it is."""
    from engine.prepare import prepare
    from engine.settings import Settings

    settings = settings_from(args)
    if is_large:
        settings = Settings(kv_cache=settings.kv_cache, kv_window=settings.kv_window, optimize=False)
    return prepare(model.config, model.weights, settings)


def program_numbers(prepared: Prepared, model: Model) -> dict[str, Any]:
    """Lines, FLOPs and bytes: of the plain program, and of the one that generation runs for a token."""
    from engine.cost import infer_shapes, price, total

    settings = prepared.settings
    program, weights = prepared.step
    stored = model.config.parameters()  # asked first: a weight's own shape would load it
    shapes = {name: stored[name] if name in stored else weights[name].shape for name in program.params}
    numbers: dict[str, Any] = {
        "settings": settings.flags(),
        "plain_lines": len(model.program),
        "step_lines": len(program),
    }
    for name, seen in (("first_token", 1), ("last_token", model.config.context)):
        rows = 1 if settings.kv_cache else seen
        cost = total(price(program, infer_shapes(program, shapes | _inputs(program, rows, seen, model.config))))
        numbers[name] = {"flops": cost.flops, "bytes_read": cost.bytes_read, "bytes_written": cost.bytes_written}
    return numbers


def _inputs(program: Any, rows: int, seen: int, config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of what a program is given, weights aside, for `rows` new tokens that end a text of `seen`."""
    from engine.kv_cache import RING_SLACK
    from engine.rewrites.cache_kv import cache_slots

    known: dict[str, tuple[int, ...]] = {"tokens": (1, rows), "position_ids": (rows,)}
    for slot in cache_slots(program):
        slots = seen if slot.window is None else min(seen, slot.window + RING_SLACK)
        known[slot.key_position_ids] = (slots,)
        known[slot.name] = (1, config.kv_heads, slots, config.head_size)
        known |= {slot.scales: (1, config.kv_heads, slots)} if slot.scales else {}
    return known


def part_of(address: str) -> str:
    """The part of a model that a parameter counts to."""
    if "norm" in address:
        return "norms"
    if address.startswith("blocks."):
        return "attention" if ".attn." in address else "mlp"
    return "unembedding" if address.startswith("unembed") else "embedding"


def _tokenizer(tokenizer: Any) -> dict[str, Any] | None:
    if tokenizer is None:
        return None
    return {"tokens": tokenizer.vocabulary_size, "specials": len(tokenizer.specials), "bos": tokenizer.bos}


def _print(facts: dict[str, Any]) -> None:
    from app.cli.sizes import human

    config, kept, program = facts["config"], facts["memory"], facts["program"]
    tokens = facts["tokenizer"]
    rows = [("model", f"{facts['name']}: {facts['line']}")]
    rows += [("file", f"{human(facts['file_bytes'])}, {facts['dtype']}")] if facts["file_bytes"] else []
    rows.append(("tokenizer", f"{tokens['tokens']:,} tokens" if tokens else "none: give ids, as --ids 1,2,3"))
    rows += [(key, _plain(config[key])) for key in ("width", "heads", "kv_heads", "head_size", "hidden")]
    rows += [(key, _plain(config[key])) for key in ("vocab", "context", "activation", "tied", "windows", "eos")]
    rows += [(f"  {part}", human(size)) for part, size in facts["bytes_by_part"].items() if size]
    at = next(i for i, row in enumerate(rows) if row[0] == "  embedding")
    rows.insert(at, ("weights", f"{human(kept['weights_bytes'])} as float32, of which"))
    full = f"{human(kept['cache_bytes_per_token'])} per token, {human(kept['cache_bytes_at_full_context'])} when full"
    rows.append(("KV cache", full))
    lines = f"{program['plain_lines']} lines; as it generates ({' '.join(program['settings']) or 'default settings'})"
    rows.append(("program", f"{lines}: {program['step_lines']} lines for a token"))
    for key, words in (("first_token", "first token"), ("last_token", "last token")):
        cost = program[key]
        moved = human(cost["bytes_read"] + cost["bytes_written"])
        rows.append((words, f"{cost['flops']:,} FLOPs, {moved} read and written"))
    rows.append(("memory", _verdict(kept)))
    for key, value in rows:
        line(f"{key:<14} {value}")


def _verdict(kept: dict[str, Any]) -> str:
    from app.cli.sizes import human

    if kept["fits"] is None:
        return "how much this machine has left is unknown"
    needed = human(kept["weights_bytes"] + kept["cache_bytes_at_full_context"])
    verdict = "fits" if kept["fits"] else "does not fit"
    return f"{verdict}: {needed} with a full cache, {human(kept['available_bytes'])} are free"


def _plain(value: Any) -> str:
    """A configuration value in a few words: a tuple of equal parts is said once."""
    if isinstance(value, tuple):
        parts = list(dict.fromkeys("none" if part is None else str(part) for part in value))
        return ", ".join(parts) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
