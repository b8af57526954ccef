"""Newton's method on a smooth objective of a few params, some of which may be held.

From a point with value V, gradient G and hessian H, the free params move by t d, d = -H^-1 G over
them, with t at most 1 and so that no logit moves by more than a radius.  The step is taken if V
falls by 1e-4 t times the squared decrement D = G H^-1 G (Armijo), less what rounding hides; then
the radius grows to 4 times the move, else it shrinks to a quarter.  It begins at 16: where logits
are far out V hardly bends, and a whole step would go anywhere.

Reference: S. Boyd and L. Vandenberghe, Convex Optimization (2004), section 9.5.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from bcejax.solvers.engines.factor import scaled_factor
from bcejax.solvers.engines.likelihood import Point

RADIUS = 16.0  # of the first step, in logits


class Rest(NamedTuple):
    """Where the params came to rest, and the step that they would take next."""

    params: jax.Array  # (p,)
    point: Point  # there
    step: jax.Array  # (p,), 0 for held params
    decrement: jax.Array  # D, ()
    steps: jax.Array  # () int32, evaluations


def descend(
    at: Callable[[jax.Array], Point],
    start: jax.Array,
    free: jax.Array,
    reach: Callable[[jax.Array], jax.Array],
    enough: Callable[[Rest], jax.Array],
    max_steps: int,
) -> Rest:
    """Steps from ``start`` until ``enough``, or until the steps are used or V is not finite.

    Args:
        at: V, G and H at some params.
        start: (p,).
        free: (p,) bool; the others are held.
        reach: the largest move of a logit by some change of the params.
        enough: whether to stop there.
        max_steps: evaluations.

    Returns:
        A ``Rest``.

    Example:
        >>> def bowl(b):
        ...     return Point(b @ b / 2 - b[0], b - jnp.array([1.0, 0.0]), jnp.eye(2))
        >>> free = jnp.array([True, False])
        >>> near = lambda rest: rest.decrement < 1e-6
        >>> rest = descend(bowl, jnp.zeros(2), free, jnp.linalg.norm, near, 9)
        >>> rest.params.round(4), int(rest.steps)
        (Array([1., 0.], dtype=float32), 2)
    """

    def rest_at(params: jax.Array, steps: jax.Array) -> Rest:
        point = at(params)
        step = solve_free(point.hessian, -point.gradient, free)
        return Rest(params, point, step, -point.gradient @ step, steps)

    def advance(state: tuple[Rest, jax.Array]) -> tuple[Rest, jax.Array]:
        rest, radius = state
        whole = reach(rest.step)
        size = jnp.minimum(1, radius / jnp.where(whole > 0, whole, 1))
        trial = rest_at(rest.params + size * rest.step, rest.steps + 1)
        least = 1e-4 * size * rest.decrement
        slack = 8 * jnp.finfo(least.dtype).eps * jnp.abs(rest.point.value)
        good = trial.point.value <= rest.point.value - least + slack
        good = good | (rest.steps == 0)
        kept: Rest = jax.tree.map(lambda new, old: jnp.where(good, new, old), trial, rest)
        moved = size * whole
        return kept._replace(steps=trial.steps), jnp.where(
            good, jnp.maximum(radius, 4 * moved), moved / 4
        )

    def goes_on(state: tuple[Rest, jax.Array]) -> jax.Array:
        rest, _ = state
        known = jnp.isfinite(rest.point.value) & jnp.isfinite(rest.decrement)
        under_way = known & ~enough(rest) & (rest.steps < max_steps)
        return (rest.steps == 0) | under_way

    # from here the first step goes to the start and is good
    none = jnp.zeros_like(start)
    endless = jnp.asarray(jnp.inf, start.dtype)
    unknown = Rest(start, Point(endless, none, jnp.diag(none)), none, endless, jnp.int32(0))
    return lax.while_loop(goes_on, advance, (unknown, jnp.full((), RADIUS, start.dtype)))[0]


def settled(rest: Rest) -> jax.Array:
    """Whether the step to come makes V what it can be, to rounding.

    Example:
        >>> point = Point(jnp.float32(1), jnp.zeros(1), jnp.eye(1))
        >>> bool(settled(Rest(jnp.zeros(1), point, jnp.zeros(1), jnp.float32(1e-6), 1)))
        True
    """
    eps = jnp.finfo(rest.decrement.dtype).eps
    return rest.decrement <= eps**0.6 + 8 * eps * jnp.abs(rest.point.value)


def solve_free(hessian: jax.Array, right: jax.Array, free: jax.Array) -> jax.Array:
    """H^-1 right over the free params, 0 for the held ones.

    Example:
        >>> hessian = jnp.array([[2.0, 1.0], [1.0, 3.0]])
        >>> solve_free(hessian, jnp.ones(2), jnp.array([True, False])).round(4)
        Array([0.5, 0. ], dtype=float32)
    """
    kept = jnp.where(free[:, None] & free, hessian, jnp.eye(len(free), dtype=hessian.dtype))
    return scaled_factor(kept).solve(jnp.where(free, right, 0))
