"""NumPy and file formats; no screen. A notebook can use this package alone."""
