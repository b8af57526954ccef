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
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bcejax.solvers.factor import cholesky_solve, scaled_factor
from bcejax.solvers.lbfgs import Memory
from bcejax.solvers.newton import weighted_terms
from bcejax.solvers.outcome import Certificate, Outcome
from bcejax.solvers.problem import Problem
from bcejax.solvers.status import SolverStatus

FEWEST = 2**18  # numbers among the inputs from which on this pays
EDGE = 8  # rows at the start that no block takes: a float64 among them begins 64 bytes
CACHED = 2**16  # numbers of a block
PER_COLUMN = 256  # examples of the larger sample for each column, at least
SHARE = 16  # of all examples are in the larger sample, at least
LESSONS = 8  # steps that B remembers
COARSE = 8  # of the larger sample is in the smaller
SOUND = 1e-4  # least pivot that float32 sums leave some digits


class _InPlace(NamedTuple):
    """A float64 array from its first element on whose address is a multiple of 64 bytes.

    From there JAX takes the memory of NumPy as it is. The length does not depend on the address,
    lest the program be compiled anew.
    """

    elements: Any  # (size - 7,)
    skipped: Any  # () int64

    @classmethod
    def of(cls, array: np.ndarray) -> "_InPlace":
        flat = np.require(array, np.float64, ["C", "A"]).reshape(-1)
        skipped = -flat.ctypes.data % 64 // flat.itemsize
        return cls(flat[skipped : skipped + flat.size - 7], np.int64(skipped))

    def slice(self, start: jax.Array | int, size: int) -> jax.Array:
        return lax.dynamic_slice(self.elements, (start - self.skipped,), (size,))


Each: TypeAlias = tuple[Any, Any, Any, Any]  # x, y, w, o of some examples


