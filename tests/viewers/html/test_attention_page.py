"""The attention page without a browser: what it holds is the engine's, nothing gets out, the same twice."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from types import MappingProxyType

import numpy as np
import pytest

from engine.errors import Cancelled, ProgramError
from engine.text import visible
from viewers.html.attention_page import attention_page

KB = 1000
DATA_TYPES = {"application/json", "application/octet-stream"}


class Elements(HTMLParser):
    """All elements of a page with their attributes, and the text inside each script and style, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.inside.append("")
            self._in = tag

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in:
            self.inside[-1] += data


def pattern(trace, layer):
    return trace[f"blocks.{layer}.attn.pattern"][0].astype(np.float64)


@pytest.mark.parametrize("exact", [False, True])
def test_the_attention_in_the_page_is_the_engine_s_within_the_stated_rounding(trace, held, exact):
    page = held(attention_page(trace, exact=exact))
    for layer in range(trace.about.layers):
        found, error = page.attention(layer)
        off = np.abs(found - pattern(trace, layer))
        assert (off <= error[..., None] * (1 + 1e-6)).all()
        assert exact or off.max() > 0  # it is rounded, and says so
        assert error.max() <= 1 / 510


def test_the_largest_share_of_every_query_is_exact(trace, held):
    page = held(attention_page(trace))
    found, error = page.attention(0)
    peaks = pattern(trace, 0).max(-1)
    assert np.allclose(found.max(-1), peaks, rtol=1e-6) and np.allclose(error, peaks / 510, rtol=1e-6)


def test_candidates_logprobs_and_entropies_are_float32_bit_for_bit(trace, held):
    page, foreseen = held(attention_page(trace)), trace.foreseen
    for name, array in [
        ("logprobs", foreseen.logprobs), ("entropies", foreseen.entropies), ("ranks", foreseen.ranks),
        ("candidate_ids", foreseen.candidate_ids), ("candidate_logprobs", foreseen.candidate_logprobs),
        ("contributions", trace.head_contributions),
    ]:  # fmt: skip
        assert page.numbers(name).tobytes() == np.ascontiguousarray(array).tobytes(), name
        assert array.dtype.itemsize == 4


def test_entropies_of_attention_by_the_formula(trace, held):
    found = (
        held(attention_page(trace)).numbers("attention_entropies").reshape(trace.about.layers, trace.about.heads, -1)
    )
    for layer, head, query in [(0, 0, 0), (0, 1, 17), (1, 3, 50)]:
        shares = pattern(trace, layer)[head, query]
        assert found[layer, head, query] == pytest.approx(-sum(p * math.log(p) for p in shares if p > 0), abs=1e-6)


def test_memory_is_that_of_the_trace(trace, held):
    memory = held(attention_page(trace)).about["memory"]
    assert [line[0] for line in memory["lines"]] == [row.address for row in trace.rows]
    assert [line[2] for line in memory["lines"]] == [row.needed_bytes for row in trace.rows]
    assert sum(place[1] for place in memory["places"]) == sum(row.weight_bytes for row in trace.rows)
    assert max(place[2] for place in memory["places"]) == max(row.needed_bytes for row in trace.rows)


def test_the_same_trace_gives_the_same_bytes(trace):
    assert attention_page(trace) == attention_page(trace)


def test_the_page_says_where_it_is_from(trace):
    text = attention_page(trace).decode()
    footer = text[text.index("<footer>") : text.index("</footer>")]
    for said in (
        "shakespeare",
        trace.fingerprint,
        "minigpt export shakespeare --ids",
        "--given 40 --seed 7",
        "--html --only page",
        "<dd>7</dd>",
        trace.about.version,
    ):
        assert said in footer


