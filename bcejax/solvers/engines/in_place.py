"""Examples of NumPy's that JAX takes block by block from where they lie.

JAX uses the memory of NumPy without a copy where it begins at a multiple of 64 bytes, which NumPy's
seldom does.  So an array is given from its first such element on, as one line of numbers, and what
a block needs is a slice of it; the first and the last few examples are given apart.
"""

from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np
from jax import lax

from bcejax.solvers.matrices import CACHED
from bcejax.solvers.problem import Problem

EDGE = 8  # rows at the start that no block takes: a float64 among them begins 64 bytes


class InPlace(NamedTuple):
    """A float64 array from its first element on whose address is a multiple of 64 bytes.

    From there JAX takes the memory of NumPy as it is. The length does not depend on the address,
    lest the program be compiled anew.
    """

    elements: Any  # (size - 7,)
    skipped: Any  # () int64

    @classmethod
    def of(cls, array: np.ndarray) -> "InPlace":
        """The array in place; a copy of it where it is not one line of float64."""
        flat = np.require(array, np.float64, ["C", "A"]).reshape(-1)
        skipped = -flat.ctypes.data % 64 // flat.itemsize
        return cls(flat[skipped : skipped + flat.size - 7], np.int64(skipped))

    def slice(self, start: jax.Array | int, size: int) -> jax.Array:
        """Elements of the array from ``start`` on, which must not be among those skipped."""
        return lax.dynamic_slice(self.elements, (start - self.skipped,), (size,))


Each: TypeAlias = tuple[Any, Any, Any, Any]  # x, y, w, o of some examples


class Examples(NamedTuple):
    """All examples: the first and the last few, and those between, in place."""

    ends: Each
    inputs: InPlace
    labels: InPlace
    weights: Any  # InPlace, or a number where all are equal
    offset: Any  # likewise

    @classmethod
    def of(cls, problem: Problem) -> "Examples":
        """The examples of a problem of NumPy's."""
        n, d = problem.inputs.shape
        last = EDGE + int(np.prod(blocks_of(n, d)))
        vectors = problem.labels, problem.weights, problem.offset
        ends = [np.concatenate([each[:EDGE], each[last:]]) for each in (problem.inputs, *vectors)]
        weights, offset = (
            InPlace.of(each) if np.ptp(each) else np.asarray(each[0]) for each in vectors[1:]
        )
        y = InPlace.of(problem.labels)
        return cls(
            (ends[0], ends[1], ends[2], ends[3]), InPlace.of(problem.inputs), y, weights, offset
        )

    @property
    def size(self) -> tuple[int, int]:
        """(n, d)."""
        return len(self.labels.elements) + 7, self.ends[0].shape[1]

    @property
    def blocks(self) -> tuple[int, int]:
        """``blocks_of`` them."""
        return blocks_of(*self.size)

    def block(self, start: jax.Array | int, length: int) -> Each:
        """The examples from ``start`` on, at least EDGE from both ends."""
        d = self.size[1]
        x = self.inputs.slice(start * d, length * d).reshape(length, d)
        return x, *self.vectors(start, length)

    def vectors(
        self, start: jax.Array | int, length: int
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Labels, weights and offset of a block."""
        y = self.labels.slice(start, length)
        w, o = (
            each.slice(start, length) if isinstance(each, InPlace) else each
            for each in (self.weights, self.offset)
        )
        return y, w, o


def blocks_of(n: int, d: int) -> tuple[int, int]:
    """How many examples are in a block, a power of 2, and how many blocks there are."""
    length = max(8, 2 ** int(np.log2(CACHED / d)))
    return length, (n - 2 * EDGE) // length
