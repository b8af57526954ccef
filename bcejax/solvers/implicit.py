"""How an optimum depends on its problem: the derivative of a fit, by one solve.

At the optimum the gradient G(b, problem) of F is 0 in every coefficient that is not held at 0 by
l1, so with H the hessian in these,

    db = -H^-1 dG,   dG the change of G with the problem at fixed b,

and db = 0 in the others, as long as none enters or leaves.  The rule consists of what JAX can
differentiate, so derivatives of every order follow.

Source: A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed. (2008), chapter 15.
"""

import functools
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp

from bcejax.solvers.engines.factor import scaled_factor
from bcejax.solvers.problem import Problem

Gradient: TypeAlias = Callable[[Problem, jax.Array], jax.Array]


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def optimal(
    params: jax.Array, problem: Problem, gradient: Gradient = Problem.gradient
) -> jax.Array:
    """The optimal params, as they came, which know how they depend on the problem.

    Args:
        params: (p,), no function of the problem as far as JAX knows.
        problem: which they solve.
        gradient: of the smooth part of what is minimised, at a problem and params.

    Accuracy: first derivatives 1e-6, second 1e-3 of finite refits in float64
    (tests/solvers/test_implicit.py).
    """
    return params


@optimal.defjvp
def _optimal_jvp(gradient, primals, tangents):  # type: ignore[no-untyped-def]
    params, problem = primals
    params = optimal(params, problem, gradient)
    held = (problem.penalised(jnp.where(params == 0, 1.0, 0.0)) > 0) & (problem.l1 > 0)

    def slopes(problem: Problem) -> jax.Array:
        return gradient(problem, params) + problem.penalised(problem.l1 * jnp.sign(params))

    change = jax.jvp(slopes, (problem,), (tangents[1],))[1]
    hessian = jax.jacfwd(lambda params: gradient(problem, params))(params)
    hessian = jnp.where(held | held[:, None], jnp.diag(jnp.where(held, 1.0, 0.0)), hessian)
    solved = scaled_factor(hessian).solve(jnp.where(held, 0, change))
    return params, jnp.where(held, 0, -solved)
