"""Widgets: each draws one snapshot and emits messages; none knows a thread or another widget."""
