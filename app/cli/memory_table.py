"""Memory per layer and component under the settings of a command line: measured, and the formula beside it.

The arrays are made as generation makes them: the weights that its program reads, and the cache with its first token.
Activations are the most that the pass of that token holds at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.cli.output import line

if TYPE_CHECKING:
    from engine.memory import LayerMemory, MemoryReport
    from engine.prepare import Prepared

COLUMNS = (("weights", "weights_bytes"), ("cache", "cache_allocated_bytes"), ("peak", "activation_needed_bytes"))


def memory_table(prepared: Prepared) -> dict[str, Any]:
    """The rows as plain values, their sums, and the yardstick in float32."""
    from engine.decoder import Decoder
    from engine.memory import summed
    from engine.memory_report import MemoryMeter

    decoder = Decoder(prepared)
    if decoder.cache is not None:
        decoder.cache.claim(1)
    report = MemoryMeter().report(decoder, None, 1)
    rows = [
        {"place": measured.name, "part": measured.part, **_both(measured, formula)}
        for measured, formula in zip(report.parts, report.expected, strict=True)
    ]
    together = _both(summed("", report.parts), summed("", report.expected))
    return {"settings": prepared.settings.flags(), "rows": rows, "together": together, **_beside(report)}


def print_memory_table(table: dict[str, Any]) -> None:
    """For a person: where formula and measurement are the same, one number says both."""
    from app.cli.sizes import human

    def cells(row: dict[str, Any]) -> list[str]:
        return [_told(row[name], human) for name, _ in COLUMNS]

    body = [[f"{row['place']} {row['part']}", *cells(row)] for row in _folded(table["rows"])]
    body.append(["together", *cells(table["together"])])
    body.append(["plain float32", *(human(table["float32"][name]) for name, _ in COLUMNS)])
    body.append(
        ["ratio", *(_ratio(table["together"][name]["measured"], table["float32"][name]) for name, _ in COLUMNS)]
    )
    head = ["memory", *(name for name, _ in COLUMNS)]
    widths = [max(len(row[i]) for row in (head, *body)) for i in range(len(head))]
    line("")
    for row in (head, *body):
        right = (f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        line("  ".join([f"{row[0]:<{widths[0]}}", *right]))
    same = all(_agrees(row) for row in table["rows"])
    line("the formula, from configuration and settings alone, says the same" if same else "(f): what the formula says")
    base = f"{human(table['base_mapped_bytes'])} mapped from its file, {human(table['base_kept_bytes'])} as float32"
    line(f"beside it the model as it was opened, to go back to: {base}")


def _both(measured: LayerMemory, formula: LayerMemory) -> dict[str, dict[str, int]]:
    return {name: {"measured": getattr(measured, field), "formula": getattr(formula, field)} for name, field in COLUMNS}


def _beside(report: MemoryReport) -> dict[str, Any]:
    assert report.plain is not None
    return {
        "float32": {name: getattr(report.plain, field) for name, field in COLUMNS},
        "mapped_bytes": report.mapped_bytes,
        "owned_bytes": report.owned_bytes,
        "base_mapped_bytes": report.base_mapped_bytes,
        "base_kept_bytes": report.base_kept_bytes,
    }


def _folded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Blocks that are alike, one after another, told once: `blocks.0-5 mlp`."""
    places: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        places.setdefault(row["place"], []).append(row)
    groups: list[tuple[list[str], list[dict[str, Any]]]] = []
    for place, parts in places.items():
        alike = [{**part, "place": ""} for part in parts]
        if groups and alike == [{**part, "place": ""} for part in groups[-1][1]]:
            groups[-1][0].append(place)
        else:
            groups.append(([place], parts))
    return [{**part, "place": _range(names)} for names, parts in groups for part in parts]


def _range(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"each of {names[0]}-{names[-1].split('.')[-1]},"


def _agrees(row: dict[str, Any]) -> bool:
    return all(row[name]["measured"] == row[name]["formula"] for name, _ in COLUMNS)


def _told(both: dict[str, int], human: Any) -> str:
    measured, formula = both["measured"], both["formula"]
    return human(measured) if measured == formula else f"{human(measured)} (f {human(formula)})"


def _ratio(now: int, before: int) -> str:
    return f"{now / before:.3f}" if before else "-"
