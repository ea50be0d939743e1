"""The attention page in a real browser: what it says is the engine's, every control works, and it asks for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from engine.text import visible
from engine.trace import nothing_foreseen
from tests.viewers.html.browser import NEEDS_BROWSER, Page, chromium, opened
from viewers.html.attention_page import attention_page

PROGRAM = chromium()
pytestmark = NEEDS_BROWSER
SENTENCE = re.compile(r"query (\d+) “(.*)” → key (\d+) “(.*)”: ([0-9.]+) ± ([0-9.]+)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    assert PROGRAM, "no Chromium found: .ci/run installs it"
    with opened(PROGRAM) as page:
        yield page


@pytest.fixture
def page(browser, trace, tmp_path) -> Iterator[Page]:
    """The page of the shipped model, opened; nothing may be on its console, nothing asked of the network."""
    file = tmp_path / "attn_interactive.html"
    file.write_bytes(attention_page(trace))
    yield browser.open(file)
    assert browser.said == []
    assert browser.asked == [file.as_uri()]


def place(page: Page, across: float, down: float) -> tuple[float, float]:
    """A point of the map's canvas, in shares of its width and height."""
    left, top = page.box("#map")
    width, height = page.ask(
        "(({clientWidth, clientHeight}) => [clientWidth, clientHeight])(document.getElementById('map'))"
    )
    return left + width * across, top + height * down


def said(page: Page) -> tuple[int, int, float, float]:
    found = SENTENCE.fullmatch(page.text("#sentence"))
    assert found, page.text("#sentence")
    return int(found[1]), int(found[3]), float(found[5]), float(found[6])


def test_hover_says_the_engine_s_number_to_the_stated_rounding(page, trace):
    pattern, seen = trace["blocks.0.attn.pattern"][0, 0].astype(np.float64), set()
    rng = np.random.default_rng(0)
    for x, y in zip(rng.uniform(0.25, 0.7, 40), rng.uniform(0.3, 0.75, 40), strict=True):
        page.point(*place(page, x, y))
        if SENTENCE.fullmatch(page.text("#sentence")):
            query, key, value, error = said(page)
            assert abs(value - pattern[query, key]) <= error <= 0.0021
            seen.add((query, key))
        else:
            assert "not seen" in page.text("#sentence") or "point at a cell" in page.text("#sentence")
    assert len(seen) > 12


@pytest.mark.parametrize(("layer", "head"), [(0, 3), (1, 2)])
def test_the_keyboard_reaches_every_cell(page, trace, layer, head):
    texts = trace.about.texts
    page.ask("document.querySelector('#heads [tabindex=\"0\"]').focus()")
    page.press(*["ArrowDown"] * layer, *["ArrowRight"] * head)
    assert page.text("#map-title") == f"Layer {layer}, head {head}"
    page.ask("document.getElementById('map').focus()")
    page.press("ArrowUp", "ArrowUp", "Home", "ArrowRight", "ArrowRight", "ArrowRight")
    query, key, value, error = said(page)
    assert (query, key) == (len(texts) - 3, 3)
    assert f"“{visible(texts[query], spaces=True)}”" in page.text("#sentence")
    assert abs(value - trace[f"blocks.{layer}.attn.pattern"][0, head, query, key]) <= error
    page.press("Enter")
    assert page.text("#token-title").startswith(f"Token {query} ")


def test_where_a_token_looks_and_who_looks_at_it(page, trace):
    page.click("#text span:nth-of-type(20)")
    assert page.text("#token-title") == f"Token 19 “{visible(trace.about.texts[19], spaces=True)}”"
    pattern = trace["blocks.0.attn.pattern"][0, 0].astype(np.float64)
    for name, row, first in (("looks", pattern[19, :20], 0), ("looked", pattern[19:, 19], 19)):
        shown = page.ask(f"[...document.querySelectorAll('#{name} tr')].map((row) => row.textContent)")
        tops = sorted(row, reverse=True)[: len(shown)]
        for text, top in zip(shown, tops, strict=True):
            value, error = map(float, re.search(r"([0-9]\.[0-9]+) ± ([0-9.]+)", text).groups())
            token = int(re.match(r"\d+", text)[0])
            assert abs(value - row[token - first]) <= error and abs(value - top) <= 2 * error


def test_the_mean_of_the_layer_and_of_all_heads(page, trace):
    page.press("s", "s")
    whole = np.stack([trace[f"blocks.{i}.attn.pattern"][0] for i in range(trace.about.layers)]).astype(np.float64)
    assert "mean of the 4 heads of layer 0" in page.text("#looks-title")
    text = page.text("#looks tr")
    value, error = map(float, re.search(r"([0-9]\.[0-9]+) ± ([0-9.]+)", text).groups())
    token = int(re.match(r"\d+", text)[0])
    assert abs(value - whole[0, :, -1, token].mean()) <= error
    page.ask("((s) => { s.value = 'all'; s.dispatchEvent(new Event('change')) })(document.getElementById('scope'))")
    page.wait("document.getElementById('looks-title').textContent.includes('mean of all heads')")
    text = page.text("#looks tr")
    value, error = map(float, re.search(r"([0-9]\.[0-9]+) ± ([0-9.]+)", text).groups())
    assert abs(value - whole[:, :, -1, int(re.match(r"\d+", text)[0])].mean()) <= error


