"""What an engine is given and what it gives back.

An engine minimises F of problem.py.  It is a function

    engine(problem, start, tol, max_steps) -> Outcome

of a ``Problem``, params (p,) to start from, the bound on the gradient norm and the largest number
of passes; it is traced under jit and vmap, or runs on NumPy's arrays (worlds.py).  It may say
CONVERGED where

    max_j |dF/db_j| / r_j <= tol,   r_j = sqrt(sum_i w_i x_ij^2) (1 for the intercept)

(``Problem.scales``) or where rounding leaves no more to gain.  The door computes the certificates,
and takes back a CONVERGED that they do not bear out; so an engine need not prove what it says.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from bcejax.solvers.problem import Problem


class Certificate(NamedTuple):
    """How good params are; () each. See ``Solution``."""

    value: Any
    gradient_norm: Any
    duality_gap: Any


class Outcome(NamedTuple):
    """Where an engine ended; ``direction`` is 0 unless SEPARATED or SINGULAR."""

    params: Any  # (p,)
    steps: Any  # () int32, passes over the data
    status: Any  # () int32, named by SolverStatus
    direction: Any  # (p,)
    certificate: Certificate | None = None  # None: the door computes it, which takes two passes


Engine: TypeAlias = Callable[[Problem, Any, Any, int], Outcome]
