"""From gradients to better weights."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.autograd.tensor import Tensor


class Adam:
    """Follow the gradient's running mean, each weight at a pace that its own gradient's usual size sets.

    m <- b1 m + (1 - b1) g        v <- b2 v + (1 - b2) g²        w <- w - rate * m' / (sqrt(v') + eps)

    m and v begin at zero and are too small at first; m' = m / (1 - b1^t) and v' = v / (1 - b2^t) make up for it.
    Kingma and Ba 2014, Adam: a Method for Stochastic Optimization, arXiv:1412.6980.
    """

    def __init__(self, parameters: Iterable[Tensor], rate: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8) -> None:  # fmt: skip
        self.parameters = list(parameters)
        self.rate, self.betas, self.eps, self.steps = rate, betas, eps, 0
        self._means = [np.zeros_like(p.data) for p in self.parameters]
        self._squares = [np.zeros_like(p.data) for p in self.parameters]

    def step(self) -> None:
        """Update every parameter that has a gradient, into a new array, and take the gradient away: it is used up."""
        self.steps += 1
        b1, b2 = self.betas
        for p, m, v in zip(self.parameters, self._means, self._squares, strict=True):
            if p.grad is None:
                continue
            m[...] = b1 * m + (1 - b1) * p.grad
            v[...] = b2 * v + (1 - b2) * p.grad**2
            mean, square = m / (1 - b1**self.steps), v / (1 - b2**self.steps)
            p.data = np.asarray(p.data - self.rate * mean / (np.sqrt(square) + self.eps))
            p.grad = None
