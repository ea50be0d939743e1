"""Screens: which widgets there are, where they stand, and what their messages do."""
