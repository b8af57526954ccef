r"""The calibration error in as many bins of equal mass as keep the labels monotone.

With K bins of equal mass, as in binning/masses.py, let ybar_1, ..., ybar_K be the mean labels of
those that are not empty, in ascending order of the scores. ECE-sweep takes

    K* = the largest K such that for 1, 2, ..., K bins ybar_1 <= ybar_2 <= ...

and is the calibration error of norm 1, 2 or inf in K* bins. The true share of label 1 mostly rises
with the probability, so a fall means that the bins have become too small to be told from noise.

The borders of all K <= ``max_bins`` cut the examples into about 0.3 max_bins^2 cells, the fractions
k/K in order, so that each example is summed once, into its cell, and the cells into the bins of
every K. That leaves O(n + max_bins^3) operations after the sort.

References:
    R. Roelofs, N. Cain, J. Shlens and M. C. Mozer, Mitigating bias in calibration error estimation
    (2022).
"""

import functools
import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.calibration.binning import sums_by_bin
from bcejax.calibration.binning.masses import mass_index
from bcejax.calibration.errors.binned import NORMS
from bcejax.calibration.examples import Examples, as_examples
from bcejax.calibration.ordering import Ordering, ascending
from bcejax.numerics.options import check_count


def sweep_calibration_error(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    norm: float = 1,
    max_bins: int = 100,
) -> jax.Array:
    """The calibration error in the most bins of equal mass whose mean labels ascend.

    Works under jit and vmap, and has a derivative almost everywhere; norm and max_bins are static.
    Ties are never split, so the order of examples of one score does not matter.

    Args:
        labels: numbers in [0, 1], any shape; soft labels are welcome.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        norm: 1, 2 or inf.
        max_bins: where the search for K* ends.

    Returns:
        A scalar in [0, 1], float32 or wider. Means that fall by less than 8 eps count as equal.
        Under jit, nan where a value cannot be taken or nothing counts.

    Raises:
        TypeError: scores that are not floating, a mask that is not boolean, or max_bins that is
            not an integer.
        ValueError: shapes that differ, no example, unknown ``norm``, max_bins below 1; and, unless
            traced: nan, labels or probabilities outside [0, 1], negative weights, nothing that
            counts.

    Accuracy: against a loop over K in float64 (tests/calibration/errors/test_sweep.py).

    Source: R. Roelofs et al., Mitigating bias in calibration error estimation (2022).

    Example:
        >>> sweep_calibration_error([0, 1, 0, 1], probs=[0.1, 0.2, 0.7, 0.8])
        Array(0.3, dtype=float32)
    """
    check_count("max_bins", max_bins)
    if norm not in NORMS:
        raise ValueError(f"norm {norm!r} is not one of 1, 2, inf")
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    return _error(examples, ascending(examples.scores()), norm, int(max_bins))


@functools.partial(jax.jit, static_argnames=("norm", "max_bins"))
def _error(examples: Examples, ordering: Ordering, norm: float, max_bins: int) -> jax.Array:
    w = examples.weights
    ends, bin_of_cell = _cells(max_bins)
    cell = ordering.to_examples(mass_index(ordering, w, ends[:-1]))
    columns = jnp.stack([w, w * examples.residuals(), w * examples.labels], axis=-1)
    cells = sums_by_bin(columns, cell, len(ends))
    bins = jax.vmap(lambda index: jax.ops.segment_sum(cells, index, max_bins))(bin_of_cell)
    weight, residual, label = jnp.moveaxis(bins, -1, 0)  # each (max_bins, max_bins), a row for K
    monotone = jax.vmap(_ascends)(weight, label)
    most = jnp.sum(jnp.cumprod(monotone)) - 1
    return NORMS[norm](weight[most], residual[most], jnp.sum(w))


def _ascends(weight: jax.Array, label: jax.Array) -> jax.Array:
    """Whether the mean labels of the bins that are not empty ascend."""
    mean = jnp.where(weight == 0, -jnp.inf, label / jnp.where(weight == 0, 1, weight))
    falls = mean < jax.lax.cummax(mean) - 8 * jnp.finfo(mean.dtype).eps
    return ~jnp.any(falls & (weight != 0))


@functools.lru_cache(maxsize=8)
def _cells(most: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the cells between all k/K, K <= most, end; and the bin of each (most, cells)."""
    ends = sorted({Fraction(k, bins) for bins in range(1, most + 1) for k in range(1, bins + 1)})
    of_cell = [[math.ceil(end * bins) - 1 for end in ends] for bins in range(1, most + 1)]
    return np.array([float(end) for end in ends]), np.array(of_cell, np.int32)
