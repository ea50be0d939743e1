"""The window. Only this package may import Qt."""
