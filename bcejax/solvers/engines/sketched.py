r"""Many examples on the host: steps from a sample, gradients from all.

Newton's method spends its time on hessians, yet needs them only roughly, while the gradient alone
decides where it ends.  So, for n examples much more than the p parameters,

    1. Newton in float32 on a few examples spread over all, then one step on eight times as many:
       params b off by about sqrt(p / m) standard errors of one example, and a hessian H there;
    2. b <- b - B G(b) with the float64 gradient G of all examples and B = H^-1, which each step
       teaches, as in L-BFGS, what the sample missed.

Each step takes one pass over the inputs, block by block, so that a block is in the cache when its
gradient is taken; nothing is copied, for the blocks are slices of the array of NumPy.  Where a step
does not halve the gradient norm, B becomes the inverse of the float32 hessian of all examples at b.

**Rest.**  The gradient norm is at most tol, and the duality gap shows that this is enough; where it
does not (without a penalty it cannot), the hessian of all examples must have a sound Cholesky
factor and the step left must be far below what one example can move.  Anything else - no
contraction, dependent columns, labels told apart - ends as MAX_STEPS, and the full Newton of
dense_newton.py goes on from there.

**Gap.**  That of certificates.py, bounded without a pass more.  The residuals v = s(z) - y of the
heavier side are shrunk by the share e that makes all sum to 0.  This moves u = sum_i w_i v_i x_i by
at most e t_j in column j, t_j^2 = sum_i w_i |v_i| sum_i w_i x_ij^2 (Cauchy), and costs at most the
chi-squared distance, so

    F - min F <= sum_j (|l2 b_j + u_j| + e t_j)^2 / (2 l2) + e^2 sum_i w_i v_i^2 / s'(z_i).

Sources: F. Roosta-Khorasani and M. W. Mahoney, Sub-sampled Newton methods (2019); J. Nocedal and
S. Wright, Numerical Optimization, 2nd ed. (2006), chapter 6.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bcejax.solvers.engines.in_place import EDGE, Each, Examples, blocks_of
from bcejax.solvers.engines.outcome import Certificate, Outcome
from bcejax.solvers.engines.sampling import Metric, Sample, float32_rows, from_sample, thinned
from bcejax.solvers.newton import weighted_terms
from bcejax.solvers.problem import Problem
from bcejax.solvers.status import SolverStatus
from bcejax.solvers.worlds import in_float64

FEWEST = 2**18  # numbers among the inputs from which on this pays
PER_COLUMN = 256  # examples of the larger sample for each column, at least
SHARE = 16  # of all examples are in the larger sample, at least
SOUND = 1e-4  # least pivot that float32 sums leave some digits


def suits_sketch(problem: Problem) -> bool:
    """Whether ``sketched`` takes the problem, and is likely to be faster than Newton.

    Example:
        >>> from bcejax.solvers.arguments import as_problem
        >>> suits_sketch(as_problem(np.ones((3, 1)), [0, 1, 0]))
        False
    """
    if not (isinstance(problem.inputs, np.ndarray) and problem.l1 == 0):
        return False
    n, d = problem.inputs.shape
    return n * d >= FEWEST and n >= 4 * d and blocks_of(n, d)[1] > 0


def sketched(problem: Problem, start: np.ndarray, tol: float, max_steps: int) -> Outcome:
    """The engine for many examples of NumPy's, without l1; to be called eagerly.

    Any status but CONVERGED leaves the question to another engine, which may begin at the params.
    """
    given = Examples.of(problem), problem.l2, start, tol, max_steps
    return in_float64(_minimise, *given, intercept=problem.intercept)


class _Point(NamedTuple):
    """A place, in columns of the sample's root mean square 1."""

    params: jax.Array  # (p,)
    gradient: jax.Array  # (p,)
    norm: jax.Array  # (), scaled, of the gradient
    gap: jax.Array  # ()
    logits: tuple[jax.Array, jax.Array]  # of the blocks (blocks, length), and of the ends


class _State(NamedTuple):
    point: _Point
    metric: Metric
    fresh: jax.Array  # () bool: B is of all examples at this point
    steps: jax.Array  # () int32
    alive: jax.Array  # () bool: there is hope


