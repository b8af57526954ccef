r"""How far params can be from the optimum, whatever solver found them.

With residuals v_i = s(x_i) - y_i at the logits of the params and u = sum_i w_i v_i x_i, the
stationarity of F and a bound on what is left come from one pass more.

**Gradient norm.** max_j d_j / r_j, where d_j is the distance of 0 from the subdifferential of F
in parameter j and r_j the root mean square of its column: a share of what the column can do.

**Duality gap.** For every v with y + v in [0, 1] and, if there is an intercept, sum_i w_i v_i = 0,

    F(b, c) - min F <= sum_i w_i KL(y_i + v_i || s(x_i)) + R(b) + R*(-u) + b·u,

where R(b) = l2/2 |b|^2 + l1 |b|_1 and R* is its conjugate; offsets cancel.  The residuals of the
params are made to fit by scaling: those of the heavier side until both signs weigh alike, and all
of them, for l1 alone, until |u|_inf <= l1.  Both parts are sums of terms >= 0:

    R(b) + R*(t) - b·t = |l2 b - S(t)|^2 / (2 l2) + sum_j l1 |b_j| - b_j clip(t_j, -l1, l1)

with S(t) = t - clip(t, -l1, l1).

Sources: R. T. Rockafellar, Convex Analysis (1970), section 31; E. Ndiaye et al., Gap safe screening
rules for sparsity enforcing penalties (2017).
"""

from typing import Any

import jax.numpy as jnp

from bcejax.solvers.engines.outcome import Certificate
from bcejax.solvers.problem import Problem
from bcejax.solvers.worlds import world_of


def certify(problem: Problem, params: Any) -> Certificate:
    """F, its gradient norm and its duality gap at params, in three passes over the inputs."""
    xp, world = problem.world.xp, problem.world
    logits = problem.logits(params)
    residuals = world.slopes(logits, problem.labels)
    b = problem.penalised(params)
    loss = problem.weights @ world.losses(logits, problem.labels)
    value = loss + (problem.l2 / 2 * b) @ b + problem.l1 * xp.sum(xp.abs(b))
    sums = problem.gathered(problem.weights * residuals)
    norm = gradient_norm(problem, params, sums + problem.l2 * b)
    return Certificate(value, norm, duality_gap(problem, params, logits, residuals, sums))


def gradient_norm(problem: Problem, params: Any, gradient: Any) -> Any:
    """max_j d_j / r_j, from the gradient (p,) of the smooth part of F at the params."""
    xp = problem.world.xp
    distances = xp.abs(gradient + problem.penalty_slopes(gradient, params))
    return xp.max(distances / problem.scales(), initial=0)


def duality_gap(
    problem: Problem, params: Any, logits: Any, residuals: Any, sums: Any = None
) -> Any:
    """A bound on F - min F, inf without a penalty.

    One pass; none without an intercept where ``sums``, the w_i v_i x_i of all, are known.
    """
    w, l2, l1, world = problem.weights, problem.l2, problem.l1, problem.world
    xp = world.xp
    v = _balanced(problem, residuals)
    if sums is None or problem.intercept:
        sums = problem.gathered(w * v)
    t = -sums[: problem.inputs.shape[1]]
    shrink = l1 / _nonzero(xp.maximum(l1, xp.max(xp.abs(t), initial=0)))
    shrink = xp.where(l2 > 0, 1, shrink)
    t, probs = shrink * t, xp.clip(problem.labels + shrink * v, 0, 1)
    entropies = -_times_log(probs) - _times_log(1 - probs)
    divergence = w @ (world.losses(logits, probs) - entropies)
    b = params[: problem.inputs.shape[1]]
    clipped = xp.clip(t, -l1, l1)
    lasso = xp.sum(l1 * xp.abs(b) - b * clipped)
    ridge = xp.where(l2 > 0, xp.sum((l2 * b - (t - clipped)) ** 2) / _nonzero(2 * l2), 0)
    gap = xp.maximum(divergence, 0) + xp.maximum(lasso, 0) + ridge
    return xp.where((l2 > 0) | (l1 > 0), gap, xp.inf)


def _balanced(problem: Problem, residuals: Any) -> Any:
    """The residuals, those of the heavier side scaled down until their weighted sum is 0."""
    if not problem.intercept:
        return residuals
    xp = problem.world.xp
    up = problem.weights @ xp.maximum(residuals, 0)
    down = problem.weights @ xp.maximum(-residuals, 0)
    least = xp.minimum(up, down)
    return residuals * xp.where(residuals > 0, least / _nonzero(up), least / _nonzero(down))


def rounding(problem: Problem, params: Any) -> Any:
    """What rounding of logits, and of the params themselves, can leave of the gradient norm.

    A logit is a sum, rounded to eps times the sum of its terms' sizes.
    """
    xp = problem.world.xp
    bends = problem.world.bends(problem.logits(params))
    shares = xp.where(bends > 0, bends * problem.offset, 0)
    terms = xp.sqrt(problem.weights @ shares**2) + problem.scales() @ xp.abs(params) / 4
    return 8 * jnp.finfo(terms.dtype).eps * (1 + terms)


def _nonzero(number: Any) -> Any:
    return world_of(number).xp.where(number > 0, number, 1)


def _times_log(probs: Any) -> Any:
    """p log p, 0 at 0."""
    return probs * world_of(probs).xp.log(_nonzero(probs))
