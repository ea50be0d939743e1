"""From a session to a snapshot: the numbers a screen shows, gathered once and frozen."""

from __future__ import annotations

import numpy as np

from engine.cost import infer_shapes
from engine.memory import LayerMemory, MemoryReport, held_bytes, needed_bytes, place_of
from engine.program import Program
from engine.session import Session
from engine.snapshot import AttentionRows, Branch, Candidate, Snapshot, TokenView
from engine.timeline import Node

Array = np.ndarray


class SnapshotMaker:
    """Makes snapshots of one session, remembering what has not changed since the last."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.version = 0
        self._entropies: dict[int, tuple[AttentionRows, Array]] = {}
        self._texts: dict[int, str] = {}
        self._memory_key: object = None
        self._memory: MemoryReport | None = None

    def make(
        self, busy: str | None = None, progress: tuple[int, int] | None = None, notice: str | None = None
    ) -> Snapshot:
        """The session now. `busy`, `progress` and `notice` are the driver's words."""
        session = self.session
        config, nodes = session.model.config, session.nodes
        self.version += 1
        rows = _distinct_rows(nodes)
        entropies = self._row_entropies(rows)
        return Snapshot(
            version=self.version,
            model_name=session.model.name,
            model_line=session.model.line,
            layers=config.layers,
            heads=config.heads,
            kv_heads=config.kv_heads,
            vocab=config.vocab,
            context=config.context,
            dtype=session.model.dtype,
            settings=session.settings,
            sampler=session.sampler,
            seed=session.seed,
            tokens=tuple(self._token(node) for node in nodes),
            tokens_per_s=session.tokens_per_s,
            ended=session.ended,
            busy=busy,
            progress=progress,
            notice=notice,
            stepping=session.stepper.view() if session.stepper else None,
            memory=self._memory_report(len(nodes)),
            attention_rows=rows,
            entropy_rows=entropies,
            attention_dropped=sum(1 for node in nodes if node.rows is None),
            candidate_rows=tuple(self._candidates(node, nodes) for node in nodes),
            branches=self._branches(nodes),
            warnings=session.model.warnings,
            windows=tuple(min(filter(None, (w, session.settings.kv_window)), default=None) for w in config.windows),
            has_tokenizer=session.model.tokenizer is not None,
        )

    def _token(self, node: Node) -> TokenView:
        siblings = len(node.parent.children) - 1 if node.parent else 0
        return TokenView(node.id, self._text(node.id), node.logprob, node.rank, node.entropy, node.generated, siblings)

    def _text(self, id: int) -> str:
        if id not in self._texts:
            tokenizer = self.session.model.tokenizer
            self._texts[id] = str(id) if tokenizer is None else tokenizer.token_text(id)
        return self._texts[id]

    def _candidates(self, node: Node, nodes: list[Node]) -> tuple[Candidate, ...]:
        if node.prediction is None:
            return ()
        seen = [n.id for n in nodes[: node.position + 1]] if self.session.sampler.repetition_penalty != 1 else []
        return node.candidates(self.session.sampler, seen, self._text)

    def _row_entropies(self, rows: tuple[AttentionRows, ...]) -> tuple[Array, ...]:
        """(L, H, T) nats for each chunk, computed once; those of chunks that are gone are forgotten."""
        self._entropies = {id(row): self._entropies.get(id(row)) or (row, _entropies(row)) for row in rows}
        return tuple(values for _, values in self._entropies.values())

    def _branches(self, nodes: list[Node]) -> tuple[Branch, ...]:
        ends = self.session.branch_ends()
        if len(ends) < 2:
            return ()
        active = self.session.leaf
        return tuple(self._branch(i, end, nodes, end is active) for i, end in enumerate(ends))

    def _branch(self, i: int, end: Node, nodes: list[Node], active: bool) -> Branch:
        path = list(end.path())[::-1]
        fork = 0
        while fork < min(len(path), len(nodes)) and path[fork] is nodes[fork]:
            fork += 1
        return Branch(f"branch {i + 1}", self.session.decode([n.id for n in path]), len(path), fork, active)

    def _memory_report(self, tokens: int) -> MemoryReport:
        session = self.session
        prepared = session.decoder.prepared
        program, weights = prepared.step if session.settings.kv_cache else prepared.prompt
        cache = session.decoder.cache
        sizes = (cache.allocated_bytes, cache.used_bytes) if cache else ()
        cursor = session.stepper and session.stepper.run.cursor
        key = (prepared, tokens, session.step_plain, cursor, sizes)
        if key != self._memory_key or self._memory is None:
            shapes = _shapes(program, weights, tokens, session)
            self._memory_key, self._memory = key, memory_report(program, weights, shapes, session)
        return self._memory


