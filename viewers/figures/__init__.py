"""Figures as PNG and SVG, by matplotlib, which is imported only when one is drawn."""
