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

import jax
import jax.numpy as jnp
from jax.scipy.special import xlogy

from bcejax.losses import bce_gradient, bce_hessian, bce_with_logits
from bcejax.solvers.outcome import Certificate
from bcejax.solvers.problem import Problem


def certify(problem: Problem, params: jax.Array) -> Certificate:
    """F, its gradient norm and its duality gap at params, in two passes over the inputs."""
    logits = problem.logits(params)
    residuals = bce_gradient(logits, problem.labels)
    loss = problem.weights @ bce_with_logits(logits, problem.labels)
    b = problem.penalised(params)
    value = loss + problem.l2 / 2 * jnp.sum(b**2) + problem.l1 * jnp.sum(jnp.abs(b))
    norm = gradient_norm(problem, params, problem.gathered(problem.weights * residuals))
    return Certificate(value, norm, duality_gap(problem, params, logits, residuals))


def gradient_norm(problem: Problem, params: jax.Array, gathered: jax.Array) -> jax.Array:
    """The scaled distance of 0 from the subdifferential, given sum_i w_i v_i x_i."""
    smooth = gathered + problem.l2 * problem.penalised(params)
    pull = problem.penalty_slopes(smooth, params)
    return jnp.max(jnp.abs(smooth + pull) / problem.scales(), initial=0)


def duality_gap(
    problem: Problem, params: jax.Array, logits: jax.Array, residuals: jax.Array
) -> jax.Array:
    """A bound on F - min F, inf without a penalty; one pass."""
    w, l2, l1 = problem.weights, problem.l2, problem.l1
    if problem.intercept:
        up, down = (jnp.sum(w * jnp.maximum(side, 0)) for side in (residuals, -residuals))
        least = jnp.minimum(up, down)
        shrunk = jnp.where(residuals > 0, least / _nonzero(up), least / _nonzero(down))
        feasible = residuals * shrunk
    else:
        feasible = residuals
    t = -(problem.gathered(w * feasible))
    t = t[:-1] if problem.intercept else t
    shrink = jnp.minimum(1, l1 / _nonzero(jnp.max(jnp.abs(t), initial=0)))
    shrink = jnp.where(l2 > 0, 1, shrink)
    t, probs = shrink * t, problem.labels + shrink * feasible
    entropies = -xlogy(probs, probs) - xlogy(1 - probs, 1 - probs)
    divergence = w @ (bce_with_logits(logits, probs) - entropies)
    b = params[:-1] if problem.intercept else params
    clipped = jnp.clip(t, -l1, l1)
    rest = jnp.sum(l1 * jnp.abs(b) - b * clipped)
    ridge = jnp.sum((l2 * b - (t - clipped)) ** 2) / _nonzero(2 * l2)
    gap = jnp.maximum(divergence, 0) + jnp.maximum(rest, 0) + jnp.where(l2 > 0, ridge, 0)
    return jnp.where((l2 > 0) | (l1 > 0), gap, jnp.inf)


def rounding(problem: Problem, params: jax.Array) -> jax.Array:
    """What rounding of logits, and of the params themselves, can leave of the gradient norm.

    A logit is a sum, rounded to eps times the sum of its terms' sizes.
    """
    bends = bce_hessian(problem.logits(params))
    shares = jnp.where(bends > 0, bends * problem.offset, 0)
    terms = jnp.sqrt(problem.weights @ shares**2) + problem.scales() @ jnp.abs(params) / 4
    return 8 * jnp.finfo(terms.dtype).eps * (1 + terms)


def _nonzero(number: jax.Array) -> jax.Array:
    return jnp.where(number > 0, number, 1)
