"""`drop`: lines that do nothing in a given situation go.

`identity` never does anything. With one query, the newest, and no window, the causal mask is all zeros. And where only
the next token is asked for, everything after the last block's keys and values is computed for the last row alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from engine.ops import activation, norm
from engine.ops.attend import attend
from engine.ops.attention import causal_mask, mask, merge_heads, scores, softmax, split_heads, weighted_sum
from engine.ops.int8 import linear_int8
from engine.ops.linear import add, columns, identity, last_position, last_row, linear, multiply, scale
from engine.ops.rope import rotate
from engine.program import Line, Program, Weights
from engine.rewrites.prune import prune

ROW_WISE = {linear, linear_int8, add, multiply, scale, identity, columns, split_heads, merge_heads, rotate, mask,
            softmax, norm.scale_shift, norm.layer_normalize, norm.rms_normalize, activation.gelu_tanh_folded,
            activation.silu_folded, *activation.ACTIVATIONS.values()}  # fmt: skip
"""Operations that compute each token's row from the same token's rows."""
KEYS_OR_VALUES = {scores: (1,), weighted_sum: (1,), attend: (1, 2)}
"""Operations that compute a token's row from the same row of some inputs, and from all rows of these."""


def drop_identities(program: Program, weights: Weights, keep: Collection[str] = ()) -> tuple[Program, Weights]:
    """Drop `identity` lines; who read them reads what they read."""
    return _without(program, [line for line in program.lines if line.op is identity and line.out not in keep]), weights


def drop_masks(program: Program, weights: Weights, keep: Collection[str] = ()) -> tuple[Program, Weights]:
    """For a single query with no window: drop the masks. Right only if the query is the newest of the seen tokens."""
    free = {line.out for line in program.lines if line.op is causal_mask and line.attrs.get("window") is None}
    gone = [line for line in program.lines if line.op is mask and line.ins[1] in free and line.out not in keep]
    return prune(_without(program, gone), weights, keep)


def last_logits(program: Program, weights: Weights, keep: Collection[str] = ()) -> tuple[Program, Weights]:
    """Compute the logits of the last token only: its row goes on alone as soon as nothing else needs the others.

    Keys and values need every row of everything before them; what leads from there to the logits gets a twin for the
    last row, `<address>@last`, and the lines that then lead nowhere are dropped. Logits in `keep` are all kept.
    """
    if "logits" in keep:
        return program, weights
    made = {line.out: line for line in program.lines}
    attention = [
        made_from for line in program.lines for made_from in (line.ins[i] for i in KEYS_OR_VALUES.get(line.op, ()))
    ]
    full = _ancestors([*attention, *keep], made)
    twins: dict[str, Line] = {}
    _last("logits", made, full, twins)
    twins["logits"] = replace(twins["logits"], out="logits")
    rest = [line for line in program.lines if line.out != "logits"]
    return prune(program.with_lines([*rest, *twins.values()]), weights, keep)


def _last(name: str, made: Mapping[str, Line], full: Collection[str], twins: dict[str, Line]) -> str:
    """The name of the last row of `name`; the lines that compute it are added to `twins`."""
    line = made.get(name)
    twin = f"{name}@last"
    if twin in twins or name in twins:
        return twin
    if line is None and name != "position_ids":
        return name  # a weight, or an input that all rows share
    if line is None:
        twins[name] = Line(twin, last_position, (name,))
    elif name in full or line.op not in (*ROW_WISE, *KEYS_OR_VALUES):
        twins[name] = Line(twin, last_row, (name,), {}, line.where)
    else:
        shared = KEYS_OR_VALUES.get(line.op, ())
        last_in = 4 if line.op is attend else len(line.ins)
        ins = (n if i in shared or i >= last_in else _last(n, made, full, twins) for i, n in enumerate(line.ins))
        twins[name] = replace(line, out=twin, ins=tuple(ins))
    return twin


def _ancestors(names: list[str], made: Mapping[str, Line]) -> set[str]:
    """These values and everything that they are computed from."""
    found: set[str] = set()
    while names:
        name = names.pop()
        if name not in found:
            found.add(name)
            names += made[name].ins if name in made else ()
    return found


def _without(program: Program, gone: list[Line]) -> Program:
    """The program without some lines that pass their first input on."""
    through: dict[str, str] = {}
    for line in gone:
        through[line.out] = through.get(line.ins[0], line.ins[0])
    lines = (
        replace(line, ins=tuple(through.get(name, name) for name in line.ins))
        for line in program.lines
        if line.out not in through
    )
    return program.with_lines(lines)
