"""The recipe of tales is made of commands that exist, each on files that the ones before it wrote."""

from __future__ import annotations

from pathlib import Path

from app.cli.main import command_line
from engine.training.plan import load_plan
from sample_models import tales


def test_every_command_of_the_recipe_is_understood_and_finds_its_files(tmp_path, monkeypatch):
    written = {tmp_path / "sample.txt"}
    asked = []

    def pretend(arguments):
        asked.append(arguments)
        args = command_line().parse_args(arguments)
        if arguments[0] == "corpus":
            Path(args.output).write_bytes(b"x" * 10)
            written.add(Path(args.output))
            return 0
        plan = load_plan(args.preset, args.config, args.settings)
        source = Path(args.source) if args.source else None
        assert source is None or source in written
        assert {Path(text) for text in (*args.data, *args.validation)} <= written
        assert plan.tokenizer == "bpe" or Path(plan.tokenizer) in written
        steps = args.steps or plan.steps
        written.update({Path(args.output) / f"step-{steps:06d}", Path(args.output) / "data" / "tokenizer.json"})
        return 0

    monkeypatch.setattr(tales, "minigpt", pretend)
    tales.make(tmp_path)
    assert len(asked) == len(tales.TEXTS) + len(tales.LESSONS)
    assert (tmp_path / "sample.txt").read_bytes().count(tales.SEPARATOR) == 1
