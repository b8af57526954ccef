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
import numpy as np
from jax import lax

from bcejax.numerics import is_traced
from bcejax.solvers.problem import Problem
from bcejax.solvers.solution import Solution
from bcejax.solvers.status import SolverStatus

ELEMENTS = 2**22  # numbers in an array that is worked on
FEW = 4  # times as many fits as columns are worth making C, over this
STRAGGLERS = 64  # one in so many fits is quicker alone
ROUGH = 1e-5  # squared decrement at which float32 has done its part
SHORT = 0.25  # change of a logit by a step that may end at an optimum
SLOPE_LEFT = 0.9
ROUGH_STEPS, FINE_STEPS = 12, 4

State = TypeVar("State", bound="Rough | Fine")
_product = functools.partial(jnp.matmul, precision=lax.Precision.HIGHEST)  # a GPU would round


class Columns(NamedTuple):
    """What the fits share: columns of mean 0 and variance 1 in blocks of rows, and the way back."""

    rows: jax.Array  # (blocks, length, p), the intercept's 1 last
    labels: jax.Array  # (blocks, length)
    offset: jax.Array  # (blocks, length)
    gaps: jax.Array  # (blocks, length), 1 where a row is not finite and so put to 0
    means: jax.Array  # (p,), 0 for the intercept
    sizes: jax.Array  # (p,), 1 for the intercept
    pairs: jax.Array | None = None  # (p (p + 1) / 2, length): C', if it was made beforehand

    def outward(self, inner: jax.Array, intercept: bool) -> jax.Array:
        """Params (m, p) of the inputs from those of the rows."""
        outer = inner / self.sizes
        return outer.at[:, -1].add(-(outer @ self.means)) if intercept else outer

    def inward(self, outer: jax.Array, intercept: bool) -> jax.Array:
        """The other way round."""
        inner = outer * self.sizes
        return inner.at[:, -1].add(outer @ self.means) if intercept else inner


class Fits(NamedTuple):
    """What each fit has of its own."""

    weights: jax.Array  # (m, blocks, length)
    totals: jax.Array  # (m, 1), their sums
    ridge: jax.Array  # (m, p), on the params of the rows
    scales: jax.Array  # (m, p), the root mean squares of the inputs, over the sizes
    sound: jax.Array  # (m,) bool: no weight is negative or nan or lies on a gap


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
    columns = _standardised(problem, len(l2))
    fits = _own(columns, weights, l2, problem.intercept)
    light = _in_float32(columns), _in_float32(fits)
    if len(columns.rows) == 1 and _worth_pairs(fits.ridge):
        light = light[0]._replace(pairs=_pairs(light[0].rows[0])), light[1]
    if start is None:
        alone = _in_sum(light[1])
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


