"""Optimizations as visible changes of the list of operations: `(program, weights) -> (program, weights)`."""
