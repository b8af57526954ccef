"""Differences of the loss at every step against its exact gradient, and what was predicted.

For a logit x of label 1 the loss is l = log(1 + exp(-x)), which is analytic.  A stencil of order p
has the error of its formula, c h^p |l^(p+1)|, and that of the arithmetic, A u |l| / h: each value
of l is off by a random u |l|, and the weights of a step of 1 have a root sum of squares A.

                 p   c      A
    forward      1   1/2    1.41
    central      2   1/6    0.71
    five-point   4   1/30   0.95
    complex      2   1/6    -         nothing is subtracted: u |l'| stays
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.analysis import (
    CENTRAL,
    FIVE_POINT,
    FORWARD,
    Extended,
    complex_step,
    elementwise_difference,
    exact_values,
    spacing,
    ulp_error,
)
from bcejax.losses import bce_gradient, bce_with_logits

DTYPES = ("float32", "float64")
COMPLEX_STEP = "complex step"
THROUGH_MODULUS = "complex step through |x|"
LABEL = 1.0
TYPICAL = 1 / 4  # of eps: the root mean square of a rounding error of up to 1/2 ulp, and a bit


class Way(NamedTuple):
    """A formula: order p, constant c and amplification A of rounding errors."""

    stencil: tuple[int, ...] | None  # None: a complex step
    order: int
    factor: float
    amplification: float


WAYS = {
    "forward": Way(FORWARD, 1, 1 / 2, 2**0.5),
    "central": Way(CENTRAL, 2, 1 / 6, 0.5**0.5),
    "five-point": Way(FIVE_POINT, 4, 1 / 30, (65 / 72) ** 0.5),
    COMPLEX_STEP: Way(None, 2, 1 / 6, 0.0),
}


class Course(NamedTuple):
    """Root mean square of the relative errors over the logits, step by step."""

    way: str
    dtype: str
    steps: np.ndarray  # (k,) descending powers of 2
    errors: np.ndarray  # (k,)
    predicted: np.ndarray  # (k,)
    autodiff: float  # the same error of the closed form

    @property
    def best(self) -> int:
        """Where the error is smallest; the largest such step where many are equal."""
        return int(np.argmin(self.errors))

    @property
    def predicted_best(self) -> int:
        """Where it was to be smallest."""
        return int(np.argmin(self.predicted))


def courses_of(logits: np.ndarray) -> dict[tuple[str, str], Course]:
    """Every way in every dtype."""
    return {(way, dtype): course(way, logits.astype(dtype)) for dtype in DTYPES for way in WAYS}


def course(way: str, x: np.ndarray) -> Course:
    """One way in the dtype of the logits."""
    info = jnp.finfo(x.dtype)
    longest = 60 if WAYS[way].stencil is None else info.nmant - 3  # the points must differ
    steps = 2.0 ** -np.arange(1, longest)
    exact = exact_values("gradient", x, LABEL)
    errors = [_off(_derivative(way, x, step), exact) for step in steps]
    terms = _prediction(WAYS[way], x.astype(np.float64), float(info.eps), steps)
    ours = jax.jit(bce_gradient)(x, np.full_like(x, LABEL))
    return Course(way, str(x.dtype), steps, np.array(errors), terms, _off(ours, exact))


def _derivative(way: str, x: np.ndarray, step: float) -> np.ndarray:
    stencil = WAYS[way].stencil
    if stencil is None:
        return complex_step(_analytic, x, step)
    return elementwise_difference(_loss, x, step, stencil=stencil)


@jax.jit
def _loss(x: jax.Array) -> jax.Array:
    return bce_with_logits(x, jnp.full_like(x, LABEL))


@jax.jit
def _analytic(z: jax.Array) -> jax.Array:
    return jnp.log1p(jnp.exp(-z))


@jax.jit
def _through_modulus(z: jax.Array) -> jax.Array:
    """The stable form of the same: right on the real line, analytic nowhere."""
    return jnp.maximum(z, 0) - LABEL * z + jnp.log1p(jnp.exp(-jnp.abs(z)))


def modulus_errors(x: np.ndarray) -> np.ndarray:
    """Relative errors of a complex step through |x|."""
    return _errors(complex_step(_through_modulus, x, 2.0**-40), exact_values("gradient", x, LABEL))


def _errors(got: Any, exact: Extended) -> np.ndarray:
    """Relative errors, right to far below the digits of float64."""
    wide = np.asarray(got).astype(np.float64)
    return ulp_error(wide, exact) * spacing(exact, np.float64) / np.abs(exact.float64())


def _off(got: Any, exact: Extended) -> float:
    return float(np.sqrt(np.mean(_errors(got, exact) ** 2)))


def _prediction(way: Way, x: np.ndarray, eps: float, steps: np.ndarray) -> np.ndarray:
    value, slope, high = (np.abs(_nth_derivative(order)(x)) for order in (0, 1, way.order + 1))
    h = steps[:, None]
    formula = way.factor * h**way.order * high / slope
    lost = way.amplification * value / (slope * h) if way.amplification else np.ones_like(h)
    return np.sqrt(np.mean(formula**2 + (TYPICAL * eps * lost) ** 2, axis=1))


def _nth_derivative(order: int) -> Callable[[np.ndarray], np.ndarray]:
    f: Callable = lambda x: bce_with_logits(x, LABEL)  # noqa: E731
    for _ in range(order):
        f = jax.grad(f)
    return jax.jit(jax.vmap(f))
