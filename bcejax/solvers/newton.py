r"""Newton's method for the cross-entropy of a logit that is affine in a few parameters.

For examples i with columns f_ij, offsets o_i, labels y_i in [0, 1] and weights w_i >= 0, minimise

    V(b) = sum_i w_i l(x_i, y_i) + sum_j r_j b_j^2 / 2,    x_i = o_i + sum_j f_ij b_j

over b, where l is the binary cross-entropy.  V is convex, with

    gradient  G_j = sum_i w_i (s(x_i) - y_i) f_ij + r_j b_j
    hessian   H_jk = sum_i w_i s(x_i) s(-x_i) f_ij f_ik + r_j [j = k].

**Steps.** b moves by t H^-1 (-G), t = 1, 1/4, 1/16, ... until V falls by 1e-4 t times the squared
decrement D = G H^-1 G (Armijo), less what rounding hides.  It stops where D <= eps V / 16 and takes
one more step: the error left is of the order of D.  The first steps are taken on every 16th example
where there are many, so that two to four passes over all of them remain.  A pass takes V and both
derivatives, block by block, so that nothing leaves the cache.  A column that depends on those
before it, to 16 eps of its square, is left where it is.

**Separation.** If some b tells the labels apart, V has no minimum.  It is recognised where D or V
vanishes while the next step would still move a logit by more than 1/4, or where D does not vanish
before V has fallen below eps times the weight, or where columns that are independent are not any
more under the weights s(x) s(-x).  b is then finite, about log(1 / eps) out.

**Derivative.** At the optimum G(b, data) = 0, so db = -H^-1 (dG in the data): one more pass and one
more solve, in forward and reverse mode, in columns, labels, weights, offset and ridge.

References:
    S. Boyd and L. Vandenberghe, Convex Optimization (2004), section 9.5.
    A. Albert and J. A. Anderson, On the existence of maximum likelihood estimates in logistic
    regression models (1984).
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from bcejax.solvers.engines.affine import Affine, Blocks
from bcejax.solvers.engines.elimination import invert_semidefinite
from bcejax.solvers.engines.one_pass import Point, evaluate, products
from bcejax.solvers.status import SolverStatus

MANY = 2**15  # from here on a first fit to a sample pays


class NewtonFit(NamedTuple):
    """Where a minimisation ended; value, gradient and hessian are those of V there.

    Example:
        >>> fit = minimise_bce([1.0, jnp.arange(4.0)], jnp.array([0, 1, 0, 1]))
        >>> jnp.sqrt(jnp.diag(jnp.linalg.inv(fit.hessian))).round(1)
        Array([2. , 1.1], dtype=float32)
    """

    params: jax.Array  # (d,)
    value: jax.Array  # ()
    gradient: jax.Array  # (d,)
    hessian: jax.Array  # (d, d)
    steps: jax.Array  # () int32, passes over all examples
    status: jax.Array  # () int32, named by SolverStatus


class _State(NamedTuple):
    point: Point
    size: jax.Array  # t, of the step to try next
    steps: jax.Array


@functools.partial(jax.jit, static_argnames="max_steps")
def minimise_bce(
    columns: Sequence[ArrayLike],
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    offset: ArrayLike = 0.0,
    ridge: ArrayLike = 0.0,
    max_steps: int = 64,
) -> NewtonFit:
    """Minimise the weighted sum of cross-entropies over a few parameters, exactly.

    Works under jit and vmap (folds through weights, models through columns), and its results
    have derivatives of every order in all arrays.

    Args:
        columns: d >= 1 of them, (n,) floats each; a scalar is a constant column, such as 1.0 for
            an intercept.
        labels: (n,), in [0, 1]; not checked.
        weights: (n,), >= 0. None is 1. Under weight 0 anything may lie, nan included.
        offset: (n,) or a scalar: logits to which the columns add.
        ridge: (d,) or a scalar, >= 0: r_j above.
        max_steps: passes over the examples, tried steps included.

    Returns:
        A ``NewtonFit`` in the widest dtype of columns and offset, float32 or wider.

    Raises:
        ValueError: no column, or shapes that differ.

    Accuracy:
        On 30 examples params within 16 eps of 50-digit Newton, relative to the largest; first
        derivatives 1e-6, second 1e-4 of finite refits in float64 (tests/solvers/test_newton.py).
        A worse conditioned hessian loses digits in proportion; from 1 / (16 eps) on, which in
        float32 is a column that varies by less than 1.4e-3 of its mean beside an intercept, the
        column counts as dependent: move it to mean 0 first.

    Example:
        >>> fit = minimise_bce([1.0, jnp.arange(4.0)], jnp.array([0, 1, 0, 1]))
        >>> [round(float(b), 3) for b in fit.params], SolverStatus(int(fit.status)).name
        ([-1.362, 0.908], 'CONVERGED')
    """
    problem = Affine.of(columns, labels, weights, offset, ridge)
    params, steps, status = _minimised(lax.stop_gradient(problem), max_steps)
    params = _with_derivative(params, problem)
    return NewtonFit(
        params,
        problem.value(params),
        problem.gradient(params),
        jax.jacfwd(problem.gradient)(params),
        steps,
        status,
    )


def _minimised(problem: Affine, max_steps: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Params, passes and status; where there are many examples, a sample of them comes first."""
    start = jnp.zeros(len(problem.columns), problem.labels.dtype)
    whole = problem.blocks()
    if problem.labels.size < MANY:
        return _fit(problem, whole, start, max_steps)
    sample = problem.sample().blocks()

    def fit(start: jax.Array, on_sample: jax.Array) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        number, weight, ridge = (
            jnp.where(on_sample, few, every)
            for few, every in zip(sample[1:], whole[1:], strict=True)
        )
        # one program for both, which compiles sooner than two
        taken = Blocks(
            lambda i: lax.cond(on_sample, sample.block, whole.block, i), number, weight, ridge
        )
        params, steps, status = _fit(problem, taken, start, max_steps)
        return jnp.where(status == SolverStatus.CONVERGED, params, start), (params, steps, status)

    found = lax.scan(fit, start, jnp.array([True, False]))[1]
    return jax.tree.map(lambda each: each[-1], found)


