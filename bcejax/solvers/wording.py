"""What a status of a fit means, in words."""

import numpy as np
from jax.typing import ArrayLike

from bcejax.solvers.status import SolverStatus

WORDS = {
    SolverStatus.CONVERGED: "converged",
    SolverStatus.MAX_STEPS: (
        "the steps were used up before the gradient was small: allow more steps or a larger tol"
    ),
    SolverStatus.SEPARATED: (
        "a hyperplane tells the labels apart, so the optimum lies at infinity: penalise the"
        " coefficients or take firth"
    ),
    SolverStatus.DIVERGED: "sums overflow: bring the columns to a common scale",
    SolverStatus.SINGULAR: (
        "columns depend on each other, so more than one optimum is there and the smallest is"
        " given: penalise the coefficients or leave out columns"
    ),
}


def explain_status(status: ArrayLike) -> str:
    """How a fit ended and, where it did not converge, what to do.

    Args:
        status: of one fit, a ``SolverStatus`` or its number.

    Returns:
        One line without a full stop.

    Raises:
        ValueError: there is no such status.

    Example:
        >>> explain_status(SolverStatus.CONVERGED)
        'converged'
    """
    return WORDS[SolverStatus(int(np.asarray(status)))]
