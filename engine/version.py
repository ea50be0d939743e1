"""Which version this is. The project file reads it from here."""

VERSION = "0.1.0"
