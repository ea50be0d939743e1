"""Where the bytes are: weights, cache and activations of each layer, measured from the arrays that exist."""

from __future__ import annotations

from PySide6.QtWidgets import QScrollArea, QVBoxLayout

from engine.memory import LayerMemory, MemoryReport
from viewers.numbers import bytes_text
from viewers.qt.bars import BarRow, Bars
from viewers.qt.panel import Desk, Panel, dim_label

LEGEND = ("weights", "cache", "activations, at their peak")


def memory_rows(report: MemoryReport) -> list[BarRow]:
    """One row for each place."""
    return [_row(layer) for layer in report.layers]


def _row(layer: LayerMemory) -> BarRow:
    parts = (layer.weights_bytes, layer.cache_allocated_bytes, layer.activation_needed_bytes)
    details = (
        f"{layer.name}: weights {bytes_text(layer.weights_bytes)}; cache {bytes_text(layer.cache_allocated_bytes)}, "
        f"{bytes_text(layer.cache_used_bytes)} of it used; activations at most "
        f"{bytes_text(layer.activation_needed_bytes)}, held for stepping back {bytes_text(layer.activation_held_bytes)}"
    )
    return BarRow(layer.name, parts, bytes_text(sum(parts)), details)


def memory_words(report: MemoryReport) -> str:
    """The sums, beside plain float32."""
    weights, cache = report.total("weights_bytes"), report.total("cache_allocated_bytes")
    peak = bytes_text(report.peak_needed_bytes)
    said = f"weights {bytes_text(weights)}, cache {bytes_text(cache)}, activations {peak} at the peak of the next token"
    if report.plain is not None and weights + cache:
        plain = report.plain.weights_bytes + report.plain.cache_allocated_bytes
        said += f"; weights and cache are {(weights + cache) / plain:.0%} of plain float32 ({bytes_text(plain)})"
    if report.line:
        said += f"; at {report.line} {bytes_text(report.now_bytes)} are needed"
    return said


class MemoryPanel(Panel):
    name, title = "memory", "Memory"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.bars, self.says = Bars(), dim_label()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.bars)
        box = QVBoxLayout(self)
        box.setContentsMargins(6, 6, 6, 6)
        box.addWidget(self.says)
        box.addWidget(scroll, 1)

    def drawn_from(self) -> object:
        s = self.desk.snapshot
        return s and s.memory

    def draw_now(self) -> None:
        snapshot = self.desk.snapshot
        if snapshot is not None:
            self.bars.show_rows(memory_rows(snapshot.memory), LEGEND, self.desk.theme)
            self.says.setText(self.sentence)

    @property
    def sentence(self) -> str:
        return memory_words(self.desk.snapshot.memory) if self.desk.snapshot else ""
