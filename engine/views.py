"""From a session to a snapshot: the numbers a screen shows, gathered once and frozen."""

from __future__ import annotations

import numpy as np

from engine.analysis.habits import habits_of
from engine.analysis.machine_peaks import Peaks
from engine.branching import branches_of
from engine.differing import TextDifference, text_difference
from engine.edited_decoder import carried
from engine.lane import Compared
from engine.memory_report import MemoryMeter
from engine.sampling import Sampler
from engine.sampling_stages import SamplingStage, stages_of
from engine.session import Session
from engine.side_by_side import SideBySide, side_by_side
from engine.snapshot import AttentionRows, Candidate, Snapshot, TokenView
from engine.timeline import Node

Array = np.ndarray


class SnapshotMaker:
    """Makes snapshots of one session, remembering what has not changed since the last."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.version = 0
        self._entropies: dict[int, tuple[AttentionRows, Array]] = {}
        self._habits: dict[int, tuple[AttentionRows, Node, Array]] = {}
        self._texts: dict[int, str] = {}
        self._memory = MemoryMeter()
        self.peaks: Peaks | None = None
        self._lanes: tuple[Compared, SideBySide] | None = None
        self._staged: tuple[Node, Sampler, tuple[SamplingStage, ...]] | None = None

    def make(
        self, busy: str | None = None, progress: tuple[int, int] | None = None, notice: str | None = None
    ) -> Snapshot:
        """The session now. `busy`, `progress` and `notice` are the driver's words."""
        session = self.session
        config, nodes = session.model.config, session.nodes
        self.version += 1
        rows = _distinct_rows(nodes)
        entropies = self._row_entropies(rows)
        windows = tuple(min(filter(None, (w, session.settings.kv_window)), default=None) for w in config.windows)
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
            memory=self._memory.report(session.decoder, session.stepper, len(nodes)),
            attention_rows=rows,
            entropy_rows=entropies,
            habit_rows=self._row_habits(rows, nodes, windows),
            attention_dropped=sum(1 for node in nodes if node.rows is None),
            candidate_rows=tuple(self._candidates(node, nodes) for node in nodes),
            branches=branches_of(session.branch_ends(), session.leaf, session.decode),
            stages=() if busy else self._stages(nodes),
            warnings=session.model.warnings,
            windows=windows,
            switch=session.switch,
            peaks=self.peaks,
            difference=self._difference([node.id for node in nodes]),
            lanes=self._side_by_side(),
            effect=session.effect,
            edits=carried(session.decoder),
            lens=session.lens,
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

    def _difference(self, ids: list[int]) -> TextDifference | None:
        session = self.session
        return text_difference(session.comparison, session.model, session.settings, ids)

    def _side_by_side(self) -> SideBySide | None:
        """Both lanes as they last ran, the same value as long as that is the same; while others run, still these."""
        comparison = self.session.comparison
        compared = comparison.latest if comparison else None
        if comparison is None:
            self._lanes = None
        elif compared is not None and (self._lanes is None or self._lanes[0] is not compared):
            self._lanes = compared, side_by_side(compared)
        return self._lanes[1] if self._lanes else None

    def _row_entropies(self, rows: tuple[AttentionRows, ...]) -> tuple[Array, ...]:
        """(L, H, T) nats for each chunk, computed once; those of chunks that are gone are forgotten."""
        self._entropies = {id(row): self._entropies.get(id(row)) or (row, _entropies(row)) for row in rows}
        return tuple(values for _, values in self._entropies.values())

    def _row_habits(
        self, rows: tuple[AttentionRows, ...], nodes: list[Node], windows: tuple[int | None, ...]
    ) -> tuple[Array, ...]:
        """(4, L, H, T) for each chunk, T of its tokens being in this text; computed once for the last of them."""
        last = {id(node.rows): node for node in nodes if node.rows is not None}
        found: dict[int, tuple[AttentionRows, Node, Array]] = {}
        for row in rows:
            node, known = last[id(row)], self._habits.get(id(row))
            if known is None or known[1] is not node:
                ids = [n.id for n in nodes[: node.position + 1]]
                known = (row, node, habits_of(row, ids, windows))
                known[2].flags.writeable = False
            found[id(row)] = known
        self._habits = found
        return tuple(values for _, _, values in found.values())

    def _stages(self, nodes: list[Node]) -> tuple[SamplingStage, ...]:
        """What each stage of sampling leaves at the end of the text; worked out when one of them changes."""
        leaf, sampler = nodes[-1] if nodes else None, self.session.sampler
        if leaf is None or leaf.logits is None:
            return ()
        if self._staged is None or self._staged[:2] != (leaf, sampler):
            self._staged = leaf, sampler, stages_of(leaf.logits, sampler, [node.id for node in nodes])
        return self._staged[2]


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
