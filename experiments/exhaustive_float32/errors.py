"""Errors of a block of float32 results in units of the last place, and what they come to."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.exhaustive_float32.setting import DEFAULT, GRADIENT, SMALLEST, Kind

SLACK = 2.0**-44  # of sigmoid: what the highest accuracy may be off beside its ulps
BEYOND, LOST = -1, -2  # in the place of an error, where no normal number is right


class Found(NamedTuple):
    """Of some logits: the worst error, and how many are how far off."""

    worst: float  # in the kind's unit
    place: int  # of the worst among the logits
    judged: int  # results that are normal numbers
    rounded_wrong: int  # of these, more than 1/2 unit off: not correctly rounded
    beyond_one: int  # of these, more than 1 unit off
    lost: int  # beyond the normal numbers: off by more than the smallest of them, or nan


def errors_of(kind: Kind, got: jax.Array, right: jax.Array, sigmoid: jax.Array) -> jax.Array:
    """Each error, float32 (n,), of float32 results against float64 ones.

    An infinite error is a nan; BEYOND and LOST stand where the right result is no normal number.
    """
    soft = kind.soft and kind.quantity == GRADIENT
    measure = ("larger" if kind.accuracy == DEFAULT else "slack") if soft else "ulp"
    return _errors(measure, got, right, sigmoid)


@partial(jax.jit, static_argnums=0)
def _errors(measure: str, got: jax.Array, right: jax.Array, sigmoid: jax.Array) -> jax.Array:
    off = jnp.abs(got.astype(jnp.float64) - right)
    size = jnp.abs(right)
    small = size < SMALLEST
    if measure == "larger":
        size = jnp.maximum(size, sigmoid)
    if measure == "slack":
        off = jnp.maximum(off - SLACK * sigmoid, 0)
    error = off * _units_per_one(size)
    beyond = jnp.where(off <= SMALLEST, BEYOND, LOST)
    return jnp.where(small, beyond, jnp.where(error >= 0, error, jnp.inf)).astype(jnp.float32)


def _units_per_one(size: jax.Array) -> jax.Array:
    """1 / ulp in float32 of float64 sizes: a power of two, from the exponent's bits."""
    exponent = jax.lax.bitcast_convert_type(size, jnp.int64) >> 52
    exponent = jnp.maximum(exponent, 1023 - 126)
    return jax.lax.bitcast_convert_type((2046 + 23 - exponent) << 52, jnp.float64)


def sum_up(errors: np.ndarray) -> Found:
    """The worst, and the counts."""
    place = int(np.argmax(errors))
    worst = max(float(errors[place]), 0.0)
    normal = errors.min() >= 0
    return Found(
        worst=worst,
        place=place,
        judged=errors.size if normal else _count(errors >= 0),
        rounded_wrong=_count(errors > 0.5) if worst > 0.5 else 0,
        beyond_one=_count(errors > 1) if worst > 1 else 0,
        lost=0 if normal else _count(errors == LOST),
    )


def _count(which: np.ndarray) -> int:
    return int(np.count_nonzero(which))