def _fit(
    problem: Affine, blocks: Blocks, start: jax.Array, max_steps: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Steps until the decrement vanishes, or the labels are told apart, or the steps are used."""
    dtype = start.dtype

    def step(state: _State) -> _State:
        point, size, steps = state
        trial = evaluate(point.params + size * point.step, blocks)
        least = -1e-4 * size * (point.gradient @ point.step)
        slack = 8 * jnp.finfo(dtype).eps * point.value
        good = trial.value <= point.value - least + slack
        point = jax.tree.map(lambda new, old: jnp.where(good, new, old), trial, point)
        return _State(point, jnp.where(good, 1, size / 4), steps + 1)

    def goes_on(state: _State) -> jax.Array:
        ended = state.point.at_rest() | _told_apart(blocks, state.point)
        return (state.steps < max_steps) & ~ended

    # from here the first step goes to the start and is good
    nothing, endless = jnp.zeros_like(start), jnp.asarray(jnp.inf, dtype)
    unknown = Point(
        start, endless, nothing, jnp.eye(len(start), dtype=dtype), nothing, nothing == 0
    )
    state = lax.while_loop(goes_on, step, _State(unknown, jnp.ones((), dtype), jnp.int32(0)))
    return _finish(problem, blocks, state)


def _told_apart(blocks: Blocks, point: Point) -> jax.Array:
    return point.value <= jnp.finfo(point.value.dtype).eps * blocks.weight


def _finish(
    problem: Affine, blocks: Blocks, state: _State
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The last step, where there is a minimum, the passes and the status."""
    point = state.point
    at_rest = point.at_rest()
    # of all examples, also where a sample ended: that takes one pass less to compile
    moves = jnp.where(problem.weights == 0, 0, jnp.abs(problem.moved(point.step)))
    endless = (jnp.max(moves) > 0.25) | _flattened(problem, point)
    separated = endless & (at_rest | _told_apart(blocks, point))
    status = jnp.where(at_rest, SolverStatus.CONVERGED, SolverStatus.MAX_STEPS)
    status = jnp.where(separated, SolverStatus.SEPARATED, status)
    status = jnp.where(point.known(), status, SolverStatus.DIVERGED).astype(jnp.int32)
    last = jnp.where(status == SolverStatus.CONVERGED, point.step, 0)
    params = jnp.where(point.value < jnp.inf, point.params + last, jnp.nan)
    return params, state.steps, status


def _flattened(problem: Affine, point: Point) -> jax.Array:
    """Whether columns that do not depend on each other do so where the curvature is."""

    def independent() -> jax.Array:
        w = problem.weights
        columns = [jnp.broadcast_to(f, w.shape).ravel() for f in problem.columns]
        gram = products(columns, *3 * [w.ravel()])[-1] + jnp.diag(problem.ridge)
        return jnp.any(~point.usable & invert_semidefinite(gram)[1])

    return lax.cond(jnp.all(point.usable), lambda: jnp.array(False), independent)


@jax.custom_jvp
def _with_derivative(params: jax.Array, problem: Affine) -> jax.Array:
    """The optimal params, which know how they depend on the problem."""
    return params


@_with_derivative.defjvp
def _with_derivative_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    params, problem = primals
    params = _with_derivative(params, problem)
    hessian = jax.jacfwd(problem.gradient)(params)
    change = jax.jvp(lambda data: data.gradient(params), (problem,), (tangents[1],))[1]
    return params, -invert_semidefinite(hessian)[0] @ change
