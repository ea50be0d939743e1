"""What the tokenizer tests share: texts that are hard on tokenizers, and the folder of public inputs if it is there."""

from __future__ import annotations

from pathlib import Path

import pytest

HOSTILE = [
    "",
    " ",
    "\n",
    "\r\n\r\n \t x",
    "\0\0 \0",
    "don't I'LL we've 'S 'ſ it''s",
    "👩‍👩‍👧‍👦 family 👍🏽!",
    "日本語と中文 한국어, mixed",
    "e\u0301 a\u0308\u0323 combining",
    "\u202eright to left\u202c שלום مرحبا",
    "1234567 ½ ² ٣٤٥ 3.14",
    "a\u00a0b\u2003c\u3000d\u0085e\u2028f\x1cg",
    "x   y    \n\n   z   ",
    "<|endoftext|><|endoftext|> <s></s><unk>",
    "\ufffd \ufeff \U0010ffff \ue000",
    "Ġthe ▁the <0xE2>",
    " " * 10_000,
    "-" * 5_000 + "=" * 5_000,
]


@pytest.fixture(params=range(len(HOSTILE)), ids=lambda i: f"hostile{i}")
def hostile(request):
    return HOSTILE[request.param]


@pytest.fixture(scope="session")
def shared() -> Path:
    path = Path(__file__).resolve().parents[4] / "shared"
    if not path.is_dir():
        pytest.skip("the folder of public inputs (../shared) is not here")
    return path


@pytest.fixture(scope="session")
def corpus() -> str:
    """A text of some 100 words, enough for two hundred merges; it holds no character above U+00FF but one."""
    verse = "The cat sat on the mat; the rat, that the cat had seen, ran. It's 1234 o'clock — don't they know?\n"
    lines = [
        verse.replace("cat", animal).replace("1234", str(i * 37))
        for i, animal in enumerate(["dog", "hen", "bee", "fox", "owl"])
    ]
    return "".join(
        [*lines, "Then they went home, slowly, one after another, and the café was empty again.<|endoftext|>\n"] * 3
    )
