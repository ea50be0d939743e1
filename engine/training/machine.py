"""What the last bits of a result depend on besides the program: threads, NumPy, and the matrix products' kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def machine(threads: int) -> dict[str, Any]:
    """The facts that a checkpoint notes."""
    import numpy
    from threadpoolctl import threadpool_info

    blas = [
        f"{found['internal_api']} {found.get('version')} {found.get('architecture', '')} x{found['num_threads']}"
        for found in threadpool_info()
        if found["user_api"] == "blas"
    ]
    return {"threads": threads, "numpy": numpy.__version__, "blas": ", ".join(sorted(blas)) or "unknown"}


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What changed, in words. If nothing did, the run goes on bit for bit as if it had never stopped."""
    return [f"{key}: {before.get(key)} before, {now[key]} now" for key in now if before.get(key) != now[key]]
