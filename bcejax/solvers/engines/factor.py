"""The Cholesky factor of a hessian whose diagonal is made 1 first.

With S = diag(H)^(-1/2) the matrix S H S has ones on its diagonal, whatever the units of the
parameters.  8 p eps is added to them, so that a semidefinite H has a factor too: no direction
notices but one along which H is 0 to rounding.
"""

import jax
import jax.numpy as jnp

from bcejax.solvers.worlds import world_of


def scaled_factor(hessian: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The factor L of S H S, the diagonal of S, and the smallest pivot, 0 where H has a 0 row.

    Example:
        >>> factor, scale, least = scaled_factor(jnp.diag(jnp.array([4.0, 1.0])))
        >>> scale, least.round(3)
        (Array([0.5, 1. ], dtype=float32), Array(1., dtype=float32))
    """
    p, world = len(hessian), world_of(hessian)
    diagonal = world.xp.diagonal(hessian)
    positive = diagonal > 0
    scale = world.xp.where(positive, diagonal, 1) ** -0.5
    lifted = world.xp.where(positive, 8 * p * jnp.finfo(hessian.dtype).eps, 1)
    scaled = hessian * scale * scale[:, None] + world.xp.diag(lifted)
    factor = world.cholesky(scaled)
    pivots = world.xp.where(positive, world.xp.diagonal(factor) ** 2, 0)
    return factor, scale, world.xp.min(pivots, initial=1)


def cholesky_solve(factor: jax.Array, vector: jax.Array) -> jax.Array:
    """(L L')^-1 v, linear in v.

    Example:
        >>> cholesky_solve(jnp.array([[2.0]]), jnp.array([8.0]))
        Array([2.], dtype=float32)
    """
    solve = world_of(factor).solve_lower
    return solve(factor, solve(factor, vector, False), True)
