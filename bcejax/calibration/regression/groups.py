r"""The Hosmer-Lemeshow test: observed against expected label 1 in groups of equal mass.

    sum_g (O_g - E_g)^2 / (E_g (1 - E_g / n_g)),    O = sum w y,  E = sum w p,  n = sum w

Examples of one score are never in two groups: the example at which the weight C up to the end of
its tie group is reached falls into group ceil(K C / W) of K.  So the statistic does not depend on
the order of the examples; programs that split ties differ from it and from each other.  A group
that stays empty is no group.

Under the null the statistic is about chi-square.  Its degrees of freedom are the number of groups
where the probabilities come from elsewhere (held-out data), and two fewer where the model was
fitted to these examples.  With many examples it rejects what no one would call miscalibrated, and
its groups are arbitrary: slope, intercept and curve say more.

References:
    D. W. Hosmer and S. Lemeshow, Goodness of fit tests for the multiple logistic regression model
    (1980).
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.calibration.binning import sums_by_bin
from bcejax.calibration.binning.masses import mass_index
from bcejax.calibration.examples import Examples, as_examples
from bcejax.calibration.ordering import Ordering, ascending
from bcejax.numerics import ChiSquareTest, chi_square_survival, sigmoid
from bcejax.numerics.options import check_count


def hosmer_lemeshow_test(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    bins: int = 10,
    held_out: bool = True,
) -> ChiSquareTest:
    """The Hosmer-Lemeshow statistic with its degrees of freedom and p-value.

    Works under jit and vmap; bins and held_out are static.

    Args:
        labels: 0 or 1, any shape.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how many copies of each example there are, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        bins: number K of groups, 3 or more.
        held_out: whether the model was fitted to other examples.

    Returns:
        A ``ChiSquareTest``: infinite, with p-value 0, where a group of certain examples errs; the
        p-value is nan where ties leave no degree of freedom.

    Raises:
        TypeError, ValueError: as ``bcejax.calibration.examples.as_examples``; or bins is not an
            integer >= 3.

    Accuracy: 1e-12 of brute force in float64 (tests/calibration/regression/test_groups.py).

    Example:
        >>> test = hosmer_lemeshow_test([0, 1, 0, 1, 1, 1], probs=[0.1, 0.2, 0.5, 0.5, 0.8, 0.9],
        ...                             bins=3)
        >>> round(float(test.statistic), 4), int(test.degrees)
        (2.2745, 3)
    """
    check_count("bins", bins, least=3)
    examples = as_examples(
        labels, logits=logits, probs=probs, weights=weights, where=where, hard=True
    )
    return _test(examples, ascending(examples.scores()), bins, held_out)


@functools.partial(jax.jit, static_argnames=("bins", "held_out"))
def _test(examples: Examples, ordering: Ordering, bins: int, held_out: bool) -> ChiSquareTest:
    w, p = examples.weights, examples.probabilities()
    q = 1 - p if examples.logits is None else sigmoid(-examples.log_odds())
    group = ordering.to_examples(mass_index(ordering, w, np.arange(1, bins) / bins))
    columns = jnp.stack([w, w * p, w * q, w * examples.residuals()], axis=-1)
    weight, expected, rest, surplus = sums_by_bin(columns, group, bins).T
    variance = expected * rest / jnp.where(weight == 0, 1, weight)
    right = (surplus == 0) & (variance == 0)  # nothing there, or certain and right
    statistic = jnp.sum(surplus**2 / jnp.where(right, 1, variance))
    degrees = jnp.sum(weight != 0).astype(jnp.int32) - (0 if held_out else 2)
    p_value = jnp.where(degrees > 0, chi_square_survival(statistic, degrees), jnp.nan)
    return ChiSquareTest(statistic, degrees, p_value)
