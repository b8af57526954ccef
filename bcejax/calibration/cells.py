"""Neighbours in score taken together, so that draws of many examples are quick to measure.

n examples in ascending order of score are cut into cells of k neighbours.  A cell of scores so
alike counts, for every metric, as two examples at its mean probability: one of label 1, with the
weight of its ones, and one of label 0.  Labels and counts are still drawn for each example by
itself; only then are they summed.  So a simulation is exact whatever the cells: the metric of the
cells is a statistic like another.
"""

import jax
import jax.numpy as jnp

from bcejax.calibration.calibrators.tables import log_ratio
from bcejax.calibration.examples import Examples
from bcejax.numerics import sigmoid

CELLS = 2**14
MANY = 4 * CELLS  # examples, up to which each is a cell


def cell_size(n: int) -> int:
    """How many neighbours of n make a cell.

    Example:
        >>> cell_size(65_536), cell_size(65_537)
        (1, 5)
    """
    return 1 if n <= MANY else -(-n // CELLS)


def sums_of_cells(values: jax.Array, size: int) -> jax.Array:
    """Sums of values (n,) over cells of so many neighbours, the last one smaller.

    Example:
        >>> sums_of_cells(jnp.array([1.0, 2.0, 4.0]), 2)
        Array([3., 4.], dtype=float32)
    """
    padded = jnp.pad(values, (0, -len(values) % size))
    return jnp.sum(padded.reshape(-1, size), axis=1)


def in_cells(examples: Examples, labels: jax.Array, weights: jax.Array, size: int) -> Examples:
    """Two examples for each cell of neighbours.

    Args:
        examples: n of them, ascending by score, each of weight > 0.
        labels: (n,) 0 or 1, in place of their own.
        weights: (n,) likewise.
        size: of a cell.

    Returns:
        Examples with logits: first those of label 1, then those of label 0.

    Example:
        >>> from bcejax.calibration.examples import as_examples
        >>> four = as_examples([0, 1, 1, 1], probs=[0.2, 0.2, 0.4, 0.4])
        >>> cells = in_cells(four, four.labels, four.weights, 2)
        >>> cells.weights, cells.probabilities()
        (Array([1., 2., 1., 0.], dtype=float32), Array([0.2, 0.4, 0.2, 0.4], dtype=float32))
    """
    logits = examples.log_odds()
    likely, unlikely = (
        sums_of_cells(examples.weights * sigmoid(each), size) for each in (logits, -logits)
    )
    # between its ends: a tie that fills cells stays one, and no probability rounds to 0
    first, last = logits[::size], jnp.append(logits[size - 1 : -1 : size], logits[-1])
    ones, zeros = (sums_of_cells(weights * each, size) for each in (labels, 1 - labels))
    return Examples(
        labels=jnp.repeat(jnp.array([1, 0], labels.dtype), len(ones)),
        weights=jnp.concatenate([ones, zeros]),
        logits=jnp.tile(jnp.clip(log_ratio(likely, unlikely), first, last), 2),
        probs=None,
    )
