"""What `minigpt diff` found, as lines for a person and as values for a machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len

from app.cli.lanes import TRACE
from engine.analysis.drift import Drift, Place
from engine.lane import plainly, words_of
from engine.text import visible
from engine.trace import Trace

COLUMNS = ("address", "max |a - b|", "relative", "norm", "cosine")


def report(name_a: str, name_b: str, a: Trace, b: Trace, drift: Drift, limit: int) -> list[str]:
    """The comparison for a person."""
    compared = f"{len(drift.places)} addresses, {len(drift.over)} of them over the threshold {drift.threshold:g}"
    return [
        f"A           {name_a}  ({_about(name_a, a)})",
        f"B           {name_b}  ({_about(name_b, b)})",
        f"text        {_text(drift)}",
        f"compared    {compared} (relative: max |a - b| / max |a|)",
        *_left(drift, limit),
        "",
        *_first(drift.first, len(drift.left.misshapen)),
        "",
        "drift along the residual stream",
        *_table(drift.along),
        "",
        *_worst(drift, limit),
        "",
        *_tokens(a, b, drift, limit),
    ]


def _about(name: str, trace: Trace) -> str:
    """The model; of a file also its name, and the settings that change its numbers."""
    if not name.endswith(TRACE):
        return trace.about.line
    lane = ":".join(filter(None, (trace.about.name, words_of(plainly(trace.settings)))))
    return f"{lane}, {trace.about.line}"


def _text(drift: Drift) -> str:
    a, b = drift.lengths
    tokens = f"{a} tokens" if a == b else f"A has {a} tokens and B {b}: the first {drift.positions} are compared"
    if not drift.unequal:
        return f"{tokens}, the same in both"
    places = ", ".join(map(str, drift.unequal[:8])) + (", ..." if len(drift.unequal) > 8 else "")
    return f"{tokens}; not the same token at {places}"


def _left(drift: Drift, limit: int) -> list[str]:
    """What was not compared, and why."""
    left = drift.left
    shapes = [f"{name} {_shape(x)} and {_shape(y)}" for name, x, y in left.misshapen]
    kinds = (("only in A", left.only_a), ("only in B", left.only_b), ("not recorded", left.unrecorded),
             ("other shape", shapes))  # fmt: skip
    return [f"{kind:<12}{len(names)}: {_some(names, min(limit, 4))}" for kind, names in kinds if names]


def _some(names: Sequence[str], limit: int) -> str:
    return ", ".join(names[:limit]) + (", ..." if len(names) > limit else "")


def _first(place: Place | None, misshapen: int) -> list[str]:
    if place is None:
        shapes = f", but {misshapen} have other shapes: these are not two models of one shape" if misshapen else ""
        return [f"no address is over the threshold{shapes}"]
    apart, row = place.apart, place.row
    words = f" = {row.call}   {row.where}" if row else ""
    clashes = f"; {apart.clashes:,} not finite on one side only" if apart.clashes else ""
    return [
        "first address over the threshold",
        f"  {place.address}{words}",
        *([f"  in B: {place.b.call}   {place.b.where}"] if row and place.b and place.b.call != row.call else []),
        f"  shape {_shape(apart.shape)}, {' and '.join(dict.fromkeys(place.dtypes))}{clashes}",
        f"  max |a - b| {apart.largest:.3g}, relative {apart.relative:.3g}, norm {apart.norm_relative:.3g}, "
        f"cosine {apart.cosine:.9f}",
        f"  largest at [{', '.join(map(str, apart.worst))}]: A {apart.a:.9g}, B {apart.b:.9g}",
    ]


def _worst(drift: Drift, limit: int) -> list[str]:
    unequal = sum(not place.apart.is_exact for place in drift.places)
    if not unequal:
        return ["every value that was compared is equal"]
    return [f"worst addresses ({min(limit, unequal)} of {unequal})", *_table(drift.worst(min(limit, unequal)))]


def _table(places: Sequence[Place]) -> list[str]:
    rows = [
        (place.address, f"{d.largest:.3g}", f"{d.relative:.3g}", f"{d.norm_relative:.3g}", f"{d.cosine:.9f}")
        for place in places
        for d in (place.apart,)
    ]
    return aligned(COLUMNS, rows, left=1)


def _tokens(a: Trace, b: Trace, drift: Drift, limit: int) -> list[str]:
    """The tokens whose predictions are furthest apart, in the order of the text."""
    found = drift.tokens
    if found is None:
        return ["next token: not compared (no logits of one vocabulary on both sides)"]
    flips = found.flips.nonzero()[0].tolist()
    apart = [i for i in range(drift.positions) if found.kl[i] != 0 or i in flips]
    worst = sorted(apart, key=lambda i: (-_or_inf(float(found.kl[i])), i))[:limit]
    rows = [
        (
            str(i),
            visible(a.about.texts[i], spaces=True) if a.about.texts else "",
            f"{found.kl[i]:.3g}",
            f"{found.entropy[i]:.3f}",
            _choice(a, int(found.choice_a[i])),
            _choice(b, int(found.choice_b[i])),
            "flip" if i in flips else "",
        )
        for i in sorted(worst)
    ]
    heads = ("after", "token", "KL(A||B)", "entropy A", "A's choice", "B's choice", "")
    top = max(range(drift.positions), key=lambda i: _or_inf(float(found.kl[i])), default=0)
    return [
        f"next token  mean KL(A||B) {found.mean_kl:.3g} nats, largest {found.kl[top]:.3g} after token {top}; "
        f"first choice differs at {len(flips)} of {drift.positions}"
        + (f": {_some(list(map(str, flips)), limit)}" if flips else ""),
        *(aligned(heads, rows, left=2) if rows else ()),
    ]


def _choice(trace: Trace, id: int) -> str:
    text = trace.candidate_texts.get(id)
    return f"{id}" if text is None or not trace.about.has_tokenizer else f"{visible(text, spaces=True)} ({id})"


def aligned(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """A table; the first `left` columns stand left, the others right. Foreign text is measured as it will be shown."""
    table = [[visible(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        gaps = [" " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [cell + gap if i < left else gap + cell for i, (cell, gap) in enumerate(zip(row, gaps, strict=True))]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines


def facts(name_a: str, name_b: str, a: Trace, b: Trace, drift: Drift) -> dict[str, Any]:
    """The comparison for a machine. What JSON has no number for is "nan", "inf" or "-inf"."""
    found, left = drift.tokens, drift.left
    return {
        "a": {"name": name_a, "fingerprint": a.fingerprint, "tokens": list(a.tokens)},
        "b": {"name": name_b, "fingerprint": b.fingerprint, "tokens": list(b.tokens)},
        "threshold": drift.threshold,
        "positions": drift.positions,
        "unequal_tokens": list(drift.unequal),
        "parted": drift.has_parted,
        "first": drift.first.address if drift.first else None,
        "along": [place.address for place in drift.along],
        "addresses": [_facts(place) for place in drift.places],
        "only_a": list(left.only_a),
        "only_b": list(left.only_b),
        "not_recorded": list(left.unrecorded),
        "other_shape": [{"address": n, "shape_a": list(x), "shape_b": list(y)} for n, x, y in left.misshapen],
        "next_token": None if found is None else {
            "kl": [_number(x) for x in found.kl],
            "entropy_a": [_number(x) for x in found.entropy],
            "choice_a": found.choice_a.tolist(),
            "choice_b": found.choice_b.tolist(),
            "mean_kl": _number(found.mean_kl),
            "flips": found.flips.nonzero()[0].tolist(),
        },
    }  # fmt: skip


def _facts(place: Place) -> dict[str, Any]:
    apart, row = place.apart, place.row
    return {
        "address": place.address,
        "call": row.call if row else None,
        "where": row.where if row else None,
        "shape": list(apart.shape),
        "dtypes": list(place.dtypes),
        "max_difference": _number(apart.largest),
        "relative": _number(apart.relative),
        "norm_relative": _number(apart.norm_relative),
        "cosine": _number(apart.cosine),
        "worst_at": list(apart.worst),
        "a": _number(apart.a),
        "b": _number(apart.b),
        "not_finite_on_one_side": apart.clashes,
    }


def _number(value: float) -> float | str:
    return float(value) if math.isfinite(value) else str(float(value))


def _or_inf(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _shape(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "scalar"
