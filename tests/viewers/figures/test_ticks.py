"""Labels of tokens never overlap and never leave the page, however many tokens there are and however small it is."""

from __future__ import annotations

from itertools import pairwise

import pytest

from viewers.figures.attention import attention_generated, attention_head
from viewers.figures.frame import Look, Pick
from viewers.figures.heads import entropy_heatmap
from viewers.figures.logprobs import logprobs
from viewers.figures.ticks import LONGEST, STEPS, shown, step_for

LONG, LETTERS = (" unbelievable", "W" * 30), tuple("ROMEO: a")


def boxes(axis) -> list:
    labels = [label for label in axis.get_ticklabels() if label.get_visible() and label.get_text()]
    return [label.get_window_extent() for label in labels]


@pytest.mark.parametrize(
    ("drawing", "tokens", "size"),
    [
        *((attention_head, tokens, size) for tokens in (5, 60, 600) for size in (None, (4.0, 3.0))),
        *((drawing, 60, None) for drawing in (attention_generated, entropy_heatmap, logprobs)),
        *((drawing, 600, None) for drawing in (attention_generated, logprobs)),
    ],
)
def test_labels_are_apart_and_on_the_page(make_trace, drawing, tokens, size):
    texts = ((*LONG, *LETTERS) * tokens)[:tokens]
    figure = drawing.figure(make_trace(tokens, 1, 2, tokens // 2, texts), Look(size=size), Pick())
    page = figure.bbox
    for axes in figure.axes:
        for axis, is_x in ((axes.xaxis, True), (axes.yaxis, False)):
            found = sorted(boxes(axis), key=lambda box: box.x0 if is_x else box.y0)
            assert all((b.x0 >= a.x1 if is_x else b.y0 >= a.y1) for a, b in pairwise(found))
            assert all(
                box.x0 >= -1 and box.y0 >= -1 and box.x1 <= page.x1 + 1 and box.y1 <= page.y1 + 1 for box in found
            )


def test_few_letters_lie_flat_and_all_are_there(make_trace):
    axes = attention_head.figure(make_trace(40, texts=LETTERS * 5), Look(), Pick()).axes[0]
    labels = axes.xaxis.get_ticklabels()
    assert "".join(label.get_text() for label in labels) == "ROMEO:·a" * 5
    assert {label.get_rotation() for label in labels} == {0}


def test_where_some_are_left_out_each_says_which_it_is(make_trace):
    axes = attention_head.figure(make_trace(600), Look(), Pick()).axes[0]
    numbers = [int(label.get_text().split()[0]) for label in axes.yaxis.get_ticklabels()]
    assert numbers == list(range(0, 600, numbers[1])) and numbers[1] in STEPS and len(numbers) > 20


def test_titles_and_footers_stay_on_the_page_and_off_the_picture(make_trace):
    for size in ((3.0, 3.0), (14.0, 4.0)):
        figure = attention_head.figure(make_trace(20), Look(size=size), Pick())
        texts = [text.get_window_extent() for text in figure.texts]
        assert all(box.x1 <= figure.bbox.x1 and box.y0 >= 0 and box.y1 <= figure.bbox.y1 for box in texts)
        drawn = figure.axes[0].get_window_extent()
        assert not any(box.overlaps(drawn) for box in texts)


def test_labels_are_short_and_visible():
    assert shown("\n a\x1b") == "↵·a\\u{001B}" and len(shown("W" * 99)) == LONGEST
    assert [step_for(each, 9.0) for each in (9.0, 5.0, 1.0, 0.1, 1e-9)] == [1, 2, 10, 100, STEPS[-1]]
