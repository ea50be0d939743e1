"""The words along a chart: every so many, and always the last."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QPainter, QPicture

from viewers.qt.axes import written


@pytest.mark.parametrize(
    ("cells", "step", "wanted"),
    [(0, 5, []), (1, 5, [0]), (4, 1, [0, 1, 2, 3]), (16, 5, [0, 5, 10, 15]), (17, 5, [0, 5, 10, 16]), (3, 5, [2])],
)
def test_the_last_cell_is_written_and_no_neighbour_is_nearer_than_a_step(cells, step, wanted):
    assert written(cells, step) == wanted


def drawn(axis):
    """The words that the axis draws, with their boxes: it leaves out those that do not fit."""
    picture = QPicture()
    painter = QPainter(picture)
    _, _, texts = axis.generateDrawSpecs(painter)
    painter.end()
    return [(box, words) for box, _, words in texts]


def test_first_and_last_token_have_their_label_within_the_picture(window, qtbot):
    window.docks.arrange()
    window.docks.bring("logprobs")
    chart, last = window.panels["logprobs"].chart, len(window.snapshot.tokens) - 1
    axis = chart.plot.getAxis("bottom")
    qtbot.waitUntil(lambda: chart.plot.isVisible() and len(drawn(axis)) > 2)
    words = [text for _, text in drawn(axis)]
    assert words[0].split()[0] in ("0", "R") and words[-1].split()[0] in (str(last), "t")
    for box, _ in drawn(axis):
        assert chart.plot.rect().contains(chart.plot.mapFromScene(axis.mapRectToScene(box)).boundingRect())


def test_the_names_of_the_lines_hide_none_of_them(window):
    window.docks.bring("logprobs")
    panel = window.panels["logprobs"]
    assert list(panel.key.names) == list(panel.chart._lines) and not panel.chart._legend.isVisible()
    assert panel.key.geometry().bottom() < panel.chart.plot.geometry().top()
