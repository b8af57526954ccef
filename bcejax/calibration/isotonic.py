r"""Isotonic regression: the nondecreasing curve that fits the labels best.

    g = argmin sum_i w_i (y_i - g_i)^2    over g nondecreasing in the score, equal at equal scores

The same g is best for every proper score, so for the binary cross-entropy too.  It is constant on
blocks of neighbours, where it is their weighted mean label; the blocks come from pooling adjacent
violators.  On a CPU a stack finds them in one pass, O(n); elsewhere rounds that merge all violators
at once leave few blocks to the stack.  Sums run with little rounding (``run_sums``) before the last
violators are looked for, so the values never decrease.

**Derivative.**  The blocks are locally constant, so with the blocks held

    dg_i = sum_{j in block} (w_j dy_j + (y_j - g_j) dw_j) / W_block,

O(n) forward and in reverse, and 0 in the scores: what autodiff makes of the block means.

References:
    M. Ayer et al., An empirical distribution function for sampling with incomplete information
    (1955).
    F. M. T. A. Busing, Monotone regression: a simple and fast O(n) PAVA implementation (2022).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from bcejax.calibration.examples import Examples, as_examples, nan_unless_counted
from bcejax.calibration.ordering import Ordering, ascending, run_sums

ROUNDS = 16  # of merging all violators at once; after them few blocks are left on real data


def isotonic_regression(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> jax.Array:
    """The share of label 1 as a nondecreasing function of the score, at each example.

    Works under jit and vmap (one after the other), and has derivatives of every order in labels
    and weights; that in the scores is 0.

    Args:
        labels: numbers in [0, 1], any shape.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two; only their order counts.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.

    Returns:
        Fitted probabilities of the labels' shape, float32 or wider.  An example that does not
        count takes the value of its neighbours in score; a masked one lies at score 0.  All nan
        where, under jit, a value could not be taken.

    Raises:
        TypeError: scores that are not floating, or a mask that is not boolean.
        ValueError: shapes that differ, no example; and, unless traced: nan, labels or
            probabilities outside [0, 1], negative weights, nothing that counts.

    Accuracy: equal to scikit-learn's to 1e-14 in float64, tied and weighted; in float32 within
    2 (sqrt(n) + 4) eps of float64's (tests/calibration/test_isotonic.py).

    Example:
        >>> isotonic_regression([0, 1, 0, 1], probs=[0.1, 0.3, 0.4, 0.8])
        Array([0. , 0.5, 0.5, 1. ], dtype=float32)
    """
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    return _fitted(examples, ascending(examples.scores())).reshape(np.shape(labels))


@jax.jit
def _fitted(examples: Examples, ordering: Ordering) -> jax.Array:
    w = examples.weights
    rows = ordering.per_group(jnp.stack([w * examples.labels, w], axis=-1))
    means = isotonic_means(rows[:, 0], rows[:, 1])
    return ordering.to_examples(means) * nan_unless_counted(w)


@jax.custom_jvp
def isotonic_means(totals: jax.Array, weights: jax.Array) -> jax.Array:
    """The nondecreasing sequence nearest to totals / weights, weighted.

    Args:
        totals: (n,) weight times value of each row.
        weights: (n,) >= 0.  A row without weight takes a neighbour's value.

    Returns:
        (n,) nondecreasing; 0 where no row has weight.

    Example:
        >>> isotonic_means(jnp.array([1.0, 3.0, 2.0, 4.0]), jnp.ones(4))
        Array([1. , 2.5, 2.5, 4. ], dtype=float32)
    """
    blocks, sums = pooled(totals, weights)
    return (sums[:, 0] / _divisor(sums[:, 1]))[blocks]


@isotonic_means.defjvp
def _isotonic_means_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    blocks = pooled_blocks(*primals)
    means = isotonic_means(*primals)
    masses = run_sums(primals[1], blocks)  # with its own derivative, for the second order
    in_block = run_sums(tangents[0] - means * tangents[1], blocks)
    return means, (in_block / _divisor(masses))[blocks]


def pooled_blocks(totals: jax.Array, weights: jax.Array) -> jax.Array:
    """The block of each row when adjacent violators are pooled.

    Args:
        totals: (n,) weight times value of each row.
        weights: (n,) >= 0.

    Returns:
        int32 (n,): 0, 0, ..., 1, ..., ascending without a gap.

    Example:
        >>> pooled_blocks(jnp.array([1.0, 3.0, 2.0, 4.0]), jnp.ones(4))
        Array([0, 1, 1, 2], dtype=int32)
    """
    return pooled(totals, weights)[0]


def pooled(totals: jax.Array, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The blocks of pooled adjacent violators, and what each holds.

    Args:
        totals: (n,) weight times value of each row.
        weights: (n,) >= 0.

    Returns:
        int32 (n,), the block of each row; and (n, 2) total and weight of each block, without a
        derivative, 0 behind the last.

    Example:
        >>> blocks, sums = pooled(jnp.array([1.0, 3.0, 2.0]), jnp.ones(3))
        >>> sums.T
        Array([[1., 5., 0.],
               [1., 2., 0.]], dtype=float32)
    """
    totals, weights = lax.stop_gradient((totals, weights))
    # exact, by a power of 2: products of two sums are compared, and must stay in range
    _, exponent = jnp.frexp(jnp.max(weights))
    blocks, sums = _pooled(jnp.ldexp(totals, -exponent), jnp.ldexp(weights, -exponent))
    return blocks, jnp.ldexp(sums, exponent)


