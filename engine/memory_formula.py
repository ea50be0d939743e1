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
    """Bytes of the weights by row. Optimizing folds gains away, makes position tables, and unties the output matrix.

    A gain is not folded into an INT8 matrix, which keeps the scales it was rounded with.
    """
    lowered, width = settings.optimize, config.width
    int8_attention, int8_mlp = (settings.int8 in (part, "all") for part in ("attention", "mlp"))
    queries, keys = config.heads * config.head_size, config.kv_heads * config.head_size
    gain = FLOAT * width * (2 if config.norm_bias else 1)
    sizes: dict[Part, int] = {("embed", "embed"): _table_bytes(config, settings)}
    for i in range(config.layers):
        shift = config.norm_bias and lowered and not int8_attention  # a norm's bias becomes one of the next matrix
        attention = _matrix(width, queries + 2 * keys, int8_attention) + _matrix(queries, width, int8_attention)
        attention += FLOAT * ((config.qkv_bias or shift) * (queries + 2 * keys) + config.out_bias * width)
        norms = gain * (not lowered or int8_attention) + gain * (not lowered or int8_mlp)
        sizes[f"blocks.{i}", "norms"] = norms
        sizes[f"blocks.{i}", "attention"] = attention
        sizes[f"blocks.{i}", "mlp"] = _mlp_bytes(config, settings, int8_mlp)
    sizes["unembed", "norms"] = gain * (not lowered or settings.int8_embedding)
    tied = config.tied or settings.tie_embeddings
    if settings.int8_embedding:
        sizes["unembed", "unembed"] = 0 if tied else _matrix(width, config.vocab, True)
    else:
        own = FLOAT * config.vocab * width * (not tied or lowered)
        sizes["unembed", "unembed"] = own + FLOAT * config.vocab * (config.norm_bias and lowered)
    return sizes


def _matrix(wide: int, narrow: int, int8: bool) -> int:
    """Bytes of a matrix with so many inputs and outputs."""
    return wide * narrow + FLOAT * narrow if int8 else FLOAT * wide * narrow


def _mlp_bytes(config: ModelConfig, settings: Settings, int8: bool) -> int:
    """Two matrices, or three with a gate; of low rank each is two thin ones."""
    width, hidden, gates = config.width, config.hidden, _gates(config)
    shift = config.norm_bias and settings.optimize and not int8
    biases = config.mlp_bias * (gates * hidden + width)
    rank = _rank(config, settings)
    if rank is None:
        biases += shift * (not config.mlp_bias) * gates * hidden
        return gates * _matrix(width, hidden, int8) + _matrix(hidden, width, int8) + FLOAT * biases
    thin = gates * (_matrix(width, rank, int8) + _matrix(rank, hidden, int8))
    return thin + _matrix(hidden, rank, int8) + _matrix(rank, width, int8) + FLOAT * (biases + shift * gates * rank)


def _table_bytes(config: ModelConfig, settings: Settings) -> int:
    """The token table, and the tables of position codes."""
    tokens = config.vocab * (config.width + FLOAT) if settings.int8_embedding else FLOAT * config.vocab * config.width
    return tokens + FLOAT * _position_numbers(config, settings.optimize)


