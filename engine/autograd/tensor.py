"""`Tensor`: operators that note down what they do, and `backward`, which walks the notes from the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.errors import ShapeError

Array = np.ndarray
Axis = int | tuple[int, ...] | None
Pullback = Callable[[Array], tuple[Array, ...]]


class Tensor:
    """An array that remembers how it was made.

    data      the values, float32 or float64; integers become float64
    grad      dL/d(data), of the same shape and type, once `L.backward()` was called
    parents   the tensors it was computed from; none for weights and data
    pullback  gradient of this tensor -> one gradient per parent, before any broadcasting is undone

    Plain numbers and arrays take part as constants of this tensor's type.
    """

    __slots__ = ("data", "grad", "parents", "pullback")
    __array_ufunc__ = None  # so that array * tensor asks the tensor, not NumPy

    def __init__(self, data: Any, parents: tuple[Tensor, ...] = (), pullback: Pullback | None = None) -> None:
        array = np.asarray(data)
        self.data: Array = array if np.issubdtype(array.dtype, np.floating) else array.astype(np.float64)
        self.grad: Array | None = None
        self.parents = parents
        self.pullback = pullback

    def __repr__(self) -> str:
        return f"Tensor({self.data!r})"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    def backward(self) -> None:
        """Set `grad` of every tensor that this one, a single number, was computed from. Each call starts from zero."""
        if self.data.size != 1:
            raise ShapeError(f"only a single number has a gradient, got shape {self.shape}: take its sum or mean first")
        history = _history(self)
        for tensor in history:
            tensor.grad = None
        self.grad = np.ones_like(self.data)
        for tensor in reversed(history):
            if tensor.pullback is None or tensor.grad is None:
                continue
            for parent, told in zip(tensor.parents, tensor.pullback(tensor.grad), strict=True):
                part = _undo_broadcasting(told, parent.data)
                parent.grad = part if parent.grad is None else parent.grad + part

    def __add__(self, other: Any) -> Tensor:
        other = self._constant(other)
        return Tensor(self.data + other.data, (self, other), lambda d: (d, d))

    def __sub__(self, other: Any) -> Tensor:
        other = self._constant(other)
        return Tensor(self.data - other.data, (self, other), lambda d: (d, -d))

    def __mul__(self, other: Any) -> Tensor:
        other = self._constant(other)
        return Tensor(self.data * other.data, (self, other), lambda d: (d * other.data, d * self.data))

    def __truediv__(self, other: Any) -> Tensor:
        other = self._constant(other)
        ratio = self.data / other.data
        return Tensor(ratio, (self, other), lambda d: (d / other.data, -d * ratio / other.data))

    def __matmul__(self, other: Any) -> Tensor:
        """Matrix product of the last two axes, (..., n, k) @ (..., k, m) -> (..., n, m); the axes before broadcast."""
        other = self._constant(other)
        if min(self.data.ndim, other.data.ndim) < 2:
            raise ShapeError(f"a matrix product needs two matrices, got {self.shape} @ {other.shape}: reshape a vector")
        return Tensor(
            self.data @ other.data,
            (self, other),
            lambda d: (d @ other.data.swapaxes(-1, -2), self.data.swapaxes(-1, -2) @ d),
        )

    def __pow__(self, exponent: float) -> Tensor:
        """Each element to the power of one constant."""
        return Tensor(self.data**exponent, (self,), lambda d: (d * exponent * self.data ** (exponent - 1),))

    def __neg__(self) -> Tensor:
        return Tensor(-self.data, (self,), lambda d: (-d,))

    def __radd__(self, other: Any) -> Tensor:
        return self + other

    def __rsub__(self, other: Any) -> Tensor:
        return self._constant(other) - self

    def __rmul__(self, other: Any) -> Tensor:
        return self * other

    def __rtruediv__(self, other: Any) -> Tensor:
        return self._constant(other) / self

    def __rmatmul__(self, other: Any) -> Tensor:
        return self._constant(other) @ self

    def __getitem__(self, index: Any) -> Tensor:
        """Any of NumPy's indexing. What was picked twice is told twice: `np.add.at` adds up, `+=` would forget one."""

        def pullback(d: Array) -> tuple[Array]:
            whole = np.zeros_like(self.data)
            np.add.at(whole, index, d)
            return (whole,)

        return Tensor(self.data[index], (self,), pullback)

    def reshape(self, *shape: int) -> Tensor:
        return Tensor(self.data.reshape(shape), (self,), lambda d: (d.reshape(self.shape),))

    def transpose(self, *axes: int) -> Tensor:
        """The axes in another order; in the opposite one without an argument."""
        order = axes or tuple(range(self.data.ndim))[::-1]
        return Tensor(self.data.transpose(order), (self,), lambda d: (d.transpose(np.argsort(order)),))

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Every addend counts fully, so each is told the gradient of its sum."""

        def pullback(d: Array) -> tuple[Array]:
            d = d if keepdims or axis is None else np.expand_dims(d, axis)
            return (np.broadcast_to(d, self.shape),)

        return Tensor(self.data.sum(axis, keepdims=keepdims), (self,), pullback)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        total = self.sum(axis, keepdims)
        return total / (self.data.size / total.data.size)

    def _constant(self, value: Any) -> Tensor:
        return value if isinstance(value, Tensor) else Tensor(np.asarray(value, self.data.dtype))


def _history(result: Tensor) -> list[Tensor]:
    """Every tensor that `result` was computed from, parents before children: a topological sort, `result` last."""
    history: list[Tensor] = []
    listed: set[Tensor] = set()
    waiting = [result]
    while waiting:
        tensor = waiting[-1]
        before = [parent for parent in tensor.parents if parent not in listed]
        if before:
            waiting += before
            continue
        waiting.pop()
        if tensor not in listed:
            listed.add(tensor)
            history.append(tensor)
    return history


def _undo_broadcasting(d: Array, like: Array) -> Array:
    """Sum over the axes along which `like` was repeated: a value used in many places is told by each of them."""
    d = d.sum(tuple(range(d.ndim - like.ndim)))
    repeated = tuple(i for i, size in enumerate(like.shape) if size != d.shape[i])
    return np.asarray(d.sum(repeated, keepdims=True), like.dtype)
