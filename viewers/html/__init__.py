"""Self-contained pages: one file each, no network, opened by double click. Data first, drawn by scripts of our own."""