def memory_report(program: Program, weights, shapes, session: Session) -> MemoryReport:
    """Bytes per place, from the arrays that exist; activations needed from the program's liveness."""
    owner = {
        name: place_of(line.out) for line in reversed(program.lines) for name in line.ins if name in program.params
    }
    stored: dict[str, int] = {}
    mapped = owned = 0
    seen: set[int] = set()
    for name, place in owner.items():
        array = weights[name]
        address = array.__array_interface__["data"][0]
        if address in seen:
            continue
        seen.add(address)
        stored[place] = stored.get(place, 0) + array.nbytes
        mapped, owned = (mapped + array.nbytes, owned) if is_mapped(array) else (mapped, owned + array.nbytes)
    needed: dict[str, int] = {}
    by_line = needed_bytes(program, shapes)
    for line, size in zip(program.lines, by_line, strict=True):
        place = place_of(line.out)
        needed[place] = max(needed.get(place, 0), size)
    held = (
        held_bytes({k: v for k, v in session.stepper.run.values.items() if k in session.stepper.run.program})
        if session.stepper
        else {}
    )
    allocated, used = _cache_bytes(session)
    places = ["embed", *(f"blocks.{i}" for i in range(session.model.config.layers)), "unembed"]
    layers = tuple(
        LayerMemory(p, stored.get(p, 0), allocated.get(p, 0), used.get(p, 0), needed.get(p, 0), held.get(p, 0))
        for p in places
    )
    return MemoryReport(layers, mapped, owned, max(by_line, default=0))


def is_mapped(array: Array) -> bool:
    """Whether the array lies in a memory-mapped file."""
    base: object = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return False


def _shapes(program: Program, weights, tokens: int, session: Session):
    """Shapes of one generation step after `tokens` tokens."""
    known = {name: np.shape(weights[name]) for name in program.params}
    cache = session.decoder.cache
    rows = 1 if cache is not None else max(tokens, 1)
    known |= {"tokens": (1, rows), "position_ids": (rows,)}
    if cache is not None:
        known |= {name: array.shape for name, array in cache.arrays.items()}
        known |= {name: (max(1, track.used(cache.length)),) for name, track in cache.tracks.items()}
    return infer_shapes(program, known)


def _cache_bytes(session: Session) -> tuple[dict[str, int], dict[str, int]]:
    cache = session.decoder.cache
    allocated: dict[str, int] = {}
    used: dict[str, int] = {}
    for slot in cache.slots if cache else ():
        assert cache is not None
        place, array = place_of(slot.name), cache.arrays[slot.name]
        filled = cache.tracks[slot.key_position_ids].used(cache.length)
        allocated[place] = allocated.get(place, 0) + array.nbytes
        used[place] = used.get(place, 0) + array[:, :, :filled].nbytes
    return allocated, used


def _distinct_rows(nodes: list[Node]) -> tuple[AttentionRows, ...]:
    rows: dict[int, AttentionRows] = {id(node.rows): node.rows for node in nodes if node.rows is not None}
    return tuple(rows.values())


def _entropies(rows: AttentionRows) -> Array:
    values = np.stack([_row_entropy(pattern) for pattern in rows.patterns])
    values.flags.writeable = False
    return values


def _row_entropy(pattern: Array) -> Array:
    """Entropy of each row, nats: (H, T, S) -> (H, T)."""
    safe = np.where(pattern > 0, pattern, 1)
    return -(pattern * np.log(safe)).sum(-1)
