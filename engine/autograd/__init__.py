"""Gradients by remembering what was done: reverse-mode differentiation, small enough to read in one sitting.

Training asks one question of every weight: if it grew a little, how much would the loss grow? Any computation, however
long, is a list of simple steps (Wengert 1964), and each simple step answers for itself: the product a * b grows by b
when a grows by 1. So a `Tensor` remembers the tensors it was made from and its own step's answer, the pullback:

    z = f(x, y)        pullback: dL/dz -> (dL/dx, dL/dy), by the chain rule

`backward` starts at the loss, where dL/dL = 1, and walks the list from its end: every tensor hands its gradient on to
its parents. A tensor that was used twice is told twice, and the two add up. One walk, at about twice the price of the
computation itself, finds the gradient of every weight; a walk in the order of the computation would answer for one
weight at a time. That is why it is reversed.

    w = Tensor([[1.0], [2.0]])
    loss = ((x @ w - y) ** 2).mean()      # x (N, 2), y (N, 1)
    loss.backward()
    w.grad                                # (2, 1), like w

`tensor.py` has the list and the walk, `functions.py` what a network needs on top, `adam.py` the use of the gradients;
`assets/examples/autograd_character_model.py` trains with it. The engine's own gradients are lines of a program, derived
by hand; this is a second, independent way to the same numbers, and the tests compare the two. Nothing else depends on
it.

Wengert 1964, A Simple Automatic Derivative Evaluation Program; Linnainmaa 1976, Taylor Expansion of the Accumulated
Rounding Error (the reverse walk); Baydin et al. 2018, Automatic Differentiation in Machine Learning: a Survey,
arXiv:1502.05767.
"""

from __future__ import annotations

from engine.autograd.adam import Adam
from engine.autograd.functions import (
    concatenate,
    cos,
    cross_entropy,
    embedding,
    exp,
    layer_norm,
    log,
    relu,
    sin,
    softmax,
    sqrt,
    tanh,
)
from engine.autograd.tensor import Tensor

__all__ = [
    "Adam",
    "Tensor",
    "concatenate",
    "cos",
    "cross_entropy",
    "embedding",
    "exp",
    "layer_norm",
    "log",
    "relu",
    "sin",
    "softmax",
    "sqrt",
    "tanh",
]