class _Examples(NamedTuple):
    """All examples: the first and the last few, and those between, in place."""

    ends: Each
    inputs: _InPlace
    labels: _InPlace
    weights: Any  # _InPlace, or a number where all are equal
    offset: Any  # likewise

    @classmethod
    def of(cls, problem: Problem) -> "_Examples":
        n, d = problem.inputs.shape
        last = EDGE + int(np.prod(_blocks(n, d)))
        vectors = problem.labels, problem.weights, problem.offset
        ends = [np.concatenate([each[:EDGE], each[last:]]) for each in (problem.inputs, *vectors)]
        weights, offset = (
            _InPlace.of(each) if np.ptp(each) else np.asarray(each[0]) for each in vectors[1:]
        )
        y = _InPlace.of(problem.labels)
        return cls(
            (ends[0], ends[1], ends[2], ends[3]), _InPlace.of(problem.inputs), y, weights, offset
        )

    @property
    def size(self) -> tuple[int, int]:
        return len(self.labels.elements) + 7, self.ends[0].shape[1]

    @property
    def blocks(self) -> tuple[int, int]:
        return _blocks(*self.size)

    def block(self, start: jax.Array | int, length: int) -> Each:
        """The examples from ``start`` on, at least EDGE from both ends."""
        d = self.size[1]
        x = self.inputs.slice(start * d, length * d).reshape(length, d)
        return x, *self.vectors(start, length)

    def vectors(
        self, start: jax.Array | int, length: int
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Labels, weights and offset of a block."""
        y = self.labels.slice(start, length)
        w, o = (
            each.slice(start, length) if isinstance(each, _InPlace) else each
            for each in (self.weights, self.offset)
        )
        return y, w, o


def _blocks(n: int, d: int) -> tuple[int, int]:
    """How many examples are in a block, a power of 2, and how many blocks there are."""
    length = max(8, 2 ** int(np.log2(CACHED / d)))
    return length, (n - 2 * EDGE) // length


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
    return n * d >= FEWEST and n >= 4 * d and _blocks(n, d)[1] > 0


def sketched(problem: Problem, start: np.ndarray, tol: float, max_steps: int) -> Outcome:
    """The engine for many examples of NumPy's, without l1; to be called eagerly.

    Any status but CONVERGED leaves the question to another engine, which may begin at the params.
    """
    with jax.enable_x64(True):
        examples = _Examples.of(problem)
        out = _minimise(examples, problem.l2, start, tol, max_steps, problem.intercept)
        return jax.tree.map(np.asarray, out)


class _Metric(NamedTuple):
    """B: the inverse of a factored hessian, and what steps have taught about it since."""

    factor: jax.Array  # (p, p), of scaled_factor
    scale: jax.Array  # (p,)
    least: jax.Array  # ()
    memory: Memory

    @classmethod
    def of(cls, hessian: jax.Array) -> "_Metric":
        return cls(*scaled_factor(hessian), Memory.empty(hessian[0], LESSONS))

    def solve(self, gradient: jax.Array) -> jax.Array:
        """B G."""

        def first(rest: jax.Array) -> jax.Array:
            return self.scale * cholesky_solve(self.factor, self.scale * rest)

        return self.memory.solve(gradient, first)


class _Point(NamedTuple):
    """A place, in columns of the sample's root mean square 1."""

    params: jax.Array  # (p,)
    gradient: jax.Array  # (p,)
    norm: jax.Array  # (), scaled, of the gradient
    gap: jax.Array  # ()
    logits: tuple[jax.Array, jax.Array]  # of the blocks (blocks, length), and of the ends


class _State(NamedTuple):
    point: _Point
    metric: _Metric
    fresh: jax.Array  # () bool: B is of all examples at this point
    steps: jax.Array  # () int32
    alive: jax.Array  # () bool: there is hope


@functools.partial(jax.jit, static_argnames="intercept")
def _minimise(
    examples: _Examples,
    l2: jax.Array,
    start: jax.Array,
    tol: jax.Array,
    max_steps: jax.Array,
    intercept: bool,
) -> Outcome:
    n, d = examples.size
    middle = n - 2 * EDGE
    thin = _thinned(examples, middle // min(middle, max(PER_COLUMN * d, n // SHARE)))
    sizes = jnp.sqrt(jnp.mean(thin[0] ** 2, axis=0))
    sizes = jnp.where(sizes > 0, sizes, 1)
    ridge = l2 / sizes**2
    if intercept:
        sizes, ridge = jnp.append(sizes, 1), jnp.append(ridge, 0)
    all_of = _All(examples, sizes, ridge, intercept)
    params, metric = _from_sample(
        _Sample.of(thin, sizes, ridge, intercept), start * sizes, intercept
    )
    norms, point = all_of.first(params)

    def sure(state: _State) -> jax.Array:
        """Whether a small gradient means that the optimum is near."""
        step = state.metric.solve(state.point.gradient)
        modest = jnp.max(jnp.abs(step)) <= 1e-2 / np.sqrt(n)
        known = state.fresh & modest & (state.metric.least > SOUND)
        return known | (state.point.gap <= tol / 10)

    def at_rest(state: _State) -> jax.Array:
        return (state.point.norm <= tol) & sure(state)

    def refresh(state: _State) -> _State:
        metric = _Metric.of(all_of.hessian(state.point))
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


def _thinned(examples: _Examples, stride: int) -> Each:
    """Every so manieth example."""
    n, _ = examples.size
    count = (n - 2 * EDGE) // stride
    x, y, w, o = examples.block(EDGE, count * stride)

    def thin(each: jax.Array) -> jax.Array:
        return each.reshape(count, stride, *each.shape[1:])[:, stride // 2] if each.ndim else each

    return thin(x), thin(y), thin(w), thin(o)


def _rows(x: jax.Array, sizes: jax.Array, intercept: bool) -> jax.Array:
    """(m, p) in float32, in columns of root mean square about 1."""
    rows = (x / sizes[: x.shape[1]]).astype(jnp.float32)
    ones = jnp.ones((len(rows), 1), jnp.float32)
    return jnp.hstack([rows, ones]) if intercept else rows


class _Sample(NamedTuple):
    """Some examples in float32, in columns of root mean square 1."""

    rows: jax.Array  # (m, p)
    labels: jax.Array  # (m,)
    weights: jax.Array  # (m,), of sum 1
    offset: jax.Array  # (m,) or ()
    ridge: jax.Array  # (p,), float64

    @classmethod
    def of(cls, thin: Each, sizes: jax.Array, ridge: jax.Array, intercept: bool) -> "_Sample":
        x, y, w, o = thin
        rows = _rows(x, sizes, intercept)
        w = jnp.broadcast_to(w, y.shape)
        y, w, o = (each.astype(jnp.float32) for each in (y, w / jnp.sum(w), o))
        return cls(rows, y, w, o, ridge)

    def coarse(self) -> "_Sample":
        y, w = self.labels[::COARSE], self.weights[::COARSE]
        o = self.offset[::COARSE] if self.offset.ndim else self.offset
        return _Sample(self.rows[::COARSE], y, w / jnp.sum(w), o, self.ridge)

    def derivatives(self, params: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Value, gradient and hessian, summed in float32."""
        b = params.astype(jnp.float32)
        x = self.rows @ b + self.offset
        losses, slopes, bends = weighted_terms(x, self.labels, self.weights)
        value = jnp.sum(losses) + self.ridge @ params**2 / 2
        gradient = slopes @ self.rows + self.ridge * params
        return value, gradient, (self.rows * bends[:, None]).T @ self.rows + jnp.diag(self.ridge)


def _from_sample(sample: _Sample, start: jax.Array, intercept: bool) -> tuple[jax.Array, _Metric]:
    """Params near the optimum, unless coefficients to start from are known, and B there."""
    fresh = jnp.all(start[: len(start) - intercept] == 0)
    params = lax.cond(fresh, _coarse_newton, lambda _: start, sample.coarse())
    _, gradient, hessian = sample.derivatives(params)
    metric = _Metric.of(hessian)
    return params - jnp.where(fresh, metric.solve(gradient), 0), metric


def _coarse_newton(sample: _Sample) -> jax.Array:
    """The optimum of a sample as well as the sample knows it."""
    m, p = sample.rows.shape
    enough = p / (4 * m)  # decrement; twice what chance moves the value

    class Walk(NamedTuple):
        params: jax.Array
        value: jax.Array
        step: jax.Array
        decrement: jax.Array
        size: jax.Array
        steps: jax.Array

    def evaluated(params: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        value, gradient, hessian = sample.derivatives(params)
        step = -_Metric.of(hessian).solve(gradient)
        return value, step, -gradient @ step

    def goes_on(walk: Walk) -> jax.Array:
        return (walk.decrement > enough) & (walk.steps < 24)

    def advance(walk: Walk) -> Walk:
        params = walk.params + walk.size * walk.step
        value, step, decrement = evaluated(params)
        good = value < walk.value
        new = Walk(params, value, step, decrement, jnp.ones(()), walk.steps)
        old = walk._replace(size=walk.size / 4)
        kept = jax.tree.map(functools.partial(jnp.where, good), new, old)
        return kept._replace(steps=walk.steps + 1)

    origin = jnp.zeros(p)
    begun = Walk(origin, *evaluated(origin), jnp.ones(()), jnp.int32(0))
    end = lax.while_loop(goes_on, advance, begun)
    return end.params + end.step


class _Terms(NamedTuple):
    """Sums over examples, of residuals v = s(z) - y."""

    columns: jax.Array  # (d,) of w v x
    total: jax.Array  # () of w v
    absolute: jax.Array  # () of w |v|
    cost: jax.Array  # () of w v^2 / s'(z)
    squares: jax.Array  # (d,) of w x^2, float32, or ()


class _All(NamedTuple):
    """F of all examples in columns of the sample's root mean square 1."""

    examples: _Examples
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
            rows = _rows(x, self.sizes, self.intercept)
            return (rows * bends[:, None]).T @ rows

        def add(i: jax.Array, total: jax.Array) -> jax.Array:
            part = self.examples.block(EDGE + i * length, length)
            return total + hessian(part, logits[i])

        logits, last = point.logits
        total = lax.fori_loop(0, blocks, add, hessian(self.examples.ends, last).astype(float))
        return total / n + jnp.diag(self.ridge)
