r"""Firth's bias-reduced logistic regression.

The likelihood is multiplied by Jeffreys' prior, the square root of the determinant of its Fisher
information.  In the terms of likelihood.py, with v_i = w_i s(x_i) s(-x_i) and I = sum v_i f_i f_i',

    V*(b) = V(b) - log det I / 2
    G*    = G - sum_i v'_i q_i f_i / 2                              q_i = f_i' I^-1 f_i
    H*    = H - sum_i v''_i q_i f_i f_i' / 2 + [<T_j, T_k>]_jk / 2  T_j = sum_i v'_i f_ij u_i u_i'

where v' = v (1 - 2 s(x)) and v'' = v (1 - 6 s(x) s(-x)) are derivatives in the logit, and u_i is
L^-1 f_i with I = L L'.  This takes away the bias of order 1/n, and V* has a minimum at finite b
whatever the labels, separated ones and one class alike.  In a table of two by two it is the same
as 1/2 added to each cell.  With l2 > 0 the ridge stands beside the prior; I has no ridge.

The whole hessian H* makes Newton's steps converge quadratically.  Where it is not positive
definite, that of the data with a copy of each example added, half label 1 and half 0, at weight
v_i q_i, takes its place.

Columns that depend on each other leave I singular in the same directions at every b: then the
determinant is that over the other directions, and the params are the smallest.

References:
    D. Firth, Bias reduction of maximum likelihood estimates (1993).
    G. Heinze and M. Schemper, A solution to the problem of separation in logistic regression
    (2002).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.linalg import solve_triangular

from bcejax.numerics import bernoulli_variance, tanh_half
from bcejax.solvers.engines.descent import Rest, descend
from bcejax.solvers.engines.likelihood import Likelihood, Point
from bcejax.solvers.engines.outcome import Certificate, Outcome
from bcejax.solvers.engines.pseudoinverse import pseudo_invert
from bcejax.solvers.engines.separation import Sides, examine
from bcejax.solvers.engines.standardised import standardised
from bcejax.solvers.problem import Problem
from bcejax.solvers.status import SolverStatus


class FirthLikelihood(NamedTuple):
    """All of V*, a pytree; the columns are of one size."""

    plain: Likelihood
    null: jax.Array  # (p, p), the projection on what the columns leave out

    @classmethod
    def of(cls, plain: Likelihood) -> "FirthLikelihood":
        """V* of a likelihood."""
        return cls(plain, pseudo_invert(plain.gram(plain.weights)).null)

    def at(self, params: jax.Array) -> Point:
        """V*, G* and H* or what takes its place."""
        columns, logits = self.plain.columns, self.plain.logits(params)
        variance = bernoulli_variance(logits)
        v = self.plain.weights * variance
        rise = -v * tanh_half(logits)  # v'
        point = self.plain.at(params)

        root = jnp.linalg.cholesky(self.plain.gram(v) + self.null)
        white = solve_triangular(root, columns.T, lower=True).T
        q = jnp.sum(white**2, axis=1)

        turns = lax.map(lambda f: (white * (rise * f)[:, None]).T @ white, columns.T)
        turns = turns.reshape(len(params), -1)
        bends = self.plain.gram(v * (1 - 6 * variance) * q)
        exact = point.hessian + (turns @ turns.T - bends) / 2
        definite = jnp.all(jnp.isfinite(jnp.linalg.cholesky(exact + self.null)))
        safe = point.hessian + self.plain.gram(v * q * variance)
        return Point(
            point.value - jnp.sum(jnp.log(jnp.diagonal(root))),
            point.gradient - (rise * q / 2) @ columns,
            jnp.where(definite, exact, safe),
        )


def firth(problem: Problem, start: jax.Array, tol: jax.Array, max_steps: int) -> Outcome:
    """The engine of ``firth=True``; its F is V* / W.

    Unlike the likelihood, V* depends on how much the weights sum to: its prior counts as it is,
    however many examples there are.

    Args:
        problem: with l1 = 0; W is its total.
        start: (p,).
        tol: bound on the gradient norm of V* / W, in columns of mean square 1.
        max_steps: evaluations of V* and its derivatives, of order n p^3 each.

    Returns:
        An ``Outcome``; CONVERGED, or SINGULAR with a direction, MAX_STEPS or DIVERGED. The value of
        its certificate is V* / W, up to a constant where SINGULAR.

    Example:
        >>> x, y = jnp.array([[0.0], [0.0], [1.0], [1.0]]), jnp.array([0.0, 0.0, 1.0, 1.0])
        >>> separated = Problem(x, y, jnp.full(4, 0.25), jnp.zeros(4), 0.0, 0.0, True, 4.0)
        >>> fit = jax.jit(firth, static_argnums=3)(separated, jnp.zeros(2), 1e-6, 64)
        >>> (fit.params / jnp.log(5)).round(4)  # half a copy more in each cell: odds 1/5 and 5
        Array([ 2., -1.], dtype=float32)

    Accuracy: tables of two by two 1e-12 of their closed form; brute force finds no V* that is lower
    by 1e-12; in float64 (tests/solvers/engines/test_firth.py). To the digits that logistf prints,
    on two published data sets (tests/solvers/inference/test_profile.py).
    """
    work, total = standardised(problem), jnp.asarray(problem.total, start.dtype)
    plain = Likelihood.of(work, total)
    objective = FirthLikelihood.of(plain)

    def norm(rest: Rest) -> jax.Array:
        return work.gradient_norm(rest.point.gradient) / total

    def enough(rest: Rest) -> jax.Array:
        rounding = 8 * jnp.finfo(start.dtype).eps * (1 + jnp.sum(jnp.abs(rest.params)))
        return norm(rest) <= jnp.maximum(tol, rounding)

    free = jnp.ones(start.shape, bool)
    rest = descend(objective.at, work.inward(start), free, plain.reach, enough, max_steps)
    findings = examine(problem, Sides.of(problem), work, rest.params, rest.step)
    singular = findings.is_level | (jnp.trace(objective.null) > 0.5)
    status = jnp.where(singular, SolverStatus.SINGULAR, SolverStatus.CONVERGED)
    status = jnp.where(enough(rest), status, SolverStatus.MAX_STEPS)
    known = jnp.isfinite(rest.point.value) & jnp.isfinite(rest.decrement)
    status = jnp.where(known, status, SolverStatus.DIVERGED).astype(jnp.int32)
    params = jnp.where(singular, findings.smallest, work.outward(rest.params))
    # the determinant of the columns as they came
    value = (rest.point.value - jnp.sum(jnp.log(work.sizes))) / total
    return Outcome(
        jnp.where(known, params, jnp.nan),
        rest.steps,
        status,
        jnp.where(status == SolverStatus.SINGULAR, findings.level, 0),
        Certificate(value, norm(rest), jnp.asarray(jnp.inf, start.dtype)),
    )


def firth_value(problem: Problem, params: jax.Array) -> jax.Array:
    """V* / W as a function that JAX differentiates in the problem too, for dense columns.

    Example:
        >>> from bcejax.solvers.arguments import as_problem
        >>> problem = as_problem(jnp.zeros((4, 0)), jnp.ones(4))
        >>> firth_value(problem, jnp.zeros(1)) == jnp.log(2)  # the information is 1
        Array(True, dtype=bool)
    """
    bends = problem.weights * problem.world.bends(problem.logits(params))
    columns = problem.inputs
    if problem.intercept:
        columns = jnp.column_stack([columns, jnp.ones(len(columns), columns.dtype)])
    information = problem.total * (columns * bends[:, None]).T @ columns
    return problem.value(params) - jnp.linalg.slogdet(information)[1] / (2 * problem.total)
