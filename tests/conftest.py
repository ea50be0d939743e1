"""Where the inputs of the tests lie."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def golden() -> Path:
    """Tiny models and what an independent implementation computes with them."""
    return ROOT / "tests" / "golden"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public inputs, where it is present."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("the folder of public inputs (../shared) is not here")
    return path
