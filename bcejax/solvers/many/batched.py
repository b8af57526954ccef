r"""Many logistic regressions on the same inputs at once: Newton's method in products of matrices.

Fit j has its own weights w_ji >= 0 and its own l2_j, and minimises F_j of problem.py.  With the
params of the fits as the rows of B (m, p), the columns as Z (n, p) and the products of two columns
as C (n, p (p + 1) / 2), all fits take a step by

    logits      X = B Z' + o                                  P = s(X)
    gradients   G = (W . (P - Y)) Z / sum_i w_ji + l2 B
    hessians    H = (W . P . (1 - P)) C / sum_i w_ji + l2     in float32

on columns brought to mean 0 and variance 1, which moves no optimum.

**Two rounds.**  The first runs in float32 as a whole until the squared decrement G H^-1 G is below
1e-5, and takes the step from there.  The second takes its gradients in full precision.  A hessian
in float32 slows nothing: an error e becomes about e^2 + 1e-6 e.  C is made once, if there is room.

**Line search.**  Along a step s of a convex F the slope G(b + t s)·s rises from G(b)·s < 0.  t goes
from 1 to 1/4, 1/16, ... while it rises above 0.9 of what it was below 0; values, which would take a
logarithm of every example in every fit, are not needed.

**What is a fit.**  G is at most tol, and the step that led there moved no logit by more than 1/4,
so that the optimum does not lie at infinity.  What is not one after a few steps is left to
``fit_logistic``, one at a time: it comes to separated, dependent and badly conditioned fits, which
so neither hold up the others nor get less care.

References:
    A. Albert and J. A. Anderson, On the existence of maximum likelihood estimates in logistic
    regression models (1984).
    W. W. Hager and H. Zhang, A new conjugate gradient method with guaranteed descent and an
    efficient line search (2005), for the line search by slopes.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import lax

from bcejax.numerics import is_traced
from bcejax.solvers.many.derivatives import (
    derivatives,
    derivatives_at_one,
    gradients_with_values,
    newton_steps,
    with_pairs,
)
from bcejax.solvers.many.layout import Columns, Fits, columns_of, fits_of, in_float32, in_sum
from bcejax.solvers.problem import Problem
from bcejax.solvers.solution import Solution
from bcejax.solvers.status import SolverStatus

STRAGGLERS = 64  # one in so many fits is quicker alone
ROUGH = 1e-5  # squared decrement at which float32 has done its part
SHORT = 0.25  # change of a logit by a step that may end at an optimum
SLOPE_LEFT = 0.9
ROUGH_STEPS, FINE_STEPS = 12, 4

State = TypeVar("State", bound="Rough | Fine")


class Rough(NamedTuple):
    """The first round, one row per fit, in float32."""

    params: jax.Array  # (m, p)
    moves: jax.Array  # (m, p), the full step from there
    slopes: jax.Array  # (m,), of F along it where it begins
    sizes: jax.Array  # (m,), the share of it to try next
    done: jax.Array  # (m,) bool
    steps: jax.Array  # (m,) int32

    @jax.jit
    def goes_on(self) -> jax.Array:
        """Whether more fits are not done than are quicker alone."""
        return _many(~self.done & (self.steps < ROUGH_STEPS))


class Fine(NamedTuple):
    """The second round, one row per fit."""

    params: jax.Array  # (m, p)
    values: jax.Array  # (m,), of F there
    norms: jax.Array  # (m,), of the gradient there
    gaps: jax.Array  # (m,), the duality gap there
    done: jax.Array  # (m,) bool
    steps: jax.Array  # (m,) int32

    @jax.jit
    def goes_on(self) -> jax.Array:
        """As in the first round."""
        return _many(~self.done & (self.steps < FINE_STEPS))


def _many(unfinished: jax.Array) -> jax.Array:
    return jnp.sum(unfinished) > len(unfinished) // STRAGGLERS


def fit_at_once(
    problem: Problem, weights: jax.Array, l2: jax.Array, start: jax.Array | None, tol: jax.Array
) -> Solution:
    """m fits of one problem under other weights (m, n) and penalties (m,).

    Args:
        problem: what they share; its weights are those of the columns' means and variances.
        weights: (m, n), of any real dtype.
        l2: (m,).
        start: (p,), for all fits, or (m, p); None finds the optimum of the mean weights.
        tol: bound on the gradient norm of ``Solution``.

    Returns:
        A ``Solution`` with a leading axis (m,): CONVERGED, or MAX_STEPS for a fit that needs a
        closer look, whatever it is.
    """
    columns, fits, light, state = _begin(problem, weights, l2, start)
    state = _repeat(_rough_step, state, *light)
    rough_steps = state.steps
    last = _repeat(_fine_step, _hand_over(state, columns), columns, fits, tol, light[0].pairs)
    return _solutions(columns, rough_steps, last, intercept=problem.intercept)


def _repeat(step: Callable[..., State], state: State, *given: Any) -> State:
    """Steps as long as the state goes on: in XLA where traced, else one by one.

    XLA on CPU runs what is inside a loop on one core.
    """
    if is_traced(state, given):
        return lax.while_loop(type(state).goes_on, lambda state: step(state, *given), state)
    while bool(state.goes_on()):
        state = step(state, *given)
    return state


@jax.jit
def _begin(
    problem: Problem, weights: jax.Array, l2: jax.Array, start: jax.Array | None
) -> tuple[Columns, Fits, tuple[Columns, Fits], Rough]:
    """The fits, the same in float32, and their first step, from a place that they share."""
    columns = columns_of(problem, len(l2))
    fits = fits_of(columns, weights, l2, problem.intercept)
    light = with_pairs(in_float32(columns), fits), in_float32(fits)
    if start is None:
        alone = in_sum(light[1])
        nothing = jnp.zeros((1, columns.rows.shape[-1]), jnp.float32)
        state = _repeat(_rough_step, _anywhere(nothing), light[0], alone)
        inner = state.params + jnp.where(state.done[:, None], state.moves, 0)
    else:
        outer = start if start.ndim == 2 else start[None]
        inner = columns.inward(outer, problem.intercept).astype(jnp.float32)
    inner = jnp.where(jnp.all(jnp.isfinite(inner), axis=1, keepdims=True), inner, 0)
    if len(inner) == 1 and len(l2) > inner.shape[1]:
        return columns, fits, light, _first_step(inner, *light)
    inner = jnp.broadcast_to(inner, (len(l2), inner.shape[1]))
    return columns, fits, light, _anywhere(inner)


def _anywhere(params: jax.Array) -> Rough:
    """From here the first step stays, and is good."""
    infinite = jnp.full(len(params), jnp.inf, params.dtype)
    steps = jnp.zeros(len(params), jnp.int32)
    return Rough(params, 0 * params, -infinite, jnp.ones_like(infinite), infinite < 0, steps)


def _first_step(params: jax.Array, columns: Columns, fits: Fits) -> Rough:
    """From params (1, p) of all fits."""
    gradients, hessians = derivatives_at_one(columns, fits, params)
    params = jnp.broadcast_to(params, gradients.shape)
    moves = newton_steps(hessians, gradients, fits)
    slopes, m = jnp.sum(gradients * moves, axis=1), len(params)
    sizes = jnp.ones(m, params.dtype)
    return Rough(params, moves, slopes, sizes, jnp.zeros(m, bool), jnp.ones(m, jnp.int32))


@jax.jit
def _rough_step(state: Rough, columns: Columns, fits: Fits) -> Rough:
    """Go on by the size to be tried, or, where the slope rises too far, try a quarter of it."""
    trial = state.params + state.sizes[:, None] * state.moves
    gradients, hessians = derivatives(columns, fits, trial)
    slopes = jnp.sum(gradients * state.moves, axis=1)
    good = (slopes <= -SLOPE_LEFT * state.slopes) & ~state.done
    params = jnp.where(good[:, None], trial, state.params)
    moves = jnp.where(good[:, None], newton_steps(hessians, gradients, fits), state.moves)
    slopes = jnp.where(good, jnp.sum(gradients * moves, axis=1), state.slopes)
    done = state.done | (good & (-slopes <= ROUGH) & _are_short(columns, moves))
    sizes = jnp.where(good, 1, state.sizes / 4)
    return Rough(params, moves, slopes, sizes, done, state.steps + ~state.done)


@jax.jit
def _hand_over(state: Rough, columns: Columns) -> Fine:
    params = state.params + jnp.where(state.done[:, None], state.moves, 0)
    params = params.astype(columns.rows.dtype)
    unknown = jnp.full(len(params), jnp.inf, params.dtype)
    steps, done = jnp.zeros_like(state.steps), jnp.zeros_like(state.done)
    return Fine(params, unknown, unknown, unknown, done, steps)


@jax.jit
def _fine_step(
    state: Fine, columns: Columns, fits: Fits, tol: jax.Array, pairs: jax.Array | None
) -> Fine:
    """A full step, and the gradient there."""
    gradients, hessians = derivatives(columns._replace(pairs=pairs), fits, state.params)
    moves = jnp.where(state.done[:, None], 0, newton_steps(hessians, gradients, fits))
    params = state.params + moves
    gradients, values = gradients_with_values(columns, fits, params)
    # in the inputs' params; the last row is the intercept's, if one of the means is not 0
    outer = gradients + columns.means / columns.sizes * gradients[:, -1:]
    norms = jnp.max(jnp.abs(outer) / fits.scales, axis=1)
    done = state.done | (fits.sound & (norms <= tol) & _are_short(columns, moves))
    gaps = _gaps(gradients, hessians[:, :, -1].astype(gradients.dtype), fits.ridge)
    return Fine(params, values, norms, gaps, done, state.steps + ~state.done)


def _are_short(columns: Columns, moves: jax.Array) -> jax.Array:
    """Whether steps (m, p) move no logit by more than SHORT."""
    widest = jnp.sqrt(jnp.max(jnp.sum(columns.rows**2, axis=-1)))
    return widest * jnp.sqrt(jnp.sum(moves**2, axis=1)) <= SHORT


@functools.partial(jax.jit, static_argnames="intercept")
def _solutions(columns: Columns, steps: jax.Array, last: Fine, *, intercept: bool) -> Solution:
    params = columns.outward(last.params, intercept)
    m, d = len(params), params.shape[1] - intercept
    status = jnp.where(last.done, SolverStatus.CONVERGED, SolverStatus.MAX_STEPS)
    return Solution(
        params[:, :d],
        params[:, -1] if intercept else jnp.zeros_like(last.values),
        last.values,
        last.norms,
        last.gaps,
        jnp.zeros((m, d + 1), params.dtype),
        steps + 2 * last.steps,
        status.astype(jnp.int32),
    )


def _gaps(gradients: jax.Array, lasts: jax.Array, ridge: jax.Array) -> jax.Array:
    """A bound on F - min F, (m,), from G and the last column of H without its ridge.

    Where there is an intercept its entry g of G is what residuals v_i lack of the sum 0 that duals
    have.  Spread over the examples by their bends a_i, as v_i - g a_i / sum w a, the divergence of
    certificates.py is at most g^2 / sum w a, for KL(q + e || q) <= e^2 / (q (1 - q)).
    """
    free = ridge[:, -1:] == 0
    mass = jnp.where(lasts[:, -1:] > 0, lasts[:, -1:], jnp.inf)
    lack = jnp.where(free, gradients[:, -1:], 0)
    pulls = (gradients - lack * lasts / mass) ** 2
    parts = jnp.where(ridge > 0, pulls / (2 * jnp.where(ridge > 0, ridge, 1)), 0)
    gaps = jnp.sum(parts, axis=1) + (lack**2 / mass)[:, 0]
    return jnp.where(jnp.any(ridge > 0, axis=1) & (lasts[:, -1] > 0), gaps, jnp.inf)
