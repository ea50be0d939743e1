"""Pictures of a prompt show the engine's numbers, at the size asked for, the same every time, and obey no text."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from math import log
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from engine.errors import InputError
from engine.settings import Settings
from engine.text import visible
from engine.trace import nothing_foreseen
from viewers.exports import Options
from viewers.figures.attention import attention_generated, attention_head
from viewers.figures.entropy_lines import entropy_lines
from viewers.figures.frame import Look, Pick
from viewers.figures.habits import head_habits
from viewers.figures.heads import entropy_heatmap, head_contribution
from viewers.figures.logprobs import logprobs
from viewers.figures.memory import memory_log
from viewers.figures.similarity import similarity
from viewers.figures.timeline import inference_timeline
from viewers.figures.wall import attention_layer, attention_wall, columns_for

DRAWINGS = [attention_head, attention_layer, attention_wall, attention_generated, entropy_heatmap, entropy_lines,
            head_contribution, similarity, head_habits, logprobs, memory_log, inference_timeline]  # fmt: skip
HOSTILE = (
    "</script><script>alert(1)",
    "\"&<>'",
    "\u202eevil",
    "\x1b[31m\x00",
    "$\\evil$",
    "$\\frac{1}{2}$",
    "\ud800",
    "日本",
)
SVG = "{http://www.w3.org/2000/svg}"
each_drawing = pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda drawing: drawing.__name__)


def shown(image) -> np.ndarray:
    """What an image draws, NaN where it draws nothing."""
    return np.ma.filled(image.get_array().astype(np.float64), np.nan)


def below_diagonal(pattern: np.ndarray, window: int = 10**9) -> np.ndarray:
    expected = pattern.astype(np.float64)
    for query, key in np.ndindex(pattern.shape):
        if key > query or query - key >= window:
            expected[query, key] = np.nan
    return expected


@pytest.mark.parametrize("drawing", [attention_head, logprobs], ids=lambda drawing: drawing.__name__)
def test_a_png_has_the_size_and_page_asked_for_and_is_the_same_bytes_twice(make_trace, drawing):
    for dark, page in ((False, (255, 255, 255)), (True, (23, 24, 28))):
        one, two = (drawing(make_trace(6, prompt=4), Options(dark=dark, dpi=50, size=(6.0, 4.0)), "png") for _ in "12")
        image = Image.open(BytesIO(one)).convert("RGB")
        assert image.size == (300, 200) and image.getpixel((1, 1)) == page
        assert one == two and b"Software" not in one
        assert len(image.getcolors(300 * 200)) > 20


@each_drawing
def test_an_svg_is_text_that_obeys_nobody_says_where_it_is_from_and_is_the_same_twice(make_trace, drawing):
    trace = make_trace(len(HOSTILE), prompt=4, texts=HOSTILE)
    trace = replace(trace, about=replace(trace.about, name="<b>$\\evil$\u202e\x1b[2J", line="</svg><script>x</script>"))
    data = drawing(trace, Options(), "svg")
    assert data == drawing(trace, Options(), "svg")
    root = ElementTree.fromstring(data)
    words = [node.text or "" for node in root.iter(SVG + "text")]
    footer = ("<b>$\\evil$\\u{202E}\\u{001B}[2J", "</svg><script>x</script>", "0123456789ab", "--no-kv", "seed 7",
              "4 of them generated", "MiniGPT 9.9.9")  # fmt: skip
    assert all(word in " ".join(words) for word in footer)
    assert root.find(SVG + "title").text
    assert not [node for node in root.iter() if "script" in node.tag]
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", data.decode())
    assert b"<dc:date" not in data and b"matplotlib.org" not in data
    if drawing in (attention_head, logprobs, entropy_heatmap):
        assert {"$\\evil$", "\\u{202E}evil", visible(HOSTILE[1]), "日本"} <= set(words)


@each_drawing
def test_one_token_and_a_trace_that_holds_little_are_drawn_too(make_trace, drawing):
    one = make_trace(1, layers=1, heads=1)
    poor = replace(
        make_trace(4), foreseen=nothing_foreseen(4), head_contributions=np.full((2, 3, 4), np.nan, np.float32)
    )
    poor = replace(poor, rows=tuple(replace(row, elapsed_s=None) for row in poor.rows))
    for trace in (one, poor):
        assert drawing.figure(trace, Look(dpi=40), Pick()).axes


def test_a_head_is_drawn_number_for_number(make_trace):
    trace = make_trace(9)
    figure = attention_head.figure(trace, Look(), Pick(1, 2))
    pattern = trace["blocks.1.attn.pattern"][0, 2]
    assert np.array_equal(shown(figure.axes[0].images[0]), below_diagonal(pattern), equal_nan=True)
    written = {text.get_text() for text in figure.axes[0].texts}
    assert len(figure.axes[0].texts) == 9 * 10 // 2 and "1" in written  # the first token looks at itself


def test_what_a_window_hides_is_empty(make_trace):
    trace = make_trace(9, window=3)
    image = attention_head.figure(trace, Look(), Pick(0, 1)).axes[0].images[0]
    assert np.array_equal(shown(image), below_diagonal(trace["blocks.0.attn.pattern"][0, 1], 3), equal_nan=True)
    assert np.isnan(shown(image)[8, 5]) and not np.isnan(shown(image)[8, 6])


def test_an_svg_holds_the_same_cells_as_blocks(make_trace):
    trace = make_trace(9)
    image = shown(attention_head.figure(trace, Look("svg"), Pick(0, 0)).axes[0].images[0])
    block = len(image) // 9
    expected = below_diagonal(trace["blocks.0.attn.pattern"][0, 0])
    assert block > 8 and np.array_equal(image, expected.repeat(block, 0).repeat(block, 1), equal_nan=True)


def test_the_wall_has_every_head_in_its_place(make_trace):
    trace = make_trace(9)
    axes = attention_wall.figure(trace, Look(), Pick()).axes[0]
    places = [(image.get_extent()[0], image.get_extent()[3]) for image in axes.images]
    assert places == sorted(places, key=lambda place: (place[1], place[0])) and len(set(places)) == 6
    for image, (layer, head) in zip(axes.images, np.ndindex(2, 3), strict=True):
        expected = below_diagonal(trace[f"blocks.{layer}.attn.pattern"][0, head])
        assert np.array_equal(shown(image), expected, equal_nan=True)
    one = attention_layer.figure(trace, Look(), Pick(1)).axes[0]
    assert [np.nansum(shown(image)) for image in one.images] == pytest.approx([9, 9, 9])
    assert [text.get_text() for text in one.texts] == ["head 0", "head 1", "head 2"]


def test_pictures_of_heads_stand_in_full_rows_where_they_can():
    assert [columns_for(heads) for heads in (1, 2, 4, 6, 8, 12, 25)] == [1, 2, 2, 3, 4, 4, 5]


def test_no_peak_is_lost_where_there_are_more_cells_than_dots(make_trace):
    trace = make_trace(300, layers=1, heads=1)
    pattern = np.tril(np.full((1, 1, 300, 300), 1e-4, np.float32))
    pattern[0, 0, 217, 101] = 0.9
    trace = replace(trace, values={"blocks.0.attn.pattern": pattern})
    for drawing in (attention_head, attention_wall, attention_layer):
        image = shown(drawing.figure(trace, Look(size=(3.0, 3.0), dpi=30), Pick()).axes[0].images[0])
        assert len(image) < 100 and np.nanmax(image) == np.float32(0.9)


def test_generated_rows_are_the_last_rows(make_trace):
    trace = make_trace(9, prompt=6)
    axes = attention_generated.figure(trace, Look(), Pick(0, 1)).axes[0]
    expected = below_diagonal(trace["blocks.0.attn.pattern"][0, 1])[6:]
    assert np.array_equal(shown(axes.images[0]), expected, equal_nan=True)
    assert axes.get_ylabel() == "generated token (looking)"


def test_entropy_is_drawn_per_head_and_per_token(make_trace):
    trace = make_trace(5)
    means, tokens = (axes.images[0] for axes in entropy_heatmap.figure(trace, Look(), Pick()).axes[:2])
    for row, (layer, head) in enumerate(np.ndindex(2, 3)):
        shares = trace[f"blocks.{layer}.attn.pattern"][0, head]
        nats = [-sum(p * log(p) for p in map(float, line) if p > 0) for line in shares]
        assert shown(tokens)[row] == pytest.approx(nats, abs=1e-5)
        assert shown(means)[layer, head] == pytest.approx(np.mean(nats), abs=1e-5)
    lines = entropy_lines.figure(trace, Look(), Pick()).axes
    assert lines[0].lines[0].get_ydata() == pytest.approx(shown(means).mean(1), abs=1e-6)
    assert lines[1].lines[0].get_ydata() == pytest.approx([log(n) for n in range(1, 6)])


def test_contributions_and_similarity_are_drawn_as_they_are(make_trace):
    trace = make_trace(5)
    image = head_contribution.figure(trace, Look(), Pick()).axes[1].images[0]
    assert np.array_equal(shown(image).astype(np.float32), trace.head_contributions.reshape(6, 5))
    matrix, bars = similarity.figure(trace, Look(), Pick()).axes[:2]
    drawn = shown(matrix.images[0])
    a, b = trace["blocks.0.attn.pattern"][0, 1], trace["blocks.1.attn.pattern"][0, 2]
    cosines = [x @ y / np.sqrt((x @ x) * (y @ y)) for x, y in zip(a, b, strict=True)]
    assert drawn[1, 5] == drawn[5, 1] == pytest.approx(np.mean(cosines), abs=1e-6)
    apart = 1 - (drawn[0, 1] + drawn[0, 2]) / 2
    assert bars.patches[0].get_width() == pytest.approx(apart, abs=1e-6)


def test_bars_are_surprises_and_marks_the_entropy_before(make_trace):
    trace = make_trace(9, prompt=4)
    axes = logprobs.figure(trace, Look(), Pick()).axes[0]
    heights = {round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in axes.patches}
    assert [heights[t] for t in range(1, 9)] == pytest.approx((-trace.token_logprobs[1:]).tolist())
    marks = axes.lines[0].get_ydata()
    assert np.isnan(marks[0]) and marks[1:] == pytest.approx(trace.token_entropies[:-1])
    colours = {bar.get_facecolor() for bar in axes.patches[:4]}, {bar.get_facecolor() for bar in axes.patches[4:]}
    assert len(colours[0]) == len(colours[1]) == 1 and colours[0] != colours[1]


def test_memory_is_the_rows_and_the_peak_is_named(make_trace):
    trace = replace(make_trace(5), settings=Settings())
    course, stack = memory_log.figure(trace, Look(), Pick()).axes
    assert course.lines[0].get_ydata().tolist() == [3000, 2000, 3001, 2000]
    assert (course.lines[1].get_xdata()[0], course.lines[1].get_ydata()[0]) == (2, 3001)
    assert [text.get_text() for text in course.texts] == ["peak 3 KB"]
    cache = 2 * 4 * 3 * 4 * 5  # keys and values, 4 bytes, 3 heads of size 4, 5 tokens
    assert [round(bar.get_width()) for bar in stack.patches] == [4096, 4096, cache, cache, 3000, 3001]
    assert [bar.get_x() for bar in stack.patches][4:] == [4096 + cache] * 2
    assert len(memory_log.figure(make_trace(5), Look(), Pick()).axes[1].patches) == 4  # without a cache there is none


def test_times_are_the_traces_and_coloured_by_what_bounds_them(make_trace):
    figure = inference_timeline.figure(make_trace(5), Look(), Pick())
    course, table = figure.axes
    spans = [[tuple(box.get_extents().bounds) for box in part.get_paths()] for part in course.collections]
    assert sum(box[2] for part in spans for box in part) == pytest.approx(4.0)  # four lines of 1 ms
    assert {text.get_text() for text in course.get_legend().get_texts()} >= {"bound by arithmetic"}
    assert [text.get_text() for text in table.get_yticklabels()] == ["linear × 2", "add × 2"]


def test_bars_of_colour_have_the_values_that_they_name(make_trace):
    figure = attention_head.figure(make_trace(9), Look(), Pick())
    bar = figure.axes[-1]
    ticks = [(tick, text.get_text()) for tick, text in zip(bar.get_yticks(), bar.get_yticklabels(), strict=True)]
    assert [(float(text), value) for value, text in ticks] == [(value, value) for value, _ in ticks]
    assert ticks[0][0] == 0 and ticks[-1][0] == 1 and "share" in bar.get_ylabel()
    image = figure.axes[0].images[0]
    assert image.norm(0.25) == pytest.approx(0.5)  # the square root of a share


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"format": "jpg"}, "format: expected png or svg, got 'jpg'"),
        ({"dpi": 5000}, "dpi: expected a whole number from 30 to 1200, got 5000"),
        ({"size": (0.5, 3)}, "size: expected inches from 2.5 to 60.0, got 0.5 x 3"),
        ({"size": (float("nan"), 3)}, "size: expected inches"),
        ({"size": (60, 60), "dpi": 600}, "more than 100,000,000 pixels"),
    ],
)
def test_a_look_that_cannot_be_is_refused_in_one_line(options, says):
    with pytest.raises(InputError, match=re.escape(says)):
        Look(**options)


def test_a_head_that_the_model_has_not_is_refused(make_trace):
    with pytest.raises(InputError, match="head 3: this model has heads 0 to 2"):
        attention_head(make_trace(4), Options(head=3), "png")
    with pytest.raises(InputError, match="layer 2: this model has layers 0 to 1"):
        attention_layer(make_trace(4), Options(layer=2, head=99), "png")
