"""Where things are: the user's directories, the models that come with the program, the shapes for random:PRESET."""

from __future__ import annotations

import argparse

from app.cli.output import line, write_json

HELP = "say where files are"
EXAMPLE = "minigpt paths --json"


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="the same for a machine")
    parser.add_argument("--sample-config", action="store_true", help="print a configuration file to begin with")


def run(args: argparse.Namespace) -> int:
    from platformdirs import PlatformDirs

    from app.cli.crash import state_directory
    from app.config import config_path, sample_config
    from engine.model import PRESETS, SHIPPED, presets, shipped_models

    if args.sample_config:
        for row in sample_config().splitlines():
            line(row)
        return 0
    own = PlatformDirs("minigpt", appauthor=False)
    found = {
        "config": own.user_config_dir,
        "state": str(state_directory()),
        "cache": own.user_cache_dir,
        "models": str(SHIPPED),
        "presets": str(PRESETS),
    }
    settings = {"file": str(config_path()), "exists": config_path().exists()}
    names = {"shipped_models": list(shipped_models()), "preset_names": list(presets())}
    if args.json:
        write_json({**found, "config_file": settings, **names})
        return 0
    for name, path in found.items():
        line(f"{name:<8} {path}")
    is_there = "is read" if settings["exists"] else "is not there yet: minigpt paths --sample-config prints one"
    line(f"configuration file: {settings['file']} {is_there}")
    line(f"shipped models: {', '.join(names['shipped_models']) or 'none yet'}")
    line(f"presets for random:PRESET: {', '.join(names['preset_names'])}")
    return 0
