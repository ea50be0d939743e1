"""The only doors to the disk: open what is a regular file, read what is strict JSON, write so that nothing is lost."""

from engine.files.atomic import atomic_file, atomic_write, remove_stale
from engine.files.refusal import refused, shortened
from engine.files.regular import open_regular
from engine.files.strict_json import parse_json, read_json

__all__ = [
    "atomic_file",
    "atomic_write",
    "open_regular",
    "parse_json",
    "read_json",
    "refused",
    "remove_stale",
    "shortened",
]
