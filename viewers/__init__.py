"""Trace or snapshot to picture, decided once for every screen."""
