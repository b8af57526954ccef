r"""The exact results in float64, by forms that lose no digits.

With e = exp(-|x|), q = e / (1 + e), w = 1 - y if x > 0 else y, and z the logit with sigmoid(z) = y,

    value      w |x| + log1p(e)
    gradient   +-(w - q), and near z, where that cancels,
               (1 - y) sigmoid(x) (1 - exp(-(x - z))), with z in two parts and a power series
    hessian    q / (1 + e)
    third      hessian tanh(-x / 2), with tanh(|x| / 2) = (1 - e) / (1 + e) by expm1

A float64 has 29 bits more than a float32: an error of some units in its last place is 1e-8 ulp.
NumPy computes the exponentials and the logarithm, ten times as fast as XLA does in float64.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.analysis import exact
from experiments.exhaustive_float32.setting import GRADIENT, HESSIAN, THIRD, VALUE

NEAR = 1 / 16  # of z: there the series is taken
TERMS = 9  # its next one is below 2^-53: NEAR^9 / 10!
NEVER = 1e300  # the z of hard labels: far from every logit


class Shared(NamedTuple):
    """What no label changes, float64 (n,)."""

    logits: jax.Array
    sigmoid: jax.Array
    unlikely: jax.Array  # q
    bump: jax.Array  # log1p(e)
    hessian: jax.Array
    third: jax.Array


class Label(NamedTuple):
    """A label, and the logit at which the gradient is 0, in two parts."""

    value: float
    zero: float
    rest: float


def share(logits: np.ndarray) -> Shared:
    """The parts of float32 logits that all labels use; x64 must be on."""
    x = logits.astype(np.float64)
    size = -np.abs(x)
    e = np.exp(size)
    return _combined(x, e, np.expm1(size), np.log1p(e))


@jax.jit
def _combined(x: jax.Array, e: jax.Array, e_minus_1: jax.Array, bump: jax.Array) -> Shared:
    likely = 1 / (1 + e)
    q = e * likely
    hessian = q * likely
    third = jnp.sign(x) * hessian * e_minus_1 * likely
    return Shared(x, jnp.where(x > 0, likely, q), q, bump, hessian, third)


def label_of(number: float) -> Label:
    """A label as float32 has it, prepared."""
    label = float(np.float32(number))
    if label in (0, 1):
        return Label(label, NEVER, 0.0)
    opposite = exact("entropy_gradient", 0, label)  # -z to 120 bits; mpmath's minus would round it
    return Label(label, -float(opposite), -float(opposite - float(opposite)))


def right_results(quantity: str, logits: np.ndarray, label: float) -> np.ndarray:
    """One quantity for float32 logits and one label, float64 (n,)."""
    with jax.enable_x64(True):
        shared = share(logits)
        value, gradient = value_and_gradient(shared, label_of(label))
        known = {VALUE: value, GRADIENT: gradient, HESSIAN: shared.hessian, THIRD: shared.third}
        return np.asarray(known[quantity])


@jax.jit
def value_and_gradient(shared: Shared, label: Label) -> tuple[jax.Array, jax.Array]:
    """Both, exact to some units in float64's last place; x64 must be on."""
    x, y = shared.logits, label.value
    away = jnp.where(x > 0, 1 - y, y)
    value = away * jnp.abs(x) + shared.bump
    plain = jnp.where(x > 0, away - shared.unlikely, shared.unlikely - away)
    distance = (x - label.zero) - label.rest
    small = jnp.clip(distance, -NEAR, NEAR)
    series = jnp.ones_like(x)
    for n in range(TERMS, 1, -1):  # (1 - exp(-d)) / d = 1 - d / 2 (1 - d / 3 (1 - ...))
        series = 1 - small / n * series
    near = (1 - y) * shared.sigmoid * small * series
    return value, jnp.where(jnp.abs(distance) < NEAR, near, plain)
