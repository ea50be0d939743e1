"""`EditedDecoder`: a decoder some of whose values are changed by hand, so that the edited model can be heard to write.

It runs the plain program with the lines of the edits over the whole text for each token. A cache would be faster, but
row 4 of a call would then no longer be token 4, and the mean over all tokens not that of the text. With an edit that
mixes tokens (`mean`), a token's numbers are those of the text as it was when the token was new; a text that is fed
again at once, as when a session is opened, has those of the text as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.cost import infer_shapes
from engine.decoder import Decoder, Fed
from engine.edit_text import edit_text
from engine.editing import fitting
from engine.edits import Edit, apply_edits
from engine.effect import EditView
from engine.prepare import Prepared
from engine.program import Program
from engine.run import Run
from engine.settings import Settings


class EditedDecoder(Decoder):
    """Feeds tokens to an edited model. `base` is what it was prepared from, with a cache and rewrites or without.

    `prepared` keeps of the settings those that change numbers: low rank, INT8, the window.
    """

    def __init__(self, base: Prepared, edits: Sequence[Edit], plain: Prepared | None = None) -> None:
        super().__init__(plain or plainly(base))
        self.base, self.edits = base, tuple(edits)
        self._fits: tuple[int, list[tuple[Edit, str | None]]] = (0, [])  # for the length that was last asked about
        self._programs: dict[tuple[int, ...], Program] = {}  # by the numbers of the edits in it

    def fork(self) -> EditedDecoder:
        """A decoder of the same text; this one stays as it is."""
        other = EditedDecoder(self.base, self.edits, self.prepared)
        other.ids, other._programs = list(self.ids), self._programs
        return other

    def views(self, length: int) -> tuple[EditView, ...]:
        """Every edit, with the reason why a pass over so many tokens goes without it, if it does."""
        return tuple(EditView(edit_text(edit), problem) for edit, problem in self._fitting(length))

    def _fitting(self, length: int) -> list[tuple[Edit, str | None]]:
        if self._fits[0] != length:
            program, weights = self.prepared.prompt
            known = {name: np.shape(weights[name]) for name in program.params}
            known |= {"tokens": (1, length), "position_ids": (length,)}
            self._fits = length, fitting(self.edits, program, infer_shapes(program, known), range(length))
        return self._fits[1]

    def _whole(self, ids: Sequence[int]) -> Fed:
        """The whole text, line by line: to compile for a length that is run once would take longer."""
        first, whole = len(self.ids), [*self.ids, *ids]
        positions = np.arange(len(whole))
        inputs = {"tokens": np.array([whole]), "position_ids": positions}
        weights = self.prepared.prompt[1]
        run = Run(self._program(len(whole)), weights, inputs, hold=False, keep=self.prepared.keep).run(stop=self.stop)
        self.ids = whole
        patterns = tuple(run[address][0, :, first:] for address in self.prepared.keep)  # (1, H, T, S) -> (H, new, S)
        return Fed(first, run["logits"][0, first:], patterns, (positions,) * self.prepared.config.layers)

    def _program(self, length: int) -> Program:
        """The program with the edits that a text of this length takes."""
        taken = tuple(i for i, (_, problem) in enumerate(self._fitting(length)) if problem is None)
        if taken not in self._programs:
            self._programs[taken] = apply_edits(self.prepared.prompt[0], [self.edits[i] for i in taken])
        return self._programs[taken]


def decoder_for(prepared: Prepared, edits: Sequence[Edit], before: Decoder | None = None) -> Decoder:
    """A decoder of no text yet, which uses what was prepared and compiled for the one `before` where it is the same."""
    if not edits:
        made = Decoder(prepared)
        if before is not None and before.prepared is prepared:
            made._functions = before._functions
        return made
    if not isinstance(before, EditedDecoder) or before.base is not prepared:
        return EditedDecoder(prepared, edits)
    edited = EditedDecoder(prepared, edits, before.prepared)
    if edited.edits == before.edits:
        edited._programs = before._programs
    return edited


def plainly(prepared: Prepared) -> Prepared:
    """The same model without a cache and without lines folded or joined, so that every address is there."""
    return prepared.under(plain_settings(prepared.settings))


def plain_settings(settings: Settings) -> Settings:
    """Those of them that an edited model runs under."""
    return replace(settings, kv_cache=False, int8_cache=False, optimize=False, fuse_qkv=False)


def carried(decoder: Decoder) -> tuple[EditView, ...]:
    """The edits that generating carries, and why it goes without one; nothing where there are none."""
    return decoder.views(max(1, len(decoder.ids))) if isinstance(decoder, EditedDecoder) else ()


def taken(decoder: Decoder) -> tuple[Edit, ...]:
    """The edits that its text is written with, those left out that do not fit it."""
    if not isinstance(decoder, EditedDecoder):
        return ()
    return tuple(e for e, view in zip(decoder.edits, carried(decoder), strict=True) if view.problem is None)
