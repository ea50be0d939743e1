"""What the README says is so: its listing, its commands, its files, its picture."""

from __future__ import annotations

import re
from pathlib import Path

from app.cli.main import COMMANDS
from engine.listing import listing
from engine.model import open_model
from engine.settings import settings_markdown

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def test_the_printed_block_is_what_the_command_prints() -> None:
    printed = [row.rstrip() for row in listing(open_model("random:gpt2-2x240").program).split("\n")]
    quoted = re.findall(r"^blocks\.0\..*$", README, re.MULTILINE)
    assert quoted == [row for row in printed if row.startswith("blocks.0.")]


def test_the_table_of_settings_is_the_engines() -> None:
    assert settings_markdown() in README


def test_every_command_target_and_file_it_names_exists() -> None:
    assert set(re.findall(r"^    minigpt (\w+)", README, re.MULTILINE)) <= set(COMMANDS)
    targets = set(re.findall(r"^    make (\w+)", README, re.MULTILINE))
    assert targets and all(f"\n{target}:" in (ROOT / "Makefile").read_text() for target in targets)
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert len(links) >= 6 and all((ROOT / link).exists() for link in links)


def test_the_picture_is_small() -> None:
    assert (ROOT / "assets" / "pictures" / "explore.png").stat().st_size < 300_000
