"""`minigpt-gui`, which this version does not have: it says so and what there is instead."""

from __future__ import annotations

import sys

NO_WINDOW = 3  # the surroundings refuse


def main() -> int:
    """Say it in one line; returns the exit code."""
    if sys.stderr is not None:
        words = "error: the window is not part of this version; use minigpt-tui in a terminal, or minigpt --help"
        print(words, file=sys.stderr)
    return NO_WINDOW


if __name__ == "__main__":
    sys.exit(main())
