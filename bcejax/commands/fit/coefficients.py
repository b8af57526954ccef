"""The table of coefficients: each with its standard error, Wald test and interval.

    z_j = b_j / e_j,     p-value 2 Phi(-|z_j|),     interval b_j +- q e_j,   q the normal quantile

With a penalty these say how the shrunken estimate spreads, not how far it is from the truth; after
an l1 penalty, which has chosen the columns by the labels, there are none.
"""

from collections.abc import Sequence

import numpy as np

from bcejax.numerics import require
from bcejax.solvers import Solution
from bcejax.solvers.inference.intervals import normal_quantile


def coefficient_table(
    names: Sequence[str], solution: Solution, covariance: np.ndarray, confidence: float
) -> dict[str, np.ndarray]:
    """Columns of d + 1 rows, the intercept's last; nan and inf where there is no standard error.

    Args:
        names: of the d features.
        solution: of the fit.
        covariance: (d + 1, d + 1).
        confidence: of the intervals.

    Example:
        >>> from bcejax.solvers import fit_logistic
        >>> fit = fit_logistic([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
        >>> table = coefficient_table(["age"], fit, np.eye(2), 0.95)
        >>> table["name"].tolist(), table["z"].round(3)
        (['age', 'intercept'], array([ 0.908, -1.362]))
    """
    normal = require("scipy.special", extra="cli", purpose="p-values")
    values = np.append(solution.coefficients, solution.intercept)
    errors = np.sqrt(np.diagonal(covariance))
    reach = normal_quantile(confidence) * errors
    with np.errstate(divide="ignore", invalid="ignore"):
        z = values / errors
    return {
        "name": np.array([*names, "intercept"]),
        "coefficient": values,
        "error": errors,
        "z": z,
        "p_value": 2 * normal.ndtr(-np.abs(z)),
        "lower": values - reach,
        "upper": values + reach,
    }
