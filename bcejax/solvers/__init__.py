"""Floor 2: minimise the cross-entropy, to full accuracy."""

from bcejax.solvers.fitting import fit_logistic
from bcejax.solvers.newton import NewtonFit, invert_semidefinite, minimise_bce
from bcejax.solvers.solution import Solution
from bcejax.solvers.status import SolverStatus

__all__ = [
    "NewtonFit",
    "Solution",
    "SolverStatus",
    "fit_logistic",
    "invert_semidefinite",
    "minimise_bce",
]
