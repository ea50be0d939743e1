"""The page of a stepped pass: every line is there with its equation, shape, cost and numbers, and nothing is alive."""

from __future__ import annotations

import base64
import re
import struct
import xml.etree.ElementTree as ET
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from types import MappingProxyType

import numpy as np
import pytest

from engine.errors import Cancelled, ProgramError
from engine.model import open_model
from engine.recording import record_text
from engine.text import visible
from tests.viewers.html.browser import NEEDS_BROWSER, chromium, opened
from viewers.html.pass_page import pass_page
from viewers.html.png import png_of
from viewers.palette import ABSENT, levels
from viewers.picture import number_text


@pytest.fixture(scope="module")
def short():
    """Five tokens of the shipped model: some values are tables, some pictures."""
    model = open_model("shakespeare")
    return record_text(model, model.tokenizer.encode_prompt("Hark!"), seed=1)


class Articles(HTMLParser):
    """The operations of a page: by address, all text of the article and its table cells."""

    VOID = ("meta", "link", "img", "br", "input")

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.text: dict[str, str] = {}
        self.cells: dict[str, list[str]] = {}
        self.tags: list[str] = []
        self._now, self._cell, self._open = "", False, []
        self.feed(page.decode())
        assert self._open == []  # every element is closed

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in self.VOID:
            self._open.append(tag)
        if tag == "article" and dict(attrs).get("id"):
            self._now = dict(attrs)["id"]
            self.text[self._now], self.cells[self._now] = "", []
        if tag == "td" and self._now:
            self._cell = True
            self.cells[self._now].append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        self._now = "" if tag == "article" else self._now
        self._cell = False if tag == "td" else self._cell

    def handle_data(self, data):
        if self._now:
            self.text[self._now] += data
            if self._cell:
                self.cells[self._now][-1] += data


def decoded(png: bytes) -> np.ndarray:
    """The (R, C) bytes of an unfiltered 8-bit picture, read chunk by chunk with every checksum."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, parts = 8, {}
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + data)
        parts[kind], at = data, at + 12 + size
    wide, high = struct.unpack(">II", parts[b"IHDR"][:8])
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(high, wide + 1)
    assert not rows[:, 0].any()
    return rows[:, 1:]


def test_every_line_of_the_program_is_an_article_in_order(short):
    page = Articles(pass_page(short))
    assert list(page.text) == [row.address for row in short.rows]
    for row in short.rows:
        text = page.text[row.address]
        assert row.call in text and row.explanation in text
        assert " × ".join(map(str, row.shape)) in text


def test_the_numbers_of_small_values_are_the_engine_s(short):
    page = Articles(pass_page(short))
    pattern = short["blocks.0.attn.pattern"][0]  # (H, 5, 5)
    cells = [cell for cell in page.cells["blocks.0.attn.pattern"] if cell]
    wanted = [number_text(float(value)).replace("-", "−") for head in pattern for value in head.ravel()]
    assert cells == wanted
    assert "−∞" in page.cells["blocks.0.attn.masked"]


def test_what_is_large_says_its_span(short):
    page = Articles(pass_page(short))
    value = short["blocks.0.mlp.post"].astype(np.float64)
    text = page.text["blocks.0.mlp.post"].replace("−", "-")
    said = [float(re.search(rf"{name} (-?[0-9.e-]+)", text)[1]) for name in ("min", "max", "mean")]
    assert said == pytest.approx([value.min(), value.max(), value.mean()], rel=0.06)


def test_every_equation_is_well_formed_mathml(short):
    page = pass_page(short).decode()
    equations = re.findall(r"<math.*?</math>", page)
    assert len(equations) == len(short.rows)
    for equation in equations:
        ET.fromstring(equation)


def test_a_picture_holds_the_levels_it_was_made_of():
    given = np.array([[0, 16, 32], [ABSENT, 5, 7]], np.uint8)
    found = decoded(png_of(given, levels("sequential on paper")))
    assert found.tolist() == [[0, 16, 32], [33, 5, 7]]  # 33 is the transparent one


def test_every_picture_of_the_page_can_be_read(short):
    pictures = re.findall(
        r'src="data:image/png;base64,([^"]+)" alt="[^"]*" width="\d+" height="\d+"', pass_page(short).decode()
    )
    assert len(pictures) > 20
    assert all(decoded(base64.b64decode(picture)).size for picture in pictures)


def test_the_same_trace_gives_the_same_bytes(short):
    assert pass_page(short) == pass_page(short)


def test_hostile_tokens_make_no_element(hostile_trace):
    about = replace(hostile_trace.about, texts=("a",) * len(hostile_trace.tokens), name="m", line="l")
    foreseen = replace(hostile_trace.foreseen, candidate_texts=dict.fromkeys(range(37), "b"))
    plain = replace(hostile_trace, about=about, foreseen=foreseen)
    page = pass_page(hostile_trace)
    assert Articles(page).tags == Articles(pass_page(plain)).tags
    text = page.decode()
    assert "\u202e" not in text and "\x1b" not in text and "\u2028" not in text
    assert "alert(1)>" not in text and "&lt;img src=x onerror=alert(1)&gt;" in text.replace("·", " ")


def test_what_is_not_in_the_trace_is_said(short):
    values = {name: array for name, array in short.values.items() if name != "blocks.0.attn.q"}
    page = Articles(pass_page(replace(short, values=MappingProxyType(values), dropped=("blocks.0.attn.q",))))
    assert "was computed, but not kept" in page.text["blocks.0.attn.q"]
    with pytest.raises(ProgramError, match="which operations"):
        pass_page(replace(short, rows=()))
    with pytest.raises(Cancelled):
        pass_page(short, stop=lambda: True)


@NEEDS_BROWSER
def test_a_browser_folds_it_and_asks_for_nothing(short, hostile_trace, tmp_path):
    with opened(chromium()) as page:
        for name, trace in (("plain", short), ("hostile", hostile_trace)):
            file = tmp_path / f"{name}.html"
            file.write_bytes(pass_page(trace))
            page.asked.clear()
            page.send("Page.navigate", url=file.as_uri())
            page.wait(f"document.readyState === 'complete' && location.href.endsWith('{name}.html')")
            page.click("#close-all")
            assert page.ask("document.querySelectorAll('main details[open]').length") == 0
            page.ask("document.querySelector('main summary').focus()")
            page.press("Enter")
            assert page.ask("document.querySelectorAll('main details[open]').length") >= 1
            page.click("#open-all")
            assert page.ask("document.querySelectorAll('main details:not([open])').length") == 0
            shown = page.ask("[...document.querySelectorAll('p.text span')].map((word) => word.textContent)")
            assert shown == [visible(text, spaces=True) for text in trace.about.texts]
            assert page.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
            assert page.ask("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
            assert page.said == []
            assert [url for url in page.asked if not url.startswith("data:image/png")] == [file.as_uri()]
