r"""Bootstrap resamples as counts: how often each example comes.

Resample r draws as many examples as there are, with replacement, so that

    counts ~ Multinomial(n; 1/n, ..., 1/n).

Draw i of it comes from a word of the counter-based generator Threefry at (r, i), so that a resample
does not depend on how many are drawn, nor on how many at a time.  An index is the upper half of the
64-bit product of n and 32 random bits, which favours no example by more than n / 2^32.

References:
    B. Efron, Bootstrap methods: another look at the jackknife (1979).
    J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, Parallel random numbers: as easy as
    1, 2, 3 (2011).
    D. Lemire, Fast random integer generation in an interval (2019).
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

TURNS = ((13, 15, 26, 6), (17, 29, 16, 24))  # bits that a word turns in rounds of Threefry
PARITY = 0x1BD11BDA


class Resampling(NamedTuple):
    """What counts are drawn from; a pytree."""

    key: jax.Array  # (2,) uint32
    places: jax.Array  # (n,) int32, the examples, those that count first
    trials: jax.Array  # () int32, how many count: so many are drawn


def resampling(key: jax.Array, present: ArrayLike) -> Resampling:
    """Resamples of the examples that are present.

    Args:
        key: of ``jax.random``.
        present: (n,) bool.

    Returns:
        A ``Resampling``.

    Example:
        >>> int(resampling(jax.random.key(0), [True, False]).trials)
        1
    """
    present = jnp.asarray(present)
    places = jnp.argsort(~present).astype(jnp.int32)
    bits = jax.random.bits(key, (2,), jnp.uint32)
    return Resampling(bits, places, jnp.sum(present, dtype=jnp.int32))


@functools.partial(jax.jit, static_argnames="count")
def resample_counts(draws: Resampling, first: ArrayLike, count: int) -> jax.Array:
    """The counts of resamples first, first + 1, ....

    Args:
        draws: what to draw from.
        first: the number of the first, >= 0.
        count: how many.

    Returns:
        (count, n) int32, each row of sum ``trials``; 0 where an example is not present.

    Raises:
        ValueError: they are 2^31 numbers or more.

    The law is held by tests/data/test_resampling.py.

    Example:
        >>> draws = resampling(jax.random.key(0), [True, False, True])
        >>> resample_counts(draws, 0, 4).sum(axis=1)
        Array([2, 2, 2, 2], dtype=int32)
    """
    n = len(draws.places)
    if count * n >= 2**31:
        raise ValueError(f"count must be below 2^31 / {n}, the number of examples, got {count}")
    half = -(-n // 2)  # each call of the generator gives two words
    resamples = (jnp.uint32(first) + jnp.arange(count, dtype=jnp.uint32))[:, None]
    words = threefry(draws.key, resamples, jnp.arange(half, dtype=jnp.uint32))
    bits = jnp.concatenate(words, axis=1)[:, :n]
    drawn = draws.places[index_below(bits, draws.trials.astype(jnp.uint32))]
    valid = (jnp.arange(n) < draws.trials).astype(jnp.int32)
    # as one row, to which XLA on CPU adds faster
    cells = drawn + n * jnp.arange(count, dtype=jnp.int32)[:, None]
    counts = jnp.zeros(count * n, jnp.int32)
    added = jnp.broadcast_to(valid, cells.shape).ravel()
    return counts.at[cells.ravel()].add(added, mode="promise_in_bounds").reshape(count, n)


def threefry(key: jax.Array, high: jax.Array, low: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Two random words for each counter: Threefry-2x32 of 20 rounds.

    JAX's own is, on CPU, a loop that stays on one core; this is fused with what comes after.

    Args:
        key: (2,) uint32.
        high: uint32, a half of the counter.
        low: uint32, the other; they broadcast.

    Returns:
        Two uint32 arrays of the common shape, the words of ``jax.extend.random.threefry_2x32``
        (tests/data/test_resampling.py).

    Example:
        >>> zero = jnp.uint32(0)
        >>> [int(word) for word in threefry(jnp.zeros(2, jnp.uint32), zero, zero)]
        [1797259609, 2579123966]
    """
    keys = key[0], key[1], key[0] ^ key[1] ^ np.uint32(PARITY)
    x, y = jnp.broadcast_arrays(high + keys[0], low + keys[1])
    for group in range(5):
        for turn in TURNS[group % 2]:
            x = x + y
            y = x ^ (y << turn | y >> 32 - turn)
        x = x + keys[(group + 1) % 3]
        y = y + keys[(group + 2) % 3] + np.uint32(group + 1)
    return x, y


def index_below(bits: jax.Array, bound: jax.Array) -> jax.Array:
    """floor(bits * bound / 2^32): an index in [0, bound) from random bits.

    Args:
        bits: uint32, of any shape.
        bound: uint32 below 2^31.

    Returns:
        int32 of that shape.

    Example:
        >>> index_below(jnp.array([0, 2**31, 2**32 - 1], jnp.uint32), jnp.uint32(10))
        Array([0, 5, 9], dtype=int32)
    """
    high, low = bits >> 16, bits & 0xFFFF
    bound_high, bound_low = bound >> 16, bound & 0xFFFF
    middle = high * bound_low + (low * bound_low >> 16)
    carry = low * bound_high + (middle & 0xFFFF)
    return (high * bound_high + (middle >> 16) + (carry >> 16)).astype(jnp.int32)
