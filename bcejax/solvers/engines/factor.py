"""The Cholesky factor of a hessian whose diagonal is made 1 first.

With S = diag(H)^(-1/2) the matrix S H S has ones on its diagonal, whatever the units of the
parameters.  8 p eps is added to them, so that a semidefinite H has a factor too: no direction
notices but one along which H is 0 to rounding.

The smallest pivot bounds the smallest eigenvalue from above, but what many columns have in common
lifts it many times.  Where it is small, so that somebody may ask, L' v = e for the unit vector e of
that pivot gives the sharper bound 1 / v·v: v is nearly the direction itself.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bcejax.solvers.worlds import world_of

SMALL = 1e-2  # pivot


class Factor(NamedTuple):
    """H, as L L' = S H S."""

    lower: jax.Array  # (p, p), L
    scale: jax.Array  # (p,), the diagonal of S
    least: jax.Array  # (), about the smallest eigenvalue of S H S, 0 where H has a 0 row

    def solve(self, vector: jax.Array) -> jax.Array:
        """H^-1 v."""
        return self.scale * cholesky_solve(self.lower, self.scale * vector)


def scaled_factor(hessian: Any) -> Factor:
    """The factor of a hessian.

    Example:
        >>> factor = scaled_factor(jnp.diag(jnp.array([4.0, 1.0])))
        >>> factor.scale, factor.solve(jnp.array([8.0, 1.0])).round(3)
        (Array([0.5, 1. ], dtype=float32), Array([2., 1.], dtype=float32))
    """
    p, world = len(hessian), world_of(hessian)
    diagonal = world.xp.diagonal(hessian)
    positive = diagonal > 0
    scale = world.xp.where(positive, diagonal, 1) ** -0.5
    lifted = world.xp.where(positive, 8 * p * jnp.finfo(hessian.dtype).eps, 1)
    scaled = hessian * scale * scale[:, None] + world.xp.diag(lifted)
    lower = world.cholesky(scaled)
    pivots = world.xp.where(positive, world.xp.diagonal(lower) ** 2, 0)
    smallest = world.xp.min(pivots, initial=1)

    def sharper() -> Any:
        unit = (world.xp.arange(p) == world.xp.argmin(pivots)).astype(hessian.dtype)
        along = world.solve_lower(lower, unit, True)
        return world.xp.minimum(smallest, 1 / (along @ along))

    least = world.cond(smallest < SMALL, sharper, lambda: smallest)
    return Factor(lower, scale, least)


def cholesky_solve(factor: jax.Array, vector: jax.Array) -> jax.Array:
    """(L L')^-1 v, linear in v.

    Example:
        >>> cholesky_solve(jnp.array([[2.0]]), jnp.array([8.0]))
        Array([2.], dtype=float32)
    """
    solve = world_of(factor).solve_lower
    return solve(factor, solve(factor, vector, False), True)