@functools.partial(jax.jit, static_argnames="intercept")
def _minimise(
    examples: Examples,
    l2: jax.Array,
    start: jax.Array,
    tol: jax.Array,
    max_steps: jax.Array,
    intercept: bool,
) -> Outcome:
    n, d = examples.size
    middle = n - 2 * EDGE
    thin = thinned(examples, middle // min(middle, max(PER_COLUMN * d, n // SHARE)))
    sizes = jnp.sqrt(jnp.mean(thin[0] ** 2, axis=0))
    sizes = jnp.where(sizes > 0, sizes, 1)
    ridge = l2 / sizes**2
    if intercept:
        sizes, ridge = jnp.append(sizes, 1), jnp.append(ridge, 0)
    all_of = _All(examples, sizes, ridge, intercept)
    params, metric = from_sample(Sample.of(thin, sizes, ridge, intercept), start * sizes, intercept)
    norms, point = all_of.first(params)

    def sure(state: _State) -> jax.Array:
        """Whether a small gradient means that the optimum is near."""
        step = state.metric.solve(state.point.gradient)
        modest = jnp.max(jnp.abs(step)) <= 1e-2 / np.sqrt(n)
        known = state.fresh & modest & (state.metric.factor.least > SOUND)
        return known | (state.point.gap <= tol / 10)

    def at_rest(state: _State) -> jax.Array:
        return (state.point.norm <= tol) & sure(state)

    def refresh(state: _State) -> _State:
        metric = Metric.of(all_of.hessian(state.point))
        return state._replace(metric=metric, fresh=jnp.array(True), alive=~state.fresh)

    def advance(state: _State) -> _State:
        old, metric = state.point, state.metric
        new = all_of.at(old.params - metric.solve(old.gradient), norms)
        memory = metric.memory.after(new.params - old.params, new.gradient - old.gradient)
        taught = metric._replace(memory=memory)
        better = new.norm < old.norm
        point, metric = jax.tree.map(
            functools.partial(jnp.where, better), (new, taught), (old, metric)
        )
        moved = _State(point, metric, state.fresh & ~better, state.steps + 1, state.alive)
        return lax.cond(new.norm <= old.norm / 2, lambda state: state, refresh, moved)

    def goes_on(state: _State) -> jax.Array:
        return state.alive & (state.steps < max_steps) & ~at_rest(state)

    def step(state: _State) -> _State:
        return lax.cond(state.point.norm <= tol, refresh, advance, state)

    known = jnp.isfinite(point.norm)
    begun = _State(point, metric, jnp.array(False), jnp.int32(1), known)
    end = lax.while_loop(goes_on, step, begun)
    status = jnp.where(at_rest(end), SolverStatus.CONVERGED, SolverStatus.MAX_STEPS)
    value = all_of.value(end.point)
    certificate = Certificate(value, end.point.norm, end.point.gap)
    params = jnp.where(known, end.point.params / sizes, start)
    return Outcome(params, end.steps, status.astype(jnp.int32), jnp.zeros_like(params), certificate)


class _Terms(NamedTuple):
    """Sums over examples, of residuals v = s(z) - y."""

    columns: jax.Array  # (d,) of w v x
    total: jax.Array  # () of w v
    absolute: jax.Array  # () of w |v|
    cost: jax.Array  # () of w v^2 / s'(z)
    squares: jax.Array  # (d,) of w x^2, float32, or ()


class _All(NamedTuple):
    """F of all examples in columns of the sample's root mean square 1."""

    examples: Examples
    sizes: jax.Array  # (p,)
    ridge: jax.Array  # (p,)
    intercept: bool

    def first(self, params: jax.Array) -> tuple[jax.Array, _Point]:
        """The root mean squares (p,) of the columns here, and the point, in one pass."""
        terms, logits = self._pass(params, with_squares=True)
        norms = jnp.sqrt(jnp.where(terms.squares > 0, terms.squares, 1))
        norms = jnp.append(norms, 1) if self.intercept else norms
        return norms, self._point(params, norms, terms, logits)

    def at(self, params: jax.Array, norms: jax.Array) -> _Point:
        """The point, in one pass."""
        return self._point(params, norms, *self._pass(params, with_squares=False))

    def _pass(
        self, params: jax.Array, with_squares: bool
    ) -> tuple[_Terms, tuple[jax.Array, jax.Array]]:
        raw = params / self.sizes
        b, c = (raw[:-1], raw[-1]) if self.intercept else (raw, 0)

        def terms(some: Each) -> tuple[_Terms, jax.Array]:
            x, y, w, o = some
            z = x @ b + c + o
            probs = lax.logistic(z)
            v = probs - y
            cost = jnp.where(v == 0, 0, v * v / (probs * (1 - probs)))
            w = jnp.broadcast_to(w, v.shape)
            squares = self.squares(x, w) if with_squares else jnp.zeros(())
            return _Terms((w * v) @ x, w @ v, w @ jnp.abs(v), w @ cost, squares), z

        def add(i: jax.Array, carry: tuple[_Terms, jax.Array]) -> tuple[_Terms, jax.Array]:
            more, z = terms(self.examples.block(EDGE + i * length, length))
            return jax.tree.map(jnp.add, carry[0], more), carry[1].at[i].set(z)

        length, blocks = self.examples.blocks
        ends, last = terms(self.examples.ends)
        total, logits = lax.fori_loop(0, blocks, add, (ends, jnp.zeros((blocks, length))))
        return total, (logits, last)

    def squares(self, x: jax.Array, w: jax.Array) -> jax.Array:
        """sum_i w_i x_ij^2 in the columns here, (d,): in float32, for scales need no more."""
        x32 = (x / self.sizes[: x.shape[1]]).astype(jnp.float32)
        return w.astype(jnp.float32) @ (x32 * x32)

    def _point(
        self,
        params: jax.Array,
        norms: jax.Array,
        terms: _Terms,
        logits: tuple[jax.Array, jax.Array],
    ) -> _Point:
        gathered = jnp.append(terms.columns, terms.total) if self.intercept else terms.columns
        gradient = gathered / self.sizes + self.ridge * params
        heavier = (terms.absolute + jnp.abs(terms.total)) / 2
        share = jnp.abs(terms.total) / jnp.where(heavier > 0, heavier, 1) if self.intercept else 0.0
        d = len(terms.columns)
        ridge = self.ridge[:d]
        far = jnp.abs(gradient[:d]) + share * jnp.sqrt(terms.absolute) * norms[:d]
        gap = jnp.sum(far**2 / (2 * ridge)) + share**2 * terms.cost
        gap = jnp.where(jnp.all(ridge > 0), gap, jnp.inf)
        return _Point(params, gradient, jnp.max(jnp.abs(gradient) / norms), gap, logits)

    def value(self, point: _Point) -> jax.Array:
        """F."""
        length, blocks = self.examples.blocks
        _, y, w, _ = self.examples.ends
        middle = self.examples.vectors(EDGE, blocks * length)

        def loss(z: jax.Array, y: jax.Array, w: jax.Array) -> jax.Array:
            return jnp.sum(weighted_terms(z, y, w)[0])

        logits, last = point.logits
        losses = loss(logits.reshape(-1), *middle[:2]) + loss(last, y, w)
        return losses + self.ridge @ point.params**2 / 2

    def hessian(self, point: _Point) -> jax.Array:
        """The hessian there, summed in float32 within blocks."""
        length, blocks = self.examples.blocks
        n, _ = self.examples.size

        def hessian(some: Each, z: jax.Array) -> jax.Array:
            x, y, w, _ = some
            bends = weighted_terms(z, y, w * n)[2].astype(jnp.float32)
            rows = float32_rows(x, self.sizes, self.intercept)
            return (rows * bends[:, None]).T @ rows

        def add(i: jax.Array, total: jax.Array) -> jax.Array:
            part = self.examples.block(EDGE + i * length, length)
            return total + hessian(part, logits[i])

        logits, last = point.logits
        total = lax.fori_loop(0, blocks, add, hessian(self.examples.ends, last).astype(float))
        return total / n + jnp.diag(self.ridge)
