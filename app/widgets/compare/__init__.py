"""Panels of the Compare screen: two lanes locked together, and the place where they part."""