def _standardised(problem: Problem, fits: int) -> Columns:
    """The columns under the problem's weights, in blocks for so many fits."""
    x, y, o, w = problem.inputs, problem.labels, problem.offset, problem.weights
    known = jnp.all(jnp.isfinite(x), axis=1) & (y >= 0) & (y <= 1) & jnp.isfinite(o)
    kept = known & (w > 0)
    w = jnp.where(kept, w, 0)
    w = w / jnp.sum(w)
    x = jnp.where(kept[:, None], x, 0)
    means = w @ x if problem.intercept else jnp.zeros(x.shape[1], x.dtype)
    x = jnp.where(kept[:, None], x - means, 0)
    largest = jnp.max(jnp.abs(x), axis=0)
    largest = jnp.where(largest > 0, largest, 1)
    sizes = largest * jnp.sqrt(w @ (x / largest) ** 2)
    sizes = jnp.where(sizes > 0, sizes, 1)
    rows = x / sizes
    if problem.intercept:
        rows = jnp.column_stack([rows, jnp.ones(len(y), rows.dtype)])
        means, sizes = jnp.append(means, 0), jnp.append(sizes, 1)
    y, o = (jnp.where(kept, each, 0) for each in (y, o))
    # of a block there are (fits, length) logits and (length, p (p + 1) / 2) products
    n, p = rows.shape
    length = max(1, min(n, ELEMENTS // fits, 2 * ELEMENTS // (p * (p + 1) // 2)))
    rows, y, o, gaps = (_laid(each, length) for each in (rows, y, o, 1 - kept.astype(rows.dtype)))
    return Columns(rows, y, o, gaps, means, sizes)


def _laid(array: jax.Array, length: int, axis: int = 0) -> jax.Array:
    """In blocks of rows, filled up with 0."""
    n = array.shape[axis]
    if n % length:
        pads = [(0, 0)] * array.ndim
        pads[axis] = (0, -n % length)
        array = jnp.pad(array, pads)
    return array.reshape(*array.shape[:axis], -1, length, *array.shape[axis + 1 :])


def _own(columns: Columns, weights: jax.Array, l2: jax.Array, intercept: bool) -> Fits:
    """The fits of weights (m, n) and penalties (m,)."""
    # once: XLA on CPU sums what it has to convert several times slower
    weights = weights.astype(columns.rows.dtype)
    weights = _laid(weights, columns.rows.shape[1], axis=1)
    p = columns.rows.shape[2]
    moments = jnp.concatenate(
        [
            columns.rows**2,
            columns.rows,
            jnp.ones_like(columns.labels)[..., None],
            columns.gaps[..., None],
        ],
        axis=-1,
    )

    def sums(i: Any) -> jax.Array:
        return _product(weights[:, i], moments[i])

    found = _over_blocks(sums, len(moments))
    totals = found[:, -2:-1]
    means = columns.means / columns.sizes
    squares = (found[:, :p] + 2 * means * found[:, p : 2 * p]) / totals + means**2
    scales = jnp.sqrt(jnp.maximum(squares, 0))
    ridge = l2[:, None] / columns.sizes**2
    ridge = ridge.at[:, -1].set(0) if intercept else ridge
    sound = jnp.all(weights >= 0, axis=(1, 2)) & (found[:, -1] == 0)
    return Fits(weights, totals, ridge, jnp.where(scales > 0, scales, 1), sound)


def _over_blocks(block: Callable[[Any], Any], blocks: int) -> Any:
    """The sum of what all blocks give."""
    if blocks == 1:
        return block(0)
    nothing = jax.tree.map(lambda each: jnp.zeros(each.shape, each.dtype), jax.eval_shape(block, 0))

    def add(i: jax.Array, sums: Any) -> Any:
        return jax.tree.map(jnp.add, sums, block(i))

    return lax.fori_loop(0, blocks, add, nothing)


def _in_float32(tree: Any) -> Any:
    return jax.tree.map(lambda each: each if each.dtype == bool else each.astype(jnp.float32), tree)


def _in_sum(fits: Fits) -> Fits:
    """One fit, of the mean of the weights' shares and the median penalty."""
    shares = jnp.where(fits.sound & (fits.totals[:, 0] > 0), 1 / fits.totals[:, 0], 0)
    weights = jnp.einsum("m,mbl->bl", shares, fits.weights)[None]
    ridge = jnp.median(fits.ridge, axis=0, keepdims=True)
    return Fits(weights, jnp.sum(weights)[None, None], ridge, fits.scales[:1], jnp.array([True]))


def _first_step(params: jax.Array, columns: Columns, fits: Fits) -> Rough:
    """At params (1, p) of all fits: the logits are the same, so that products are all it takes."""
    p = columns.rows.shape[-1]

    def sums(block: Any) -> jax.Array:
        rows = columns.rows[block]
        probs = lax.logistic(rows @ params[0] + columns.offset[block])
        terms = (probs - columns.labels[block]) * rows.T
        bends = (probs * (1 - probs)) * _pairs_of(columns, block)
        return jnp.concatenate([terms, bends]) @ fits.weights[:, block].T

    found = _over_blocks(sums, len(columns.rows)).T / fits.totals
    params = jnp.broadcast_to(params, (len(found), p))
    gradients = found[:, :p] + fits.ridge * params
    moves = _newton_steps(_unpacked(found[:, p:]), gradients, fits)
    slopes, m = jnp.sum(gradients * moves, axis=1), len(params)
    sizes = jnp.ones(m, params.dtype)
    return Rough(params, moves, slopes, sizes, jnp.zeros(m, bool), jnp.ones(m, jnp.int32))


@jax.jit
def _rough_step(state: Rough, columns: Columns, fits: Fits) -> Rough:
    """Go on by the size to be tried, or, where the slope rises too far, try a quarter of it."""
    trial = state.params + state.sizes[:, None] * state.moves
    gradients, hessians = _derivatives(columns, fits, trial)
    slopes = jnp.sum(gradients * state.moves, axis=1)
    good = (slopes <= -SLOPE_LEFT * state.slopes) & ~state.done
    params = jnp.where(good[:, None], trial, state.params)
    moves = jnp.where(good[:, None], _newton_steps(hessians, gradients, fits), state.moves)
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
    gradients, hessians = _derivatives(columns._replace(pairs=pairs), fits, state.params)
    moves = jnp.where(state.done[:, None], 0, _newton_steps(hessians, gradients, fits))
    params = state.params + moves
    gradients, values = _gradients(columns, fits, params)
    # in the inputs' params; the last row is the intercept's, if one of the means is not 0
    outer = gradients + columns.means / columns.sizes * gradients[:, -1:]
    norms = jnp.max(jnp.abs(outer) / fits.scales, axis=1)
    done = state.done | (fits.sound & (norms <= tol) & _are_short(columns, moves))
    gaps = _gaps(gradients, hessians[:, :, -1].astype(gradients.dtype), fits.ridge)
    return Fine(params, values, norms, gaps, done, state.steps + ~state.done)


def _gradients(columns: Columns, fits: Fits, params: jax.Array) -> tuple[jax.Array, jax.Array]:
    """G (m, p) and F (m,)."""

    def sums(block: Any) -> tuple[jax.Array, jax.Array]:
        rows, weights, logits = _block(columns, fits, params, block)
        labels = columns.labels[block]
        # the digits of one_pass.weighted_terms are not needed here, and take their time
        losses = jnp.maximum(logits, 0) - logits * labels + jnp.log1p(jnp.exp(-jnp.abs(logits)))
        slopes = weights * (lax.logistic(logits) - labels)
        return _product(slopes, rows), jnp.einsum("ml,ml->m", weights, losses)

    gradients, values = _over_blocks(sums, len(columns.rows))
    values = values / fits.totals[:, 0] + jnp.sum(fits.ridge * params**2, axis=1) / 2
    return gradients / fits.totals + fits.ridge * params, values


def _derivatives(columns: Columns, fits: Fits, params: jax.Array) -> tuple[jax.Array, jax.Array]:
    """G (m, p), and H without its ridge (m, p, p), float32."""

    def sums(block: Any) -> tuple[jax.Array, jax.Array]:
        rows, weights, logits = _block(columns, fits, params, block)
        probs = lax.logistic(logits)
        # what cancels in p - y is below the rounding of the sum
        gradients = _product(weights * (probs - columns.labels[block]), rows)
        bends = (weights * (probs * (1 - probs))).astype(jnp.float32)
        if _worth_pairs(params):
            return gradients, bends @ _pairs_of(columns, block).T
        rows = rows.astype(jnp.float32)
        return gradients, lax.map(lambda own: (rows.T * own) @ rows, bends)

    gradients, hessians = _over_blocks(sums, len(columns.rows))
    if hessians.ndim == 2:
        hessians = _unpacked(hessians)
    hessians = hessians / fits.totals.astype(jnp.float32)[:, :, None]
    return gradients / fits.totals + fits.ridge * params, hessians


def _worth_pairs(params: jax.Array) -> bool:
    """Whether so many fits (m, p) outweigh making C."""
    return FEW * len(params) > params.shape[1]


def _pairs_of(columns: Columns, block: Any) -> jax.Array:
    """C' of a block."""
    if columns.pairs is not None:
        return columns.pairs
    return _pairs(columns.rows[block].astype(jnp.float32))


def _pairs(rows: jax.Array) -> jax.Array:
    """The products of two columns, (p (p + 1) / 2, length): so, they are made of whole rows."""
    i, j = np.tril_indices(rows.shape[1])
    return rows.T[i] * rows.T[j]


def _unpacked(packed: jax.Array) -> jax.Array:
    """Symmetric matrices (m, p, p) from their lower halves."""
    p = int(np.sqrt(2 * packed.shape[1]))
    i, j = np.indices((p, p))
    high, low = np.maximum(i, j), np.minimum(i, j)
    return packed[:, high * (high + 1) // 2 + low]


def _block(
    columns: Columns, fits: Fits, params: jax.Array, block: Any
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The rows, the weights and the logits of a block."""
    rows = columns.rows[block]
    logits = _product(params, rows.T) + columns.offset[block]
    return rows, fits.weights[:, block], logits


def _newton_steps(hessians: jax.Array, gradients: jax.Array, fits: Fits) -> jax.Array:
    """-H^-1 G (m, p), nan where float32 cannot tell H from one without full rank."""
    p = gradients.shape[1]
    hessians = hessians + fits.ridge.astype(jnp.float32)[:, :, None] * jnp.eye(p, dtype="float32")
    factors = lax.linalg.cholesky(hessians, symmetrize_input=False)
    pivots, diagonals = (jnp.diagonal(each, axis1=1, axis2=2) for each in (factors, hessians))
    ranked = jnp.all(pivots**2 > 16 * p * jnp.finfo(jnp.float32).eps * diagonals, axis=1)
    solve = functools.partial(lax.linalg.triangular_solve, factors, left_side=True, lower=True)
    halves = solve(gradients.astype(jnp.float32)[..., None])
    moves = -solve(halves, transpose_a=True)[..., 0].astype(gradients.dtype)
    return jnp.where(ranked[:, None], moves, jnp.nan)


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
