"""`Session`: the headless product. A model, a text that grows and branches, and a pass that is stepped.

It is synchronous and single-threaded; a notebook, the command line and the tests call it directly, the driver calls it
from a worker thread. It is the only object that changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from engine.analysis.lens import LensReading
from engine.decoder import Decoder
from engine.edited_decoder import decoder_for
from engine.editing import EditHistory, applied
from engine.edits import Edit
from engine.effect import Effect
from engine.errors import Cancelled, InputError, MiniGPTError
from engine.feeding import feed_prompt, node_bytes, owned, replay, rows_of
from engine.lane import Comparison, beside
from engine.model import Model, open_model
from engine.passes import PLAIN, TRAINING, pass_of
from engine.prepare import prepare
from engine.sampling import Draw, Sampler, sample
from engine.settings import Settings
from engine.stepper import Stepper
from engine.switch import Switch
from engine.switching import last_logits, switch_between
from engine.text import counted
from engine.text_history import hang_in
from engine.threads import ThreadLimit
from engine.timeline import Node
from engine.tokenizer import StreamDecoder

KEPT_BYTES = 256 << 20  # attention and logits of past tokens that are kept to be looked at


def asked_for(count: int) -> str:
    """Why generation ended where it made all the tokens that were asked for."""
    return f"{counted(count, 'token')}, as asked"


def never() -> bool:
    """The stop flag of work that nobody cancels."""
    return False


@dataclass(frozen=True)
class Generated:
    """One new token: its id, the text that became complete with it, and how it was drawn."""

    id: int
    text: str
    draw: Draw
    node: Node


class Session:
    """What a user does, as methods. Every method leaves a consistent state, also when it raises.

    settings   how generation runs           sampler, seed   how tokens are drawn
    leaf       the last token of the active text; None before the first prompt
    switch     what the last change of settings did
    comparison a second lane that is locked to this text; None without one
    edits      what was changed by hand, in the stepped pass and in generating; `engine.editing` adds and undoes them
    effect     what they did to the next token, when it was last measured; None without any
    ended      why generation stopped, in words, or None while it could go on
    """

    def __init__(
        self, model: Model, settings: Settings | None = None, sampler: Sampler | None = None, seed: int = 0
    ) -> None:
        self.model = model
        self.settings = settings or model.settings
        self.sampler = sampler or Sampler()
        self.seed = seed
        self.leaf: Node | None = None
        self.ended: str | None = None
        self.edits: list[Edit] = []
        self.edit_history = EditHistory()
        self.effect: Effect | None = None
        self.lens: LensReading | None = None
        self.breakpoints: set[str] = set()
        self.pass_kind = PLAIN
        self.tokens_per_s: float | None = None
        self.switch: Switch | None = None
        self.comparison: Comparison | None = None
        self._speeds: dict[tuple[Settings, bool], float] = {}
        self.stepper: Stepper | None = None
        self.prepared = prepare(model.config, model.weights, self.settings, factors=model.factors)
        self.decoder = decoder_for(self.prepared, ())
        self._left: tuple[Node, Decoder] | None = None
        self._kept_bytes = 0
        self._threads = ThreadLimit()
        self._threads.set(self.settings.threads)

    @property
    def tokens(self) -> list[int]:
        """The ids of the active text."""
        return [node.id for node in self.nodes]

    @property
    def nodes(self) -> list[Node]:
        """The tokens of the active text, first to last."""
        return [] if self.leaf is None else list(self.leaf.path())[::-1]

    @property
    def text(self) -> str:
        """The active text; ids in words if the model has no tokenizer."""
        return self.decode(self.tokens)

    def decode(self, ids: Sequence[int]) -> str:
        if self.model.tokenizer is None:
            return " ".join(map(str, ids))
        return self.model.tokenizer.decode(ids)

    def encode(self, text: str) -> list[int]:
        """The ids of a prompt, with the beginning token that the tokenizer's file asks for."""
        if self.model.tokenizer is None:
            raise InputError(f"{self.model.name} has no tokenizer: give ids, as --ids 1,2,3")
        return self.model.tokenizer.encode_prompt(text)

    def prompt(self, text: str | None = None, ids: Sequence[int] | None = None, stop: Callable[[], bool] = never,
               report: Callable[[int, int], None] | None = None) -> None:  # fmt: skip
        """Run a new prompt. The old text stays if the new one cannot be run."""
        ids = self.encode(text) if ids is None and text is not None else list(ids or ())
        if not ids:
            raise InputError("the prompt is empty: type at least one token")
        decoder = decoder_for(self.prepared, self.edits, self.decoder)
        leaf = feed_prompt(decoder, ids, stop, report)
        self.decoder, self.leaf, self._left = decoder, leaf, None
        self.ended = None
        self._trim(leaf.path())
        self.restep()

    def adopt(self, leaf: Node, stop: Callable[[], bool] = never) -> None:
        """Take over a tree of texts that has not been run, with the one that ends at `leaf` as the active one."""
        decoder = decoder_for(self.prepared, self.edits, self.decoder)
        decoder.stop = stop
        replay(decoder, leaf)
        self.decoder, self.leaf, self._left = decoder, leaf, None
        self.ended = None
        self._trim(leaf.path())
        self.restep()

    def generate(self, count: int, stop_text: str | None = None, ignore_eos: bool = False,
                 stop: Callable[[], bool] = never) -> Iterator[Generated]:  # fmt: skip
        """Yield up to `count` new tokens. `ended` says afterwards why it stopped; stopping keeps what was made."""
        if self.leaf is None:
            raise InputError("there is no text yet: give a prompt first")
        stream, written = self._stream(), ""
        self.decoder.stop = stop
        self.ended = None
        made, spent_s = 0, 0.0
        while self.ended is None:
            if made >= count:
                self.ended = asked_for(count)
            elif len(self.decoder.ids) >= self.model.config.context:
                self.ended = f"the context's end ({self.model.config.context} tokens)"
            elif stop():
                break
            else:
                started = perf_counter()
                try:
                    token = self.next_token(stream)
                except Cancelled:  # in the middle of a pass over the whole text
                    break
                spent_s += perf_counter() - started  # what the caller does between tokens is not counted
                made, written = made + 1, written + token.text
                self.tokens_per_s = self._speeds[self._running] = made / spent_s
                if not ignore_eos and token.id in self.model.config.eos:
                    self.ended = f"the end token {token.id}"
                elif stop_text and stop_text in written:
                    self.ended = "the stop text"
                yield token

    def next_token(self, stream: StreamDecoder | None = None) -> Generated:
        """Draw one token and feed it. Raises InputError at the context's end or where the logits are not numbers."""
        assert self.leaf is not None
        logits = self._logits(self.leaf)
        draw = sample(logits, self.sampler, self._generator(len(self.decoder.ids)), self.decoder.ids)
        node = self._extend(draw.token, generated=True)
        text = stream.push(draw.token) if stream else self.decode([draw.token])
        return Generated(draw.token, text, draw, node)

    def take_back(self) -> None:
        """Forget the last token; the same seed draws the same token again."""
        if self.leaf is None or self.leaf.parent is None:
            raise InputError("the first token cannot be taken back; give another prompt instead")
        gone = self.leaf
        self.decoder.rewind(len(self.decoder.ids) - 1)
        parent = self.leaf.parent
        if not gone.children:
            parent.children.remove(gone)
        self.leaf = parent
        self._look_back()
        self.ended = None

    def choose(self, position: int, id: int) -> None:
        """Put another token at `position`, ending the text there; the text as it was stays as a branch."""
        nodes = self.nodes
        if not 1 <= position <= len(nodes):
            raise InputError(f"position {position}: expected 1 to {len(nodes)}")
        if not 0 <= id < self.model.config.vocab:
            raise InputError(f"token {id}: expected an id from 0 to {self.model.config.vocab - 1}")
        if position < len(nodes):
            decoder = self.decoder.fork()
            decoder.rewind(position)
            self._left = (nodes[-1], self.decoder)
            self.decoder, self.leaf = decoder, nodes[position - 1]
            self._look_back()
            self._logits(self.leaf)
        self._extend(id, generated=True)
        self.ended = None

    def activate(self, branch: int, stop: Callable[[], bool] = never) -> None:
        """Go to another branch. Only the one left last still has its cache; others are run again."""
        leaves = self.branch_ends()
        if not 0 <= branch < len(leaves):
            raise InputError(f"branch {branch}: expected 0 to {len(leaves) - 1}")
        self.go_to(leaves[branch], stop)

    def go_to(self, leaf: Node, stop: Callable[[], bool] = never) -> None:
        """Make the text that ends at a node the active one; it may have been taken back, or be of an earlier prompt."""
        old = self.leaf
        if leaf is old or old is None:
            return
        if self._left and self._left[0] is leaf:
            decoder = self._left[1]
        else:
            decoder = self.decoder.fork()
            decoder.stop = stop
            replay(decoder, leaf)
        hang_in(leaf)
        self._left = (old, self.decoder)
        self.decoder, self.leaf = decoder, leaf
        self.ended = None
        self._trim(leaf.path())
        self.restep()

    def branch_ends(self) -> list[Node]:
        """The last token of every branch, in the order in which they fork off; the active text is always one."""
        ends: list[Node] = []
        waiting = [self.nodes[0]] if self.leaf else []
        while waiting:
            node = waiting.pop()
            waiting += reversed(node.children)
            if not node.children or node is self.leaf:
                ends.append(node)
        return ends

    def change(self, settings: Settings, stop: Callable[[], bool] = never) -> None:
        """Run under other settings from here on: the text stays, its internals are computed again.

        `switch` says afterwards what that changed. Where it is stopped or fails, everything is as it was.
        """
        nodes, old = self.nodes, self.decoder
        before = last_logits(nodes)
        prepared = self.prepared.under(settings)
        decoder = decoder_for(prepared, self.edits, old)
        decoder.stop = stop
        if self.leaf is not None:
            replay(decoder, self.leaf)
        number = self.switch.number + 1 if self.switch else 1
        switch = switch_between(number, old, decoder, before, nodes, self.tokens_per_s)
        self.switch = replace(switch, before=self.settings, after=settings)  # edits run under fewer of them
        self.settings, self.prepared, self.decoder, self._left = settings, prepared, decoder, None
        self.tokens_per_s = self._speeds.get(self._running)
        self._threads.set(settings.threads)
        if self.leaf is not None:
            self._trim(self.leaf.path())
        self.restep()

    def take_edits(self, edits: Sequence[Edit], stop: Callable[[], bool] = never) -> None:
        """Write with other edits from here on: the text stays, its internals are computed again.

        Where it is stopped or fails, everything is as it was.
        """
        decoder = decoder_for(self.prepared, edits, self.decoder)
        decoder.stop = stop
        if self.leaf is not None:
            replay(decoder, self.leaf)
        self.edits, self.decoder, self._left = list(edits), decoder, None
        self.tokens_per_s = self._speeds.get(self._running)
        if self.leaf is not None:
            self._trim(self.leaf.path())
        self.restep()

    def compare(self, words: str = "", model: Model | None = None, text: str | None = None,
                ids: Sequence[int] | None = None) -> None:  # fmt: skip
        """Lock a second lane to this text: its settings, as `int8=all,rank=32`, and if given another model or text."""
        self.comparison = beside(words, model, self.encode(text) if text is not None else ids)

    def follow(self, stop: Callable[[], bool] = never, report: Callable[[int, int], None] | None = None) -> None:
        """Bring the comparison, if there is one, to the present text and settings; what has not changed is not run."""
        comparison, now = self.comparison, (self.model, self.settings, self.tokens)
        if comparison is not None and self.leaf is not None and comparison.is_stale(*now):
            comparison.run(*now, stop, report)

    def resample(self, seed: int | None = None, **changes: float) -> None:
        """Change how tokens are drawn; no forward pass is needed."""
        self.sampler = replace(self.sampler, **changes)  # type: ignore[arg-type]
        self.seed = self.seed if seed is None else seed

    def restep(self, kind: str | None = None) -> None:
        """Begin to step a pass over the present text, of one of the kinds of `engine.passes`; by default of the last.

        Where a training pass is refused, the plain one takes its place, and the error is raised if it was asked for.
        """
        self.pass_kind = kind or self.pass_kind
        if self.leaf is None:
            return
        depth = self.stepper.depth if self.stepper else "line"
        try:
            stepped = pass_of(self.pass_kind, self.model, self.decoder, self.settings.kv_window, self.tokens)
        except MiniGPTError:
            if self.pass_kind != TRAINING:
                raise
            self.restep(PLAIN)
            if kind is not None:
                raise
            return
        edits, views = applied(self, stepped)
        self.stepper = Stepper(*stepped, edits, self.breakpoints, depth, self.pass_kind)
        self.stepper.edits = views

    @property
    def _running(self) -> tuple[Settings, bool]:
        """What decides how fast it writes."""
        return self.settings, bool(self.edits)

    def _stream(self) -> StreamDecoder | None:
        if self.model.tokenizer is None:
            return None
        stream = self.model.tokenizer.stream()
        for id in self.tokens:
            stream.push(id)
        return stream

    def _generator(self, position: int) -> np.random.Generator:
        """The generator as it stands before the token at `position`: a rewound text draws the same numbers again."""
        bits = np.random.PCG64(self.seed)
        bits.advance(position)
        return np.random.Generator(bits)

    def _extend(self, id: int, generated: bool) -> Node:
        """Feed one token to the active text and make it the leaf."""
        assert self.leaf is not None
        known = self.leaf
        fed = next(iter(self.decoder.feed([id])))
        node = known.child(id, generated)
        node.receive(owned(fed.logits[-1]), rows_of(fed))
        self.leaf = node
        self._trim([node])
        return node

    def _logits(self, node: Node) -> np.ndarray:
        """The logits after the active leaf, computed again if they were dropped for the byte budget."""
        if node.logits is None:
            self.decoder.rewind(node.position)
            fed = next(iter(self.decoder.feed([node.id])))
            node.receive(owned(fed.logits[-1]), rows_of(fed))
        assert node.logits is not None
        return node.logits

    def _look_back(self) -> None:
        """Stand on an earlier token: under edits, which may look at the whole text, the later ones are computed out."""
        if self.edits and self.leaf is not None:
            self.decoder.stop = None
            self.leaf.logits = None
            self._logits(self.leaf)

    def _trim(self, added: Iterable[Node]) -> None:
        """Count what came with some nodes; beyond the byte budget drop what other branches hold, then the oldest."""
        self._kept_bytes += sum(map(node_bytes, added))
        if self._kept_bytes <= KEPT_BYTES or self.leaf is None:
            return
        path = list(self.leaf.path())
        active, kept = {id(node) for node in path}, 0
        for node in [*path, *(node for node in path[-1].tree() if id(node) not in active)]:
            kept += node_bytes(node)
            if kept > KEPT_BYTES // 2 and node is not self.leaf:  # drop much at once, so that it is seldom done
                kept -= node_bytes(node)
                node.logits = node.rows = None
        self._kept_bytes = kept


def open_session(spec: str, settings: Settings | None = None, sampler: Sampler | None = None, seed: int = 0) -> Session:
    """Open MODEL and make a session of it. Settings that ask for nothing leave a rewritten model as it was saved."""
    return Session(open_model(spec), None if settings == Settings() else settings, sampler, seed)