def expected_cache(config: ModelConfig, settings: Settings, layer: int, tokens: int) -> tuple[int, int]:
    """Bytes of one layer's keys and values: of all slots, and of those in use."""
    window = _window(config, settings, layer)
    grown = min(-(-max(tokens, 1) // GROWTH) * GROWTH, config.context)
    slots = grown if window is None else window + SLACK
    numbers = config.head_size + FLOAT if settings.int8_cache else config.head_size * FLOAT  # a scale per head
    row = 2 * config.kv_heads * numbers
    return slots * row, min(tokens, slots) * row


def expected_peaks(config: ModelConfig, settings: Settings, tokens: int, plain_pass: bool) -> dict[Part, int]:
    """The most that a run without stepping holds in each row, in bytes.

    Counted in values: rows of the residual stream, queries, keys, the hidden layer, scores (H, T, S), the masks and the
    rotary cosines and sines, which live until the last block that reads them.
    """
    lowered, cached = settings.optimize and not plain_pass, settings.kv_cache and not plain_pass
    rows = 1 if cached else max(tokens, 1)
    joined, rank, row = lowered or (settings.fuse_qkv and not plain_pass), _rank(config, settings), rows * config.width
    queries, keys = rows * config.heads * config.head_size, rows * config.kv_heads * config.head_size
    windows = [_window(config, settings, i) for i in range(config.layers)]
    slots = [max(tokens, 1) if w is None or not cached else min(tokens, w + SLACK) for w in windows]
    kinds = config.windows  # the program has a mask for each of the model's own windows
    masks = {k: rows * s for k, s, w in zip(kinds, slots, windows, strict=True) if w or not (lowered and cached)}
    angles = rows * config.head_size if config.rope_theta else 0
    first = angles + sum(masks.values())
    peaks: dict[Part, int] = {("embed", "embed"): first + row * (1 if config.rope_theta else 2)}
    for i in range(config.layers):
        turning = angles * (i + 1 < config.layers)
        ahead = turning + sum(size for kind, size in masks.items() if kind in kinds[i + 1 :])
        here = sum(size for kind, size in masks.items() if kind in kinds[i:])
        scores = config.heads * rows * slots[i]
        peaks[f"blocks.{i}", "norms"] = angles + here + 2 * row
        read = slots[i] * config.kv_heads * config.head_size if cached and settings.int8_cache else 0  # back in float32
        sliced = queries + 2 * keys if joined else 0  # q, k and v in one value, which lives as long as any of them
        peaks[f"blocks.{i}", "attention"] = max(
            angles + here + 2 * row + queries + 2 * keys,  # projecting: the normed input is still there
            bool(angles) * (angles + here + row + 2 * queries + (3 if joined else 2) * keys),  # rotating
            bool(angles) * (angles + here + row + queries + 3 * keys),
            turning + here + row + scores + read + _looking(config, joined, cached, queries, keys),
            ahead + row + scores + queries + read + (0 if cached else sliced or keys),  # mixing the values
        )
        peaks[f"blocks.{i}", "mlp"] = ahead + _mlp_values(config, lowered, None if plain_pass else rank, rows)
    peaks["unembed", "norms"] = row
    peaks["unembed", "unembed"] = row + rows * config.vocab
    return {key: FLOAT * count for key, count in peaks.items()}


def _looking(config: ModelConfig, joined: bool, cached: bool, queries: int, keys: int) -> int:
    """Queries, keys and values while scores are made; keys that are in a cache are counted there.

    Slices of one value keep all of it, beside what was rotated.
    """
    rotated = bool(config.rope_theta) * (queries + (0 if cached else keys))
    if joined:
        return queries + 2 * keys + rotated
    return queries + (1 if cached else 2) * keys


def _mlp_values(config: ModelConfig, lowered: bool, rank: int | None, rows: int) -> int:
    """The most values at once in an MLP. Between two thin matrices is one of the rank; lowered, gates share it."""
    row, hidden, gates = rows * config.width, rows * config.hidden, _gates(config)
    if rank is None:
        multiplied = row + 3 * hidden if lowered and gates == 2 else 0  # gate and up are slices of one value
        return max(2 * row + gates * hidden, multiplied)
    thin = rows * rank * (gates if lowered else 1)
    before = 2 * row + thin + (0 if lowered else (gates - 1) * hidden)
    return max(before, row + gates * hidden + thin)


def _rank(config: ModelConfig, settings: Settings) -> int | None:
    """The rank that the MLP's matrices are cut to: never more than they have."""
    return settings.low_rank_mlp and min(settings.low_rank_mlp, config.width, config.hidden)


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
