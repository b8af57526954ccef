"""Labels drawn for true logits, with exactly the stated probability.

A label must be 1 with probability p also where p = 1e-9, but a float32 uniform number is a
multiple of 2^-23, so u < 1e-9 would happen 119 times too often. Therefore a label is the
likelier one unless it misses, which it does with the probability q = sigmoid(-|t|) of the
unlikelier, judged by a uniform number made of 64 random bits: its grid near 0 is 2^-64.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.data.records import Array, Batch
from bcejax.numerics import sigmoid
from bcejax.numerics.options import check_count


class Draw(NamedTuple):
    """Data with its truth; a pytree of arrays in the default float dtype of JAX.

    Attributes:
        batch: inputs (n, d), labels (n,) of 0. and 1.; no weights.
        probs: (n,), the probability with which each label was drawn as 1.
        logits: (n,), log(p / (1 - p)), the truth before rounding to ``probs``.

    Example:
        >>> draw = draw_labels(jax.random.key(0), jnp.zeros((3, 1)), jnp.array([-90.0, 0.0, 90.0]))
        >>> draw.probs[2], draw.logits[2]
        (Array(1., dtype=float32), Array(90., dtype=float32))
    """

    batch: Batch
    probs: jax.Array
    logits: jax.Array


@jax.jit
def draw_labels(key: jax.Array, inputs: jax.Array, logits: jax.Array) -> Draw:
    """Labels y ~ Bernoulli(sigmoid(t)) for the true logits t (n,) of inputs (n, d).

    Example:
        >>> draw = draw_labels(jax.random.key(0), jnp.zeros((3, 1)), jnp.array([-90.0, 0.0, 90.0]))
        >>> draw.batch.labels[::2], draw.probs[1]
        (Array([0., 1.], dtype=float...), Array(0.5, dtype=float...))
    """
    missed = uniform(key, logits.shape) < sigmoid(-jnp.abs(logits))
    labels = ((logits > 0) ^ missed).astype(logits.dtype)
    return Draw(Batch(inputs, labels), sigmoid(logits), logits)


def uniform(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Uniform numbers in (0, 1] from 64 bits, rounded once to the default float dtype.

    Example:
        >>> bool(jnp.all(uniform(jax.random.key(0), (1000,)) > 0))
        True
    """
    high, low = jax.random.bits(key, (2, *shape), jnp.uint32).astype(float)
    return (high + (low + 0.5) * 2.0**-32) * 2.0**-32


def normal_inputs(key: jax.Array, examples: int, features: int) -> jax.Array:
    """Standard normal inputs (examples, features) in the default float dtype.

    Raises:
        TypeError: ``examples`` is no integer.
        ValueError: there is no example.

    Example:
        >>> normal_inputs(jax.random.key(0), 4, 2).shape
        (4, 2)
    """
    check_count("examples", examples)
    return jax.random.normal(key, (examples, features))


def vector(name: str, values: Sequence[float] | Array) -> np.ndarray:
    """Values (d,) as float64, d >= 1, all finite.

    Raises:
        ValueError: they are something else; ``name`` is what to call them.

    Example:
        >>> vector("coefficients", (1, 2))
        array([1., 2.])
    """
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"{name} must be (d,) finite numbers with d >= 1, got {values}")
    return array


def finite(name: str, value: float) -> float:
    """The value, if it is finite.

    Raises:
        ValueError: it is not; ``name`` is what to call it.

    Example:
        >>> finite("margin", 0.5)
        0.5
    """
    if not np.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    return value
