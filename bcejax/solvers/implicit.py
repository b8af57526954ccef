"""How an optimum depends on its problem: the derivative of a fit, by one solve.

At the optimum the gradient G(b, problem) of F is 0 in every coefficient that is not held at 0 by
l1, so with H the hessian in these,

    db = -H^-1 dG,   dG the change of G with the problem at fixed b,

and db = 0 in the others, as long as none enters or leaves.  The rule consists of what JAX can
differentiate, so derivatives of every order follow.

Source: A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed. (2008), chapter 15.
"""

import jax
import jax.numpy as jnp

from bcejax.solvers.factor import cholesky_solve, scaled_factor
from bcejax.solvers.problem import Problem


@jax.custom_jvp
def optimal(params: jax.Array, problem: Problem) -> jax.Array:
    """The optimal params (p,), as they came, which know how they depend on the problem."""
    return params


@optimal.defjvp
def _optimal_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    params, problem = primals
    params = optimal(params, problem)
    held = problem.penalised((params == 0).astype(params.dtype)) * (problem.l1 > 0) > 0

    def gradient(problem: Problem, params: jax.Array) -> jax.Array:
        return problem.gradient(params) + problem.penalised(problem.l1 * jnp.sign(params))

    change = jax.jvp(lambda data: gradient(data, params), (problem,), (tangents[1],))[1]
    hessian = jax.jacfwd(problem.gradient)(params)
    hessian = jnp.where(held | held[:, None], jnp.diag(held.astype(hessian.dtype)), hessian)
    factor, scale, _ = scaled_factor(hessian)
    solved = scale * cholesky_solve(factor, scale * jnp.where(held, 0, change))
    return params, jnp.where(held, 0, -solved)
