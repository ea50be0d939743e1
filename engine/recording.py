"""From a run to a `Trace`: what was computed, in memory of its own, within a byte budget.

Where the values do not fit, they are taken in this order as long as they do: the residual stream, the attention
patterns, the outputs, then everything else, the smallest first. What was left out is named in the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from engine.contributions import contribute
from engine.cost import infer_shapes, price
from engine.edits import Edit, apply_edits
from engine.errors import Cancelled, InputError
from engine.foresight import foresee
from engine.kv_cache import KVCache
from engine.listing import call_text
from engine.memory import needed_bytes, root_of
from engine.model import Model
from engine.ops.shapes import FLOAT_BYTES, elements
from engine.prepare import patterns, prepare
from engine.program import Line, Program, Shape, Weights
from engine.rewrites.cache_kv import cache_slots
from engine.run import Run
from engine.settings import Settings
from engine.trace import About, Trace, TraceRow, nothing_foreseen
from engine.version import VERSION

Array = np.ndarray
BUDGET_BYTES = 256 << 20
RESIDUALS = ("embed", "positions", "resid_pre", "resid_mid", "resid_post")


def never() -> bool:
    """The stop flag of work that nobody cancels."""
    return False


def record_text(
    model: Model,
    ids: Sequence[int],
    settings: Settings | None = None,
    *,
    prompt_length: int | None = None,
    seed: int | None = None,
    keep: Collection[str] | None = None,
    budget_bytes: int = BUDGET_BYTES,
    lowered: bool = False,
    edits: Sequence[Edit] = (),
    stop: Callable[[], bool] = never,
    report: Callable[[int, int], None] | None = None,
) -> Trace:
    """Run a whole text once, line by line, and record it.

    settings       what changes the numbers is applied to the plain program, which shows every value
    prompt_length  how many of the ids were given rather than generated (all)
    keep           the addresses wanted; None: all that the budget allows
    lowered        run what generation runs instead: folded and joined, with fewer values to look at
    stop, report   asked before each line; told (done, total) after it

    Raises InputError for a text that the model cannot read, ProgramError for an unknown address, Cancelled.
    """
    settings = settings or Settings()
    _check_text(model, ids)
    program, weights = recorded_program(model, settings, lowered, keep or ())
    program = apply_edits(program, edits)
    inputs = _inputs(program, model, ids)
    shapes = _shapes(program, weights, {name: array.shape for name, array in inputs.items()})
    for address in keep or ():
        program.index(address)
    wanted = set(fitting(program, shapes, budget_bytes) if keep is None else keep)
    run = Run(program, weights, inputs, hold=False, keep=wanted)
    contributions = _no_contributions(model, ids)
    while (line := run.next_line) is not None:
        if stop():
            raise Cancelled("stopped before the pass was recorded; nothing was lost")
        contribute(run, line, contributions)
        run.step()
        if report:
            report(run.cursor, len(program))
    values = {line.out: _read_only(run.values[line.out]) for line in program.lines if line.out in wanted}
    about = about_text(model, ids, settings, prompt_length, seed)
    return _traced(run, model, about, settings, edits, shapes, ids, values, contributions)


def record(
    run: Run,
    model: Model,
    ids: Sequence[int],
    settings: Settings | None = None,
    edits: Sequence[Edit] = (),
    budget_bytes: int = BUDGET_BYTES,
) -> Trace:
    """The trace of what a stepped run over `ids` has done so far, as copies: the run may go on and go back."""
    settings = settings or Settings()
    shapes = _shapes(run.program, run.weights, run.input_shapes)
    done = [line for line in run.program.lines[: run.cursor] if line.out in run.values]
    owners = [line.out for line in done if not _is_view_of_another(line, run)]
    copies: dict[str, Array] = {}
    for name in _in_order(owners, run.program, {name: run.values[name].nbytes for name in owners}, budget_bytes):
        copies[name] = _read_only(run.values[name].copy(order="K"))  # in the same layout, so that a view stays a view
    for line in done:
        if line.out not in copies and _is_view_of_another(line, run) and line.ins[0] in copies:
            copies[line.out] = _read_only(line.op.forward(copies[line.ins[0]], **line.attrs))
    contributions = _no_contributions(model, ids)
    for line in done:
        contribute(run, line, contributions)
    values = {line.out: copies[line.out] for line in done if line.out in copies}
    about = about_text(model, ids, settings)
    return _traced(run, model, about, settings, edits, shapes, ids, values, contributions)


def recorded_program(
    model: Model, settings: Settings, lowered: bool = False, keep: Collection[str] = ()
) -> tuple[Program, Weights]:
    """The program of a whole text under the settings that change its numbers: without a cache, unless it is INT8."""
    whole = replace(settings, kv_cache=settings.kv_cache and settings.int8_cache, optimize=lowered)
    return prepare(model.config, model.weights, whole, (*patterns(model.config), *keep)).prompt


def fitting(program: Program, shapes: Mapping[str, Shape], budget_bytes: int) -> list[str]:
    """The addresses whose values fit in a budget. Views are kept with what they are views of."""
    roots = root_of(program)
    size = {line.out: FLOAT_BYTES * elements(shapes[line.out]) for line in program.lines if roots[line.out] == line.out}
    kept = {*_in_order(size, program, size, budget_bytes)}
    outside = {*program.inputs, *program.params}
    return [line.out for line in program.lines if roots[line.out] in kept or roots[line.out] in outside]


def about_text(
    model: Model, ids: Sequence[int], settings: Settings, prompt_length: int | None = None, seed: int | None = None
) -> About:
    """The model and the text in words."""
    config, text_of = model.config, _text_of(model)
    return About(
        name=model.name,
        line=model.line,
        layers=config.layers,
        heads=config.heads,
        kv_heads=config.kv_heads,
        head_size=config.head_size,
        vocab=config.vocab,
        windows=tuple(min(filter(None, (w, settings.kv_window)), default=None) for w in config.windows),
        texts=tuple(map(text_of, ids)),
        prompt_length=len(ids) if prompt_length is None else prompt_length,
        seed=seed,
        version=VERSION,
        has_tokenizer=model.tokenizer is not None,
        dtype=model.dtype,
    )


def _inputs(program: Program, model: Model, ids: Sequence[int]) -> dict[str, Array]:
    """What a whole text is run on; a program with a cache gets an empty one with room for every token."""
    tokens = {"tokens": np.array([ids])}
    slots = [replace(slot, window=None) for slot in cache_slots(program)]
    if not slots:
        return tokens | {"position_ids": np.arange(len(ids))}
    cache = KVCache(slots, model.config.kv_heads, model.config.head_size, model.config.context)
    return cache.claim(len(ids)) | tokens


def _in_order(names: Iterable[str], program: Program, size: Mapping[str, int], budget_bytes: int) -> list[str]:
    """Those of `names` that fit, the most wanted first."""

    def priority(name: str) -> tuple[int, int]:
        value = name.rsplit(".", 1)[-1]
        if value in RESIDUALS:
            return 0, 0
        if value == "pattern":
            return 1, 0
        return (2, 0) if name in program.outputs else (3, size[name])

    taken: list[str] = []
    for name in sorted(names, key=priority):
        if size[name] <= budget_bytes:
            budget_bytes -= size[name]
            taken.append(name)
    return taken


def _traced(
    run: Run,
    model: Model,
    about: About,
    settings: Settings,
    edits: Sequence[Edit],
    shapes: Mapping[str, Shape],
    ids: Sequence[int],
    values: dict[str, Array],
    contributions: Array,
) -> Trace:
    done = run.program.lines[: run.cursor]
    logits = run.values.get("logits")
    if logits is not None and logits.shape[1] == len(ids):
        foreseen = foresee(logits[0], ids, _text_of(model))
    else:
        foreseen = nothing_foreseen(len(ids))
    return Trace(
        fingerprint=model.fingerprint,
        settings=settings,
        about=about,
        tokens=tuple(map(int, ids)),
        rows=_rows(run, shapes),
        values=MappingProxyType(values),
        dropped=tuple(line.out for line in done if line.out not in values),
        foreseen=foreseen,
        head_contributions=_read_only(contributions),
        edits=tuple(edits),
    )


def _rows(run: Run, shapes: Mapping[str, Shape]) -> tuple[TraceRow, ...]:
    program = run.program
    costs, needed, weights = price(program, shapes), needed_bytes(program, shapes), _weight_bytes(run)
    return tuple(
        TraceRow(line.out, line.op.name, call_text(line), line.op.equation, line.op.explanation, line.where,
                 shapes[line.out], costs[line.out], run.elapsed_s[line.out] if i < run.cursor else None,
                 needed[i], weights[line.out], line.op.is_view)
        for i, line in enumerate(program.lines)
    )  # fmt: skip


def _weight_bytes(run: Run) -> dict[str, int]:
    """For each line, the bytes of the weights that it is the first to read; shared memory counts once."""
    seen: set[int] = set()
    counted: dict[str, int] = {}
    for line in run.program.lines:
        counted[line.out] = 0
        for array in (run.weights[name] for name in line.ins if name in run.program.params):
            address = array.__array_interface__["data"][0]
            counted[line.out] += 0 if address in seen else array.nbytes
            seen.add(address)
    return counted


def _shapes(program: Program, weights: Weights, inputs: Mapping[str, Shape]) -> dict[str, Shape]:
    return infer_shapes(program, {name: np.shape(weights[name]) for name in program.params} | dict(inputs))


def _check_text(model: Model, ids: Sequence[int]) -> None:
    config = model.config
    if not ids:
        raise InputError("the text is empty: there is nothing to record")
    if len(ids) > config.context:
        raise InputError(f"the text has {len(ids)} tokens, but the context ends at {config.context}")
    for id in ids:
        if not 0 <= id < config.vocab:
            raise InputError(f"token {id}: expected an id from 0 to {config.vocab - 1}")


def _text_of(model: Model) -> Callable[[int], str]:
    return str if model.tokenizer is None else model.tokenizer.token_text


def _no_contributions(model: Model, ids: Sequence[int]) -> Array:
    return np.full((model.config.layers, model.config.heads, len(ids)), np.nan, np.float32)


def _is_view_of_another(line: Line, run: Run) -> bool:
    """Whether a value lies in that of another line of the run; a view of a cache does not, for the cache is written."""
    return line.op.is_view and line.ins[0] in run.program and line.ins[0] in run.values


def _read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array
