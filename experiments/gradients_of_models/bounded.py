"""Running error analysis: exact numbers, each with a bound on what rounding may do to it.

Where a and b are exact, a + da and b + db what a computer has, and u half the spacing at 1,

    a + b    da + db + u |a + b|
    a b      |a| db + da (|b| + db) + u |a b|
    A B      |A| dB + dA (|B| + dB) + (2 + k) u |A| |B|        k terms in each sum, in any order

to first order in u, so that the formulas that are written for the exact numbers compute their
bounds too.  In bfloat16 a sum is made in float32: k counts with the u of that.  Its result is
rounded, and once more where a bias is added after it; hence the 2.

Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), section 3.3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from bcejax.analysis.logistic_regression import residual, sigmoid


class Rounding(NamedTuple):
    """What arithmetic may do to a number, relative to it."""

    unit: float
    unit_of_sums: float

    def of_sum(self, terms: int) -> float:
        """What a sum of products loses; its result is rounded, and again with a bias added."""
        return 2 * self.unit + terms * self.unit_of_sums


def rounding_of(dtype: Any) -> Rounding:
    """The rounding of a dtype; XLA adds bfloat16 up in float32."""
    unit, single = (float(jnp.finfo(each).eps) / 2 for each in (dtype, "float32"))
    return Rounding(unit, min(unit, single))


@dataclass(frozen=True)
class Bounded:
    """Exact numbers, in longdouble, and bounds on the errors of their rounded computation."""

    value: np.ndarray
    error: np.ndarray  # float64
    rounding: Rounding

    def __add__(self, other: "Bounded") -> "Bounded":
        value = self.value + other.value
        return self._with(value, self.error + other.error + self.rounding.unit * size(value))

    def __mul__(self, other: "Bounded") -> "Bounded":
        value = self.value * other.value
        carried = size(self.value) * other.error + self.error * other.most()
        return self._with(value, carried + self.rounding.unit * size(value))

    def __matmul__(self, other: "Bounded") -> "Bounded":
        a, b = size(self.value), size(other.value)
        carried = a @ other.error + self.error @ other.most()
        summed = self.rounding.of_sum(a.shape[1]) * (a @ b)
        return self._with(self.value @ other.value, carried + summed)

    @property
    def T(self) -> "Bounded":  # noqa: N802
        """Transposed."""
        return self.placed(np.transpose)

    def placed(self, place: Callable[[np.ndarray], np.ndarray]) -> "Bounded":
        """The same numbers in other places."""
        return self._with(place(self.value), place(self.error))

    def beside(self, other: "Bounded") -> "Bounded":
        """The columns of both."""
        value = np.concatenate([self.value, other.value], axis=1)
        return self._with(value, np.concatenate([self.error, other.error], axis=1))

    def most(self) -> np.ndarray:
        """How large the computed numbers may be."""
        return size(self.value) + self.error

    def _with(self, value: np.ndarray, error: np.ndarray) -> "Bounded":
        return Bounded(value, error, self.rounding)


def size(value: np.ndarray) -> np.ndarray:
    """How large numbers are, in float64, which is enough for bounds."""
    return np.abs(value).astype(np.float64)


def exactly(values: Any, rounding: Rounding) -> Bounded:
    """Numbers that are as they are."""
    wide = np.asarray(values).astype(np.longdouble)
    return Bounded(wide, np.zeros(wide.shape), rounding)


def relu(z: Bounded) -> tuple[Bounded, Bounded]:
    """max(z, 0), and its slope, of which nothing is known where z may have either sign."""
    unknown = size(z.value) <= z.error
    slope = Bounded((z.value > 0).astype(np.longdouble), unknown.astype(np.float64), z.rounding)
    return Bounded(np.maximum(z.value, 0), z.error, z.rounding), slope


def derivatives_in(x: Bounded, labels: np.ndarray) -> tuple[Bounded, Bounded]:
    """The residual s(x) - y and the variance s(x) s(-x) of logits."""
    r, h = residual(x.value, labels), sigmoid(x.value) * sigmoid(-x.value)
    moved = size(h) * np.expm1(np.minimum(x.error, 700))
    u = x.rounding.unit
    return (
        Bounded(r, np.minimum(moved, 1) + 4 * u * size(r), x.rounding),
        Bounded(h, np.minimum(moved, 0.25) + 8 * u * size(h), x.rounding),
    )
