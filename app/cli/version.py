"""Which version this is, as the command line says it."""

from engine.version import VERSION

__all__ = ["VERSION"]
