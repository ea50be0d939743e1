"""Rotary positions as the two styles of configuration file describe them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.files import refused
from engine.models.config import Llama3Scaling
from engine.models.config_common import LONGEST_CONTEXT
from engine.models.config_keys import Key, as_object, read_keys, shown, unexpected

THETA = Key(float, 1.0, 1e12, default=None, null=None)
FACTOR = Key(float, 1.0, 1e6)
LLAMA3_KEYS = {
    "factor": FACTOR,
    "low_freq_factor": Key(float, 1e-6, 1e6),
    "high_freq_factor": Key(float, 1e-6, 1e6),
    "original_max_position_embeddings": Key(int, 1, LONGEST_CONTEXT),
}
DEFAULT_THETA = 10_000.0


def read_rope(raw: Mapping[str, Any], name: str) -> tuple[float, Llama3Scaling | None]:
    """The base of the rotations and how they are scaled: new style `rope_parameters`, old style the other two keys."""
    styles = [key for key in ("rope_parameters", "rope_scaling") if raw.get(key) is not None]
    if len(styles) == 2:
        raise refused(name, "expected either rope_parameters or rope_scaling, got both", "rope_scaling")
    theta = read_keys(raw, {"rope_theta": THETA}, name)["rope_theta"]
    if not styles:
        return theta or DEFAULT_THETA, None
    inside = f"{name}: {styles[0]}"
    parameters = as_object(raw[styles[0]], inside)
    theta = read_keys(parameters, {"rope_theta": THETA}, inside)["rope_theta"] or theta or DEFAULT_THETA
    return theta, _read_scaling(parameters, inside)


def write_rope(theta: float | None, scaling: Llama3Scaling | None) -> dict[str, Any]:
    """The old style, which both the old and the new `transformers` read."""
    if scaling is None:
        return {"rope_theta": theta, "rope_scaling": None}
    written = {
        "rope_type": "llama3",
        "factor": scaling.factor,
        "low_freq_factor": scaling.low_freq_factor,
        "high_freq_factor": scaling.high_freq_factor,
        "original_max_position_embeddings": scaling.original_context,
    }
    return {"rope_theta": theta, "rope_scaling": written}


def _read_scaling(parameters: Mapping[str, Any], name: str) -> Llama3Scaling | None:
    kind = parameters.get("rope_type", parameters.get("type", "default"))
    if parameters.get("partial_rotary_factor", 1) != 1:
        problem = f"expected 1, got {shown(parameters['partial_rotary_factor'])}"
        raise refused(name, problem, "partial_rotary_factor")
    if kind == "default" and not any(isinstance(value, dict) for value in parameters.values()):
        return None
    if kind != "llama3":
        raise unexpected(name, "rope_type", "default or llama3", kind if kind != "default" else parameters)
    values = read_keys(parameters, LLAMA3_KEYS, name)
    if values["high_freq_factor"] <= values["low_freq_factor"]:
        low = values["low_freq_factor"]
        raise unexpected(name, "high_freq_factor", f"more than low_freq_factor ({low:g})", values["high_freq_factor"])
    return Llama3Scaling(*values.values())
