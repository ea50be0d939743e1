"""What a model does, in figures: over a text, over its heads, over two runs."""
