"""What an engine is given and what it gives back.

An engine minimises F of problem.py.  It is a function

    engine(problem, start, tol, max_steps) -> Outcome

of a ``Problem``, params (p,) to start from, the bound on the gradient norm and the largest number
of passes; it is traced under jit and vmap.  It may say CONVERGED where

    max_j |dF/db_j| / r_j <= tol,   r_j = sqrt(sum_i w_i x_ij^2) (1 for the intercept)

(``Problem.scales``) or where rounding leaves no more to gain.  The door computes the certificates,
and takes back a CONVERGED that they do not bear out; so an engine need not prove what it says.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from bcejax.solvers.problem import Problem
from bcejax.solvers.status import SolverStatus


class Certificate(NamedTuple):
    """How good params are; () each. See ``Solution``."""

    value: jax.Array
    gradient_norm: jax.Array
    duality_gap: jax.Array


class Outcome(NamedTuple):
    """Where an engine ended; ``direction`` is 0 unless SEPARATED or SINGULAR."""

    params: jax.Array  # (p,)
    steps: jax.Array  # () int32, passes over the data
    status: jax.Array  # () int32, named by SolverStatus
    direction: jax.Array  # (p,)
    certificate: Certificate | None = None  # None: the door computes it, which takes two passes


Engine: TypeAlias = Callable[[Problem, jax.Array, jax.Array, int], Outcome]


def ended(params: jax.Array, steps: jax.Array, converged: jax.Array) -> Outcome:
    """The outcome of an engine that knows only whether it came to rest.

    Example:
        >>> out = ended(jnp.zeros(2), jnp.int32(3), jnp.array(True))
        >>> SolverStatus(int(out.status)).name
        'CONVERGED'
    """
    status = jnp.where(converged, SolverStatus.CONVERGED, SolverStatus.MAX_STEPS)
    known = jnp.all(jnp.isfinite(params))
    status = jnp.where(known, status, SolverStatus.DIVERGED).astype(jnp.int32)
    return Outcome(params, jnp.asarray(steps, jnp.int32), status, jnp.zeros_like(params))
