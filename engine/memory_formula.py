"""What memory should be, worked out from the configuration and the settings alone: no program and no array is asked.

It stands beside the measurement. Where the two differ, either the formula or the program has something to explain.

    weights      numbers of each matrix x bytes of its type; in INT8 one byte, and a float32 scale per output
    cache        2 G d slots x 4 bytes per layer, slots growing in steps of 256 or window + 64
    activations  the largest sum of values that must exist at once, in each part of a block
"""

from __future__ import annotations

from engine.memory import LayerMemory, summed
from engine.models.config import ModelConfig
from engine.settings import Settings

FLOAT = 4
GROWTH, SLACK = 256, 64  # slots of a cache without a window, and of a ring beyond it
LARGEST_TABLE = 16 << 20  # bytes; longer tables of position codes are not made

Part = tuple[str, str]


def expected_parts(config: ModelConfig, settings: Settings, tokens: int, plain_pass: bool) -> tuple[LayerMemory, ...]:
    """Every row of the report as it should be.

    plain_pass  whether the activations are those of the plain program over all tokens, or of what generation runs
    """
    weights, peaks = expected_weights(config, settings), expected_peaks(config, settings, tokens, plain_pass)
    rows = []
    for (place, part), size in weights.items():
        allocated, used = 0, 0
        if part == "attention" and settings.kv_cache:
            allocated, used = expected_cache(config, settings, int(place.split(".")[1]), tokens)
        rows.append(LayerMemory(place, size, allocated, used, peaks[place, part], 0, 0, part))
    return tuple(rows)


def plain_memory(config: ModelConfig, tokens: int) -> LayerMemory:
    """The yardstick: the plain program in float32 with a float32 cache, at the same text."""
    return summed("float32", expected_parts(config, Settings(optimize=False), tokens, False))


def expected_weights(config: ModelConfig, settings: Settings) -> dict[Part, int]:
    """Bytes of the weights by row. Optimizing folds gains away, makes position tables, and unties the output matrix."""
    lowered, sizes = settings.optimize, dict[Part, int]()
    width, biased = config.width, config.norm_bias and lowered
    queries, keys = config.heads * config.head_size, config.kv_heads * config.head_size
    gain = 0 if lowered else width * (2 if config.norm_bias else 1)
    tables = _position_numbers(config, lowered)
    sizes["embed", "embed"] = FLOAT * (config.vocab * width + tables)
    gates = _gates(config)
    for i in range(config.layers):
        attention = width * (queries + 2 * keys) + queries * width
        attention += (config.qkv_bias or biased) * (queries + 2 * keys) + config.out_bias * width
        mlp = gates * width * config.hidden + config.hidden * width
        mlp += (config.mlp_bias or biased) * gates * config.hidden + config.mlp_bias * width
        sizes[f"blocks.{i}", "norms"] = FLOAT * 2 * gain
        sizes[f"blocks.{i}", "attention"] = FLOAT * attention
        sizes[f"blocks.{i}", "mlp"] = FLOAT * mlp
    sizes["unembed", "norms"] = FLOAT * gain
    own = not config.tied or lowered
    sizes["unembed", "unembed"] = FLOAT * (own * config.vocab * width + biased * config.vocab)
    return sizes


def expected_cache(config: ModelConfig, settings: Settings, layer: int, tokens: int) -> tuple[int, int]:
    """Bytes of one layer's keys and values: of all slots, and of those in use."""
    window = _window(config, settings, layer)
    grown = min(-(-max(tokens, 1) // GROWTH) * GROWTH, config.context)
    slots = grown if window is None else window + SLACK
    row = 2 * config.kv_heads * config.head_size * FLOAT
    return slots * row, min(tokens, slots) * row


def expected_peaks(config: ModelConfig, settings: Settings, tokens: int, plain_pass: bool) -> dict[Part, int]:
    """The most that a run without stepping holds in each row, in bytes.

    Counted in values: rows of the residual stream, queries, keys, the hidden layer, scores (H, T, S), the masks and the
    rotary cosines and sines, which live until the last block that reads them.
    """
    lowered, cached = settings.optimize and not plain_pass, settings.kv_cache and not plain_pass
    rows = 1 if cached else max(tokens, 1)
    row, hidden = rows * config.width, rows * config.hidden * _gates(config)
    queries, keys = rows * config.heads * config.head_size, rows * config.kv_heads * config.head_size
    windows = [_window(config, settings, i) for i in range(config.layers)]
    slots = [max(tokens, 1) if w is None or not cached else min(tokens, w + SLACK) for w in windows]
    kinds = config.windows  # the program has a mask for each of the model's own windows
    masks = {k: rows * s for k, s, w in zip(kinds, slots, windows, strict=True) if w or not (lowered and cached)}
    angles = rows * config.head_size if config.rope_theta else 0
    first = angles + sum(masks.values())
    peaks: dict[Part, int] = {("embed", "embed"): first + row * (1 if config.rope_theta else 2)}
    for i in range(config.layers):
        ahead = angles * (i + 1 < config.layers) + sum(size for kind, size in masks.items() if kind in kinds[i + 1 :])
        here = sum(size for kind, size in masks.items() if kind in kinds[i:])
        scores = config.heads * rows * slots[i]
        peaks[f"blocks.{i}", "norms"] = angles + here + 2 * row
        sliced = queries + 2 * keys if lowered else 0  # q, k and v in one value, which lives as long as any of them
        peaks[f"blocks.{i}", "attention"] = max(
            angles + here + 2 * row + queries + 2 * keys,  # projecting: the normed input is still there
            bool(angles) * (angles + here + row + 2 * queries + (3 if lowered else 2) * keys),  # rotating
            bool(angles) * (angles + here + row + queries + 3 * keys),
            angles * (i + 1 < config.layers) + here + row + scores + _looking(config, lowered, cached, queries, keys),
            ahead + row + scores + queries + (0 if cached else sliced or keys),  # mixing the values
        )
        multiplied = row + 3 * rows * config.hidden if lowered and _gates(config) == 2 else 0
        peaks[f"blocks.{i}", "mlp"] = ahead + max(2 * row + hidden, multiplied)
    peaks["unembed", "norms"] = row
    peaks["unembed", "unembed"] = row + rows * config.vocab
    return {key: FLOAT * count for key, count in peaks.items()}


def _looking(config: ModelConfig, lowered: bool, cached: bool, queries: int, keys: int) -> int:
    """Queries, keys and values while scores are made; keys that are in a cache are counted there.

    Slices of one value keep all of it, beside what was rotated.
    """
    rotated = bool(config.rope_theta) * (queries + (0 if cached else keys))
    if lowered:
        return queries + 2 * keys + rotated
    return queries + (1 if cached else 2) * keys


def _gates(config: ModelConfig) -> int:
    return 2 if config.family == "llama" else 1


def _window(config: ModelConfig, settings: Settings, layer: int) -> int | None:
    """How far a layer looks back: the narrower of the model's window and ours."""
    return min(filter(None, (config.windows[layer], settings.kv_window)), default=None)


def _position_numbers(config: ModelConfig, lowered: bool) -> int:
    """Numbers in the tables of position codes: learned ones, or those that optimizing works out once."""
    if config.family == "gpt2":
        return config.context * config.width
    if not lowered:
        return 0
    if config.rope_theta is None:
        return config.context * config.width * (FLOAT * config.context * config.width <= LARGEST_TABLE)
    half = config.context * config.head_size // 2
    return 2 * half * (FLOAT * half <= LARGEST_TABLE)