# under a plain vmap every lane of the stack would select on whole arrays at each step
@jax.custom_batching.sequential_vmap
def _pooled(totals: jax.Array, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
    rows = jnp.stack([totals, weights], axis=-1)
    blocks = lax.platform_dependent(rows, cpu=_by_stack, default=_by_rounds_and_stack)
    return _by_rounds(rows, blocks, len(rows))


def pooled_starts(totals: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Where the blocks of pooled adjacent violators start, on the host, by SciPy.

    Args:
        totals: (n,) float64, weight times value of each row.
        weights: (n,) float64, > 0.

    Returns:
        The first row of each block, ascending from 0.

    Example:
        >>> pooled_starts(np.array([1.0, 3.0, 2.0, 4.0]), np.ones(4))
        array([0, 1, 3])
    """
    from scipy.optimize import isotonic_regression as pool  # noqa: PLC0415 - it takes 150 ms

    starts = pool(totals / weights, weights=weights).blocks[:-1].astype(int)
    totals, weights = (np.add.reduceat(each, starts) for each in (totals, weights))
    while True:  # SciPy leaves blocks of equal means, and of means that rounding moved
        rises = np.append(True, totals[:-1] * weights[1:] < totals[1:] * weights[:-1])
        if rises.all():
            return starts
        first = np.flatnonzero(rises)
        starts, totals, weights = (
            starts[first],
            *(np.add.reduceat(each, first) for each in (totals, weights)),
        )


def _divisor(masses: jax.Array) -> jax.Array:
    return jnp.where(masses == 0, 1, masses)


def _by_rounds_and_stack(rows: jax.Array) -> jax.Array:
    blocks, sums = _by_rounds(rows, jnp.arange(len(rows), dtype=jnp.int32), ROUNDS)
    return _by_stack(sums, blocks[-1] + 1)[blocks]


def _by_rounds(rows: jax.Array, blocks: jax.Array, most: int) -> tuple[jax.Array, jax.Array]:
    """Merge each block whose mean is not above its predecessor's into it, until none is left."""

    def merge(state: tuple) -> tuple:
        blocks, _, violates, rounds = state
        blocks = (jnp.cumsum(~violates, dtype=jnp.int32) - 1)[blocks]
        sums = run_sums(rows, blocks)
        return blocks, sums, _violators(blocks, sums), rounds + 1

    # a first round that merges nothing: sums and violators stand in one place, and compile once
    start = (blocks, jnp.zeros_like(rows), jnp.zeros(len(rows), bool), jnp.int32(0))
    return lax.while_loop(
        lambda state: (state[3] == 0) | jnp.any(state[2]) & (state[3] <= most), merge, start
    )[:2]


def _violators(blocks: jax.Array, sums: jax.Array) -> jax.Array:
    """Whether the mean of each block is not above its predecessor's; False behind the last."""
    (totals, masses), index = sums.T, jnp.arange(len(sums))
    decreasing = totals[:-1] * masses[1:] >= totals[1:] * masses[:-1]
    # a block without weight joins its predecessor, and makes no bridge between its neighbours
    bridge = (masses[:-1] == 0) & (index[:-1] > 0)
    decreasing = (masses[1:] == 0) | decreasing & ~bridge
    return jnp.concatenate([jnp.zeros(1, bool), decreasing]) & (index <= blocks[-1])


def _by_stack(rows: jax.Array, count: ArrayLike | None = None) -> jax.Array:
    """Merge rows from left to right, the first ``count`` of them: a stack holds what is left."""
    n = len(rows)

    def push(row: jax.Array, stack: tuple) -> tuple:
        tops, starts, size = stack

        def swallow(state: tuple) -> tuple:
            # all reads of the stack stand here: elsewhere XLA on CPU would copy it at each step
            size, (total, mass), start, _ = state
            (below, base), begin = tops[size - 1], starts[size - 1]
            violates = (size > 0) & (below * mass >= total * base)
            block = (
                jnp.where(violates, total + below, total),
                jnp.where(violates, mass + base, mass),
            )
            return size - violates, block, jnp.where(violates, begin, start), violates

        state = (size, (rows[row, 0], rows[row, 1]), row, True)
        size, block, start, _ = lax.while_loop(lambda s: s[-1], swallow, state)
        return tops.at[size].set(jnp.stack(block)), starts.at[size].set(start), size + 1

    empty = (jnp.zeros_like(rows), jnp.zeros(n, jnp.int32), jnp.int32(0))
    _, starts, size = lax.fori_loop(0, n if count is None else count, push, empty)
    begins = jnp.zeros(n, jnp.int32).at[starts].max((jnp.arange(n) < size).astype(jnp.int32))
    return jnp.cumsum(begins, dtype=jnp.int32) - 1