def test_candidates_are_the_model_s(page, trace):
    page.click("#text span:nth-of-type(5)")
    rows = page.ask(
        "[...document.querySelectorAll('#candidates tbody tr')].map((r) => [...r.cells].map((c) => c.textContent))"
    )
    assert len(rows) == trace.candidate_ids.shape[1]
    for i, (token, nats, *_) in enumerate(rows):
        id = int(trace.candidate_ids[4, i])
        came = " ← came" if id == trace.tokens[5] else ""
        assert token == visible(trace.candidate_texts[id], spaces=True) + came
        assert float(nats.replace("−", "-")) == pytest.approx(trace.candidate_logprobs[4, i], abs=0.00051)


def test_search_finds_words_over_several_tokens(page, trace):
    """The model's tokens are characters: "proceed" is seven of them."""
    page.press("/").type("proceed")
    place = "".join(trace.about.texts).index("proceed")
    assert page.text("#find-count") == "1 of 1"
    assert page.text("#token-title").startswith(f"Token {place} ")
    assert page.ask("document.querySelectorAll('#text .hit').length") == len("proceed")
    page.ask("document.getElementById('find-text').select()")
    page.type("e")
    first = page.text("#token-title")
    page.press("Enter")
    assert page.text("#find-count").startswith("2 of ") and page.text("#token-title") != first
    page.ask("document.getElementById('find-text').select()")
    page.type("no such words")
    assert page.text("#find-count") == "not found"


def test_letters_typed_into_the_search_are_no_commands(page):
    page.press("/").press("z", "e", "t", "1")
    assert page.text("#map-title") == "Layer 0, head 0"
    assert page.ask("document.getElementById('find-text').value") == "zet1"


def test_keys_of_the_page(page):
    page.press("1")
    assert page.text("#map-title") == "Layer 1, head 0"
    page.press("<", "}")
    assert page.text("#map-title") == "Layer 0, head 1"
    page.press("[")
    before = page.text("#token-title")
    page.press("[", "]")
    assert page.text("#token-title") == before
    page.press("?")
    assert page.ask("document.getElementById('help').open")
    page.press("Escape")
    assert not page.ask("document.getElementById('help').open")


def test_light_and_dark_are_readable(page):
    """AA of WCAG 2: text against its background at least 4.5 to 1."""
    contrast = """((selector) => { const lum = (c) => { const [r, g, b] = c.match(/[0-9.]+/g).map(Number).map((v) =>
      v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b };
      const e = document.querySelector(selector); let b = e;
      while (b && getComputedStyle(b).backgroundColor === 'rgba(0, 0, 0, 0)') b = b.parentElement;
      b = b || document.documentElement;
      const [x, y] = [lum(getComputedStyle(e).color), lum(getComputedStyle(b).backgroundColor)];
      return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05) })"""
    grounds = set()
    for _ in range(3):
        for selector in ("h1", "#subject", "#rounding", "#sentence", "label", "#looks th", ".pm", "footer dt",
                         "footer dd", "#text span[aria-selected=true]", "#text span:nth-of-type(9)",
                         "#entropy-heads button", "#find-text"):  # fmt: skip
            assert page.ask(f"{contrast}({selector!r})") >= 4.5, (selector, page.text("#theme"))
        grounds.add(page.ask("getComputedStyle(document.documentElement).backgroundColor"))
        page.press("t")
    assert len(grounds) == 2