def test_only_the_script_and_the_style_of_the_file_may_run(trace):
    elements = Elements(attention_page(trace).decode())
    rule = next(attrs["content"] for tag, attrs in elements.found if attrs.get("http-equiv"))
    rules = dict(part.strip().split(" ", 1) for part in rule.split(";"))
    assert rules == {
        "default-src": "'none'", "script-src": rules["script-src"], "style-src": rules["style-src"],
        "img-src": "data:", "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip
    for name, text in (("style-src", elements.inside[0]), ("script-src", elements.inside[-1])):
        assert rules[name] == f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    live = [attrs for tag, attrs in elements.found if tag == "script" and attrs.get("type") not in DATA_TYPES]
    assert live == [{}]


def test_nothing_in_the_page_points_outside(trace):
    text = attention_page(trace).decode()
    own = re.sub(r'(<script type="[a-z/-]+" id="[a-z0-9-]+">).*?(</script>)', r"\1\2", text)
    assert not re.search(r"https?://|wss?://|@import|url\(|fetch\(|XMLHttpRequest|WebSocket", own)
    for tag, attrs in Elements(text).found:
        assert not {"src", "action", "srcset", "style"} & {*attrs}, tag
        assert not [name for name in attrs if name.startswith("on")]
        assert attrs.get("href", "#").startswith(("#", "data:,"))


def test_scripts_insert_text_only_as_text(trace):
    script = Elements(attention_page(trace).decode()).inside[-1]
    for forbidden in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        "DOMParser",
    ):
        assert forbidden not in script


def test_hostile_tokens_are_data_and_nothing_else(hostile_trace, trace, held):
    text = attention_page(hostile_trace).decode()
    plain = [(tag, [*attrs]) for tag, attrs in Elements(attention_page(trace).decode()).found]
    found = [(tag, [*attrs]) for tag, attrs in Elements(text).found]
    assert found == plain  # both have two layers: not an element more or less
    data = text[text.index('id="about"') : text.index("<script>", text.index('id="about"'))]
    assert data.isascii()
    assert "\u202e" not in text and "\x1b" not in text and "\u2028" not in text
    assert held(text.encode()).about["texts"] == [visible(token, spaces=True) for token in hostile_trace.about.texts]


def test_only_what_was_seen_is_shown_as_seen(hostile_trace, held):
    assert held(attention_page(hostile_trace)).about["windows"] == [5, 5]


def test_six_layers_of_eight_heads_and_128_tokens_take_less_than_400_kb(make_trace):
    assert len(attention_page(make_trace(6, 8, 128))) < 400 * KB


@pytest.mark.parametrize("tokens", [1, 2, 5])
def test_short_texts_have_a_page(make_trace, held, tokens):
    trace = make_trace(1, 2, tokens)
    found, error = held(attention_page(trace)).attention(0)
    assert (np.abs(found - pattern(trace, 0)) <= error[..., None] * (1 + 1e-6)).all()


def test_rows_that_were_not_recorded_are_not_numbers(make_trace, held):
    """As in a pass that was fed the last tokens only: its pattern has fewer queries than there are tokens."""
    whole = make_trace(2, 2, 6)
    values = dict(whole.values) | {"blocks.0.attn.pattern": whole["blocks.0.attn.pattern"][:, :, 4:]}
    page = held(attention_page(replace(whole, values=MappingProxyType(values))))
    found, _ = page.attention(0)
    assert np.isnan(found[:, :4].max(-1)).all()
    assert np.allclose(found[:, 4:], pattern(whole, 0)[:, 4:], atol=1 / 510)


def test_a_layer_that_was_not_kept_is_left_out_and_said(make_trace, held):
    whole = make_trace(2, 2, 6)
    values = {name: array for name, array in whole.values.items() if name != "blocks.0.attn.pattern"}
    page = held(attention_page(replace(whole, values=MappingProxyType(values))))
    assert page.about["recorded"] == [False, True]
    with pytest.raises(ProgramError, match="holds no attention"):
        attention_page(replace(whole, values=MappingProxyType({})))


def test_a_page_can_be_stopped_and_says_how_far_it_is(make_trace):
    trace, told = make_trace(3, 1, 4), []
    attention_page(trace, report=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(Cancelled):
        attention_page(trace, stop=lambda: True)
