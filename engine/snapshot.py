"""`Snapshot`: everything a screen may show, as one frozen value.

The session makes snapshots, the driver hands the newest one to the screens, widgets draw them. Arrays are read-only
and owned by nobody who changes them; a screen may keep a snapshot as long as it likes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.analysis.lens import LensReading
from engine.analysis.machine_peaks import Peaks
from engine.differing import TextDifference
from engine.effect import EditView, Effect
from engine.memory import MemoryReport
from engine.program import Cost, Shape
from engine.sampling import Sampler
from engine.sampling_stages import SamplingStage
from engine.settings import Settings
from engine.side_by_side import SideBySide
from engine.switch import Switch

Array = np.ndarray


@dataclass(frozen=True)
class Candidate:
    """One possible next token. `probability` is the model's, `chance` what is left after sampling (0 if removed)."""

    id: int
    text: str
    logprob: float
    probability: float
    chance: float
    rank: int


@dataclass(frozen=True)
class TokenView:
    """One token of the text. `logprob`, `rank` and `entropy` say how the model foresaw it; None for the first token.

    logprob     nats, of the token itself       rank       1 is the model's first choice
    entropy     nats, of the whole distribution it was foreseen with
    siblings    how many other tokens were tried at this place (branches that exist)
    """

    id: int
    text: str
    logprob: float | None
    rank: int | None
    entropy: float | None
    generated: bool
    siblings: int = 0


@dataclass(frozen=True)
class ListingRow:
    """One line of the stepped program. `elapsed_s` is None until the line was done; then it is a measured time."""

    address: str
    op: str
    call: str
    equation: str
    explanation: str
    paper: str
    where: str
    shape: Shape
    cost: Cost
    elapsed_s: float | None
    breakpoint: bool
    is_view: bool
    ins: tuple[str, ...] = ()  # the addresses that it reads
    attrs: tuple[tuple[str, float | None], ...] = ()  # its settings, those that are numbers or none


@dataclass(frozen=True)
class Stepping:
    """The pass that is being stepped: its lines, how many are done, and the values bound so far (read-only).

    what    one line that says which pass this is, for example "plain program, all 12 tokens"
    depth   how far one step goes: "block" (a whole block), "part" (its attention or MLP) or "line" (one operation)
    """

    what: str
    depth: str
    rows: tuple[ListingRow, ...]
    cursor: int
    values: Mapping[str, Array]

    kind: str = "plain"  # or "generating" or "training": see `engine.passes`
    ids: tuple[int, ...] = ()  # the tokens that the pass is over
    edits: tuple[EditView, ...] = ()  # what was changed by hand

    @property
    def done(self) -> bool:
        return self.cursor == len(self.rows)

    @property
    def is_plain(self) -> bool:
        """Whether it is the plain program over all tokens."""
        return self.kind == "plain"


@dataclass(frozen=True)
class AttentionRows:
    """Attention of consecutive tokens first .. first+T-1, over keys of the positions `keys`.

    keys is (S,), the position of each key; in a ring it is not sorted, and empty slots are -1. Where the layers' key
    positions differ (mixed windows), a layer's row has its own entry.
    """

    first: int
    patterns: tuple[Array, ...]  # one (H, T, S) per layer
    keys: tuple[Array, ...]  # one (S,) per layer


@dataclass(frozen=True)
class Snapshot:
    """The state of a session at one moment. `version` grows with every change."""

    version: int
    model_name: str
    model_line: str  # one line: family, layers, heads, width, parameters
    layers: int
    heads: int
    kv_heads: int
    vocab: int
    context: int
    dtype: str
    settings: Settings
    sampler: Sampler
    seed: int
    tokens: tuple[TokenView, ...]
    tokens_per_s: float | None  # of the last generation, compiled run; None before the first
    ended: str | None  # why generation stopped, in words; None while it could go on
    busy: str | None  # what the worker does now, in words; None when it waits
    progress: tuple[int, int] | None  # done, total of the work named by `busy`
    notice: str | None  # the last error or remark, one line
    stepping: Stepping | None
    memory: MemoryReport
    attention_rows: tuple[AttentionRows, ...]
    entropy_rows: tuple[Array, ...] = ()  # beside attention_rows: (L, H, T), nats, one per chunk
    habit_rows: tuple[Array, ...] = ()  # beside attention_rows: (4, L, H, T), see `engine.analysis.habits`
    attention_dropped: int = 0  # how many leading tokens have no attention kept, for the byte budget
    candidate_rows: tuple[tuple[Candidate, ...], ...] = ()  # [i]: candidates for the token AFTER token i
    branches: tuple[Branch, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    has_tokenizer: bool = True  # if not, tokens are shown as their ids
    switch: Switch | None = None  # what the last change of settings did
    stages: tuple[SamplingStage, ...] = ()  # what each stage of sampling leaves of the next token's distribution
    difference: TextDifference | None = None  # to the second lane, where there is one that is of this text
    lanes: SideBySide | None = None  # both lanes as they last ran, which may be over an older text
    peaks: Peaks | None = None  # of this machine, once they were asked for
    windows: tuple[int | None, ...] = ()  # keys a token may see in each layer, itself included; None: all before it
    effect: Effect | None = None  # what the edits do to the next token
    edits: tuple[EditView, ...] = ()  # what was changed by hand, as generating carries it
    lens: LensReading | None = None  # the logit lens on the stepped pass, when it was last asked for
    speed_limit: float | None = None  # tokens per second that generation keeps to; None: as fast as it can

    def candidates(self, position: int) -> tuple[Candidate, ...]:
        """The best guesses for the token at `position` (one past the end: the next token); empty for the first."""
        return self.candidate_rows[position - 1] if 1 <= position <= len(self.candidate_rows) else ()

    def attention(self, layer: int, head: int) -> Array:
        """The whole pattern of one head, (T, T) float32: row = query (looking), column = key (looked at).

        Assembled from the rows that were really computed; what a query could not see, or was not kept, is NaN.
        """
        count = len(self.tokens)
        window = (self.windows[layer] if self.windows else None) or count
        matrix = np.full((count, count), np.nan, np.float32)
        for rows in self.attention_rows:
            pattern, keys = rows.patterns[layer][head], rows.keys[layer]
            for t in range(pattern.shape[0]):
                query = rows.first + t
                seen = (keys >= 0) & (keys <= query) & (keys > query - window)
                if query < count:
                    matrix[query, keys[seen]] = pattern[t, seen]
        return matrix

    def entropy(self) -> Array:
        """Attention entropy in nats of every layer, head and token, (L, H, T); NaN where it was not kept."""
        out = np.full((self.layers, self.heads, len(self.tokens)), np.nan, np.float32)
        for rows, values in zip(self.attention_rows, self.entropy_rows, strict=True):
            last = min(rows.first + values.shape[2], len(self.tokens))
            out[:, :, rows.first : last] = values[:, :, : last - rows.first]
        return out


@dataclass(frozen=True)
class Branch:
    """One end of the tree of texts: its tokens, and whether it is the active one.

    depth, starts_at      how many branches it hangs from, and the first position that is its own, not an earlier row's
    own_text              what it says from there on
    first_logprob         nats, of the token by which it left; None if that is not known
    logprob               nats, of all its own tokens together
    """

    name: str
    text: str
    length: int
    forks_at: int  # first position at which it differs from the active branch
    active: bool
    depth: int = 0
    starts_at: int = 0
    own_text: str = ""
    first_logprob: float | None = None
    logprob: float | None = None
