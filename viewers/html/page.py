"""One file with everything in it: markup, one style, one script, data; and a policy that lets it do nothing else.

The browser is told in the file itself that only this script and this style may run, by their hashes, and that nothing
may be fetched. Text from outside goes in escaped, or as data that scripts insert as text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from engine.text import visible
from engine.trace import Trace
from viewers.commands import export_command, text_words
from viewers.exports import Options

MARKER = re.compile(r"<!--([a-z_]+)-->")


def escaped(text: str) -> str:
    """Text from outside, visible and inert, for markup or an attribute."""
    return escape(visible(text))


def part(package: str, name: str) -> str:
    """A file that comes with the package: a template, a style, a script."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def scripts(package: str, names: Sequence[str]) -> str:
    """Several script files as one, in a scope of their own."""
    body = "\n".join(part(package, f"{name}.js") for name in names)
    return f'(() => {{\n"use strict";\n{body}}})();'


def assembled(template: str, *, title: str, style: str, script: str, parts: Mapping[str, str]) -> bytes:
    """The page: every `<!--name-->` of the template is replaced by that part; parts are not searched again."""
    filled = dict(parts) | {
        "title": escaped(title),
        "policy": f'<meta http-equiv="Content-Security-Policy" content="{policy(style, script)}">',
        "style": f"<style>{style}</style>",
        "script": f"<script>{script}</script>",
    }
    return MARKER.sub(lambda marker: filled[marker[1]], template).encode()


def policy(style: str, script: str) -> str:
    """What the page may do: run this script, use this style, show pictures that are in the file. Nothing else."""
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def json_block(name: str, value: Any) -> str:
    """Data that a script reads: a block that is never run, in ASCII, in which no markup can begin."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f'<script type="application/json" id="{name}">{text}</script>'


def bytes_block(name: str, packed: bytes) -> str:
    """Packed numbers, in letters that no markup is made of."""
    return f'<script type="application/octet-stream" id="{name}">{base64.b64encode(packed).decode()}</script>'


def settings_text(trace: Trace) -> str:
    return " ".join(trace.settings.flags()) or "as they are by default"


def reproducing(trace: Trace, name: str, options: Options | None = None) -> str:
    """The command that makes this page again, where the model is at hand; `name` as in the table of exports."""
    about = trace.about
    text = text_words(trace.tokens, about.prompt_length, trace.settings, about.seed)
    return export_command(about.name, text, "DIR", (name,), ("html",), options)


def origin(trace: Trace, command: str) -> list[tuple[str, str]]:
    """Where the page is from, as (what, value): model, hash, settings, text, seed, version, command."""
    about = trace.about
    generated = len(trace.tokens) - about.prompt_length
    rows = [
        ("Model", f"{about.name} · {about.line} · {about.dtype}"),
        ("Hash", trace.fingerprint),
        ("Settings", settings_text(trace)),
        (
            "Text",
            f"{len(trace.tokens):,} tokens, " + (f"{generated:,} of them generated" if generated else "all given"),
        ),
        ("Seed", "none: nothing was drawn" if about.seed is None else str(about.seed)),
        *([("Edits", f"{len(trace.edits)} values changed by hand")] if trace.edits else []),
        ("Made by", f"MiniGPT {about.version}"),
        ("Again", command),
    ]
    return rows


def origin_html(trace: Trace, command: str) -> str:
    """The footer's list."""
    rows = (f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>" for name, value in origin(trace, command))
    return f"<dl>{''.join(rows)}</dl>"
