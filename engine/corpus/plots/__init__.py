"""The writing: what happens in the stories, and in which words."""

from __future__ import annotations

from engine.corpus.plots import days, finding, giving, helping

PLOTS = finding.TEXT + giving.TEXT + helping.TEXT + days.TEXT
