"""Calibration of each group by itself: the weak rungs, which need few examples.

Observed over expected and the calibration slope say whether a group's probabilities are too high or
too spread; Kuiper's p-value, whether anything at all is amiss. A model may be calibrated over all
and in no group: errors of different signs cancel.

Groups are padded to powers of four, with examples of weight 0, so that few sizes are compiled.

References:
    B. Van Calster et al., A calibration hierarchy for risk models was defined (2016).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.calibration.errors.binned import expected_calibration_error
from bcejax.calibration.errors.cumulative import cumulative_calibration_error
from bcejax.calibration.errors.smooth import smooth_calibration_error
from bcejax.calibration.examples import Examples, as_examples
from bcejax.calibration.regression import calibration_regression
from bcejax.calibration.reporting.measures import MASS_BINS, measure_rates

SMALLEST = 64  # that a group is padded to


class GroupFindings(NamedTuple):
    """What is said of one group; nan where its examples do not determine it.

    Example:
        >>> groups = np.array(["a", "b", "b"])
        >>> found = calibration_by_group([0, 1, 1], groups, probs=[0.5, 0.5, 0.75])
        >>> {name: each.base_rate - each.mean_prob for name, each in found.items()}
        {'b': 0.375, 'a': -0.5}
    """

    examples: int  # that count
    base_rate: float
    mean_prob: float
    observed_over_expected: float
    slope: float
    slope_lower: float
    slope_upper: float
    in_the_large: float
    expected_calibration_error: float
    smooth_calibration_error: float
    p_value: float  # of Kuiper's statistic, asymptotic


def calibration_by_group(
    labels: ArrayLike,
    groups: np.ndarray,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> dict[str, GroupFindings]:
    """Base rate, mean probability, slope and errors of each group.

    It sorts examples into groups, so it is for arrays whose values are there, not for jit.

    Args:
        labels: numbers 0 and 1, any shape.
        groups: the name of each example's group, text or numbers, of that shape.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how many copies of each example there are, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.

    Returns:
        The findings by name of group, the group of most examples first. A group that does not
        count is left out.

    Raises:
        TypeError: as ``bcejax.calibration.examples.as_examples``.
        ValueError: likewise; soft labels; groups of another shape than the labels, or of names that
            do not sort, as a missing one among text.

    Held by tests/calibration/reporting/test_grouping.py against each group alone.

    Example:
        >>> groups = np.array(["a", "b", "b"])
        >>> found = calibration_by_group([0, 1, 1], groups, probs=[0.5, 0.5, 0.75])
        >>> found["b"].examples, round(found["b"].observed_over_expected, 3)
        (2, 1.6)
    """
    examples = as_examples(
        labels, logits=logits, probs=probs, weights=weights, where=where, hard=True
    )
    if np.shape(groups) != np.shape(labels):
        shapes = f"{np.shape(groups)} and labels {np.shape(labels)}"
        raise ValueError(f"groups have shape {shapes}; they must be equal")
    counts = np.asarray(examples.weights) > 0
    try:
        names, index, sizes = np.unique(
            np.ravel(groups)[counts], return_inverse=True, return_counts=True
        )
    except TypeError as error:
        raise ValueError(
            "groups hold a missing name among text, or else names that do not sort: "
            "fill them in, or mask these examples with where="
        ) from error
    rows = np.flatnonzero(counts)[np.argsort(index, kind="stable")]
    parts = np.split(rows, np.cumsum(sizes)[:-1])
    return {str(names[i]): _findings(examples, parts[i]) for i in np.argsort(-sizes, kind="stable")}


def _findings(examples: Examples, rows: np.ndarray) -> GroupFindings:
    size = SMALLEST
    while size < len(rows):
        size *= 4
    padded = jnp.asarray(np.resize(rows, size))
    group: Examples = jax.tree.map(lambda each: each[padded], examples)
    absent = jnp.arange(size) >= len(rows)
    return GroupFindings(
        len(rows), *_measured(group._replace(weights=jnp.where(absent, 0, group.weights)))
    )


def _measured(group: Examples) -> list[float]:
    fit = group.taken_by(calibration_regression)
    errors = (
        group.taken_by(expected_calibration_error, **MASS_BINS),
        group.taken_by(smooth_calibration_error),
        group.taken_by(cumulative_calibration_error).kuiper_p_value,
    )
    slope, shift = fit.slope, fit.in_the_large
    line = (slope.settled, slope.lower, slope.upper, shift.settled)
    return [float(each) for each in (*measure_rates(group).values(), *line, *errors)]