@pytest.mark.parametrize("width", [340, 800, 1280, 1920])
def test_nothing_is_wider_than_the_window(page, width):
    page.send("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
    page.settle().settle()
    assert page.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_everything_has_a_name_for_a_screen_reader(page):
    nodes = page.send("Accessibility.getFullAXTree")["nodes"]
    controls = {
        "button",
        "combobox",
        "checkbox",
        "searchbox",
        "gridcell",
        "option",
        "grid",
        "listbox",
        "application",
        "region",
    }
    unnamed = [
        node for node in nodes
        if not node.get("ignored") and node["role"]["value"] in controls and not node["name"]["value"]
    ]  # fmt: skip
    assert unnamed == []
    assert sum(node.get("role", {}).get("value") == "gridcell" for node in nodes) == 8


def test_tables_say_the_same(page, trace):
    page.click("#row-table summary")
    rows = page.ask("[...document.querySelectorAll('#row-table tbody tr')].map((row) => row.cells[1].textContent)")
    pattern = trace["blocks.0.attn.pattern"][0, 0, -1].astype(np.float64)
    assert len(rows) == len(trace.tokens)
    for text, share in zip(rows, pattern, strict=True):
        value, error = map(float, text.split(" ± "))
        assert abs(value - share) <= error


def test_hostile_tokens_are_shown_and_obeyed_by_nobody(browser, hostile_trace, tmp_path):
    file = tmp_path / "hostile.html"
    file.write_bytes(attention_page(hostile_trace))
    page = browser.open(file)
    shown = page.ask("[...document.querySelectorAll('#text span')].map((word) => word.textContent)")
    assert shown == [visible(text, spaces=True) for text in hostile_trace.about.texts]
    assert page.ask("document.querySelectorAll('img, b, #text script').length") == 0
    for _ in hostile_trace.about.texts:  # every token and its candidates, one of them of 300 letters
        assert page.ask("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
        page.press("[")
    page.click("#text span:nth-of-type(3)")
    page.ask("document.getElementById('map').focus()")
    page.press("Home", "ArrowRight")
    page.click("#row-table summary")
    assert "not seen" in (page.press("Home").text("#sentence")) or SENTENCE.fullmatch(page.text("#sentence"))
    assert browser.said == [] and browser.asked == [file.as_uri()]


def test_exact_attention_is_said_to_six_digits_and_without_a_rounding(browser, trace, tmp_path):
    file = tmp_path / "exact.html"
    file.write_bytes(attention_page(trace, exact=True))
    page = browser.open(file)
    page.ask("document.getElementById('map').focus()")
    page.press("ArrowLeft", "ArrowLeft")
    last = len(trace.tokens) - 1
    value = float(page.text("#sentence strong"))
    assert value == pytest.approx(float(trace["blocks.0.attn.pattern"][0, 0, last, last - 2]), rel=5e-6)
    assert browser.said == []


def test_a_trace_from_elsewhere_with_little_in_it_is_shown(browser, trace, tmp_path):
    """No list of operations, no logits, one layer without attention: what is missing is said, the rest works."""
    values = {"blocks.1.attn.pattern": trace["blocks.1.attn.pattern"]}
    poor = replace(trace, rows=(), values=MappingProxyType(values), foreseen=nothing_foreseen(len(trace.tokens)),
                   head_contributions=np.full_like(trace.head_contributions, np.nan))  # fmt: skip
    file = tmp_path / "poor.html"
    file.write_bytes(attention_page(poor))
    page = browser.open(file)
    assert page.text("#map-title") == "Layer 1, head 0"
    assert page.text("#candidates") == "no logits were recorded"
    assert "no list of operations" in page.text("#memory-places")
    page.press("0", "e", "e", "e", "e", "s")
    page.ask("document.getElementById('map').focus()")
    assert "not in the file" in page.press("ArrowLeft").text("#sentence")
    assert browser.said == []


def test_a_damaged_file_says_so(browser, trace, tmp_path):
    """The last layer's bytes are those of a picture, not of attention."""
    whole = attention_page(trace).decode()
    last = whole.rindex('id="layer-1">') + len('id="layer-1">')
    file = tmp_path / "damaged.html"
    file.write_text(whole[:last] + "iVBORw0K" + whole[whole.index("</script>", last) :], encoding="utf-8")
    page = browser.open(file)
    page.wait("!document.getElementById('trouble').hidden")
    assert "This file is damaged" in page.text("#trouble")


def test_a_text_of_1024_tokens_works(browser, make_trace, tmp_path):
    trace = make_trace(1, 2, 1024)
    file = tmp_path / "long.html"
    file.write_bytes(attention_page(trace))
    page = browser.open(file)
    page.ask("document.getElementById('map').focus()")
    page.press("ArrowUp", "ArrowLeft", "ArrowLeft")
    query, key, value, error = said(page)
    assert abs(value - trace["blocks.0.attn.pattern"][0, 0, query, key]) <= error
    page.press("+")
    assert page.ask("document.getElementById('view').value") == "256"
    page.press("ArrowUp", "Home")
    query, key, value, error = said(page)
    assert (query, key) == (1022, 0)
    assert abs(value - trace["blocks.0.attn.pattern"][0, 0, query, key]) <= error
    assert browser.said == [] and browser.asked == [file.as_uri()]


@pytest.mark.soak
def test_the_first_picture_is_painted_within_a_second(browser, make_trace, tmp_path):
    file = tmp_path / "attn_interactive.html"
    file.write_bytes(attention_page(make_trace(6, 8, 128)))
    when = "performance.getEntriesByName('thumbnail')[0].startTime"
    assert min(browser.open(file).ask(when) for _ in range(3)) < 1000  # ms
