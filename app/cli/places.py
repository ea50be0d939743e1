"""Where things are: the user's directories, the models that come with the program, the shapes for random:PRESET."""

from __future__ import annotations

import argparse

from app.cli.output import line, write_json

HELP = "say where files are"
EXAMPLE = "minigpt paths --json"


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="the same for a machine")


def run(args: argparse.Namespace) -> int:
    from platformdirs import PlatformDirs

    from app.cli.crash import state_directory
    from engine.model import PRESETS, SHIPPED, presets, shipped_models

    own = PlatformDirs("minigpt", appauthor=False)
    found = {
        "config": own.user_config_dir,
        "state": str(state_directory()),
        "cache": own.user_cache_dir,
        "models": str(SHIPPED),
        "presets": str(PRESETS),
    }
    names = {"shipped_models": list(shipped_models()), "preset_names": list(presets())}
    if args.json:
        write_json({**found, **names})
        return 0
    for name, path in found.items():
        line(f"{name:<8} {path}")
    line(f"shipped models: {', '.join(names['shipped_models']) or 'none yet'}")
    line(f"presets for random:PRESET: {', '.join(names['preset_names'])}")
    return 0
