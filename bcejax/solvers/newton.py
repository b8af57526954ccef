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
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from bcejax.losses import bce_gradient, bce_with_logits
from bcejax.numerics import log1p_of_share
from bcejax.solvers.status import SolverStatus

STRIDE = 16
MANY = 2**15  # from here on a first fit to every 16th example pays
BLOCK = 4096  # examples whose terms stay in the cache
FEW_COLUMNS = 3  # up to here sums of products are faster than products of matrices


class NewtonFit(NamedTuple):
    """Where a minimisation ended; value, gradient and hessian are those of V there.

    Example:
        >>> fit = minimise_bce([1.0, jnp.arange(4.0)], jnp.array([0, 1, 0, 1]))
        >>> np.sqrt(np.diag(np.linalg.inv(fit.hessian))).round(1)
        array([2. , 1.1], dtype=float32)
    """

    params: jax.Array  # (d,)
    value: jax.Array  # ()
    gradient: jax.Array  # (d,)
    hessian: jax.Array  # (d, d)
    steps: jax.Array  # () int32, passes over all examples
    status: jax.Array  # () int32, named by SolverStatus


class _Problem(NamedTuple):
    """What is minimised, in blocks; a column is (blocks, length), or () where it is constant."""

    columns: tuple[jax.Array, ...]
    labels: jax.Array  # (blocks, length)
    weights: jax.Array  # likewise
    offset: jax.Array  # likewise, or ()
    ridge: jax.Array  # (d,)

    def moved(self, params: jax.Array) -> jax.Array:
        """sum_j f_j b_j of each example."""
        terms = (b * f for b, f in zip(params, self.columns, strict=True))
        return jnp.broadcast_to(sum(terms), self.labels.shape)

    def block(self, i: ArrayLike) -> "_Problem":
        """The i-th; its arrays are (length,)."""
        return jax.tree.map(lambda each: each[i] if each.ndim == 2 else each, self)

    def logits(self, params: jax.Array) -> jax.Array:
        return self.offset + self.moved(params)

    def value(self, params: jax.Array) -> jax.Array:
        losses = self.weights * bce_with_logits(self.logits(params), self.labels)
        return jnp.sum(losses) + self.ridge @ params**2 / 2

    def gradient(self, params: jax.Array) -> jax.Array:
        slopes = self.weights * bce_gradient(self.logits(params), self.labels)
        return jnp.stack([jnp.sum(slopes * f) for f in self.columns]) + self.ridge * params


class _Blocks(NamedTuple):
    """What a pass takes: all examples or a sample of them."""

    block: Callable[[ArrayLike], _Problem]
    number: ArrayLike
    weight: jax.Array  # of all of them
    ridge: jax.Array


class _Point(NamedTuple):
    """V and its derivatives at a place, and the full step from there."""

    params: jax.Array
    value: jax.Array
    gradient: jax.Array
    hessian: jax.Array
    step: jax.Array
    usable: jax.Array  # (d,) bool, columns that depend on none before them, by the hessian

    def at_rest(self) -> jax.Array:
        decrement = -self.gradient @ self.step
        small = decrement <= jnp.finfo(self.value.dtype).eps / 16 * self.value
        # where a sum overflows there is no step, which is no sign of a minimum
        return small & self.known()

    def known(self) -> jax.Array:
        return jnp.all(jnp.isfinite(self.hessian)) & (self.value < jnp.inf)


class _State(NamedTuple):
    point: _Point
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
        >>> np.round(np.float64(fit.params), 3), SolverStatus(int(fit.status)).name
        (array([-1.362,  0.908]), 'CONVERGED')
    """
    problem = _laid_out(columns, labels, weights, offset, ridge)
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


def _laid_out(
    columns: Sequence[ArrayLike],
    labels: ArrayLike,
    weights: ArrayLike | None,
    offset: ArrayLike,
    ridge: ArrayLike,
) -> _Problem:
    """One dtype, in blocks, 0 for all that lies under weight 0."""
    labels = jnp.asarray(labels)
    if not columns or labels.ndim != 1:
        raise ValueError(f"{len(columns)} columns and labels {labels.shape} came; give 1 and (n,)")
    dtype = jnp.promote_types(jnp.result_type(*columns, offset), jnp.float32)
    weights = jnp.asarray(1 if weights is None else weights, dtype)
    arrays = [jnp.asarray(each, dtype) for each in (*columns, offset)]
    for array in (*arrays, weights):
        if array.shape not in ((), labels.shape):
            raise ValueError(f"an array of shape {array.shape} came with labels {labels.shape}")
    weights = jnp.broadcast_to(weights, labels.shape)
    blocks = -(-len(labels) // BLOCK)
    padding = -len(labels) % blocks

    def laid(array: jax.Array) -> jax.Array:
        return jnp.pad(jnp.where(weights == 0, 0, array), (0, padding)).reshape(blocks, -1)

    *kept, offset = (laid(array) if array.ndim else array for array in arrays)
    ridge = jnp.broadcast_to(jnp.asarray(ridge, dtype), (len(columns),))
    return _Problem(tuple(kept), laid(labels.astype(dtype)), laid(weights), offset, ridge)


def _minimised(problem: _Problem, max_steps: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Params, passes and status; where there are many examples, a sample of them comes first."""
    start = jnp.zeros(len(problem.columns), problem.labels.dtype)
    whole = _blocks(problem)
    if problem.labels.size < MANY:
        return _fit(problem, whole, start, max_steps)
    sample = _blocks(_sample(problem))

    def fit(start: jax.Array, on_sample: jax.Array) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        number, weight, ridge = (
            jnp.where(on_sample, few, every)
            for few, every in zip(sample[1:], whole[1:], strict=True)
        )
        # one program for both, which compiles sooner than two
        taken = _Blocks(
            lambda i: lax.cond(on_sample, sample.block, whole.block, i), number, weight, ridge
        )
        params, steps, status = _fit(problem, taken, start, max_steps)
        return jnp.where(status == SolverStatus.CONVERGED, params, start), (params, steps, status)

    found = lax.scan(fit, start, jnp.array([True, False]))[1]
    return jax.tree.map(lambda each: each[-1], found)


def _blocks(problem: _Problem) -> _Blocks:
    return _Blocks(problem.block, len(problem.labels), jnp.sum(problem.weights), problem.ridge)


def _sample(problem: _Problem) -> _Problem:
    """Every 16th example, in blocks of the same length, with a 16th of the ridge."""
    length = problem.labels.shape[1]

    def thin(each: jax.Array) -> jax.Array:
        few = each[:, ::STRIDE].ravel()
        return jnp.pad(few, (0, -len(few) % length)).reshape(-1, length)

    sample = jax.tree.map(lambda each: thin(each) if each.ndim == 2 else each, problem)
    return sample._replace(ridge=problem.ridge / STRIDE)


def _fit(
    problem: _Problem, blocks: _Blocks, start: jax.Array, max_steps: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Steps until the decrement vanishes, or the labels are told apart, or the steps are used."""
    dtype = start.dtype

    def step(state: _State) -> _State:
        point, size, steps = state
        trial = _evaluate(point.params + size * point.step, blocks)
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
    unknown = _Point(
        start, endless, nothing, jnp.eye(len(start), dtype=dtype), nothing, nothing == 0
    )
    state = lax.while_loop(goes_on, step, _State(unknown, jnp.ones((), dtype), jnp.int32(0)))
    return _finish(problem, blocks, state)


def _told_apart(blocks: _Blocks, point: _Point) -> jax.Array:
    return point.value <= jnp.finfo(point.value.dtype).eps * blocks.weight


def _finish(
    problem: _Problem, blocks: _Blocks, state: _State
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


def _flattened(problem: _Problem, point: _Point) -> jax.Array:
    """Whether columns that do not depend on each other do so where the curvature is."""

    def independent() -> jax.Array:
        w = problem.weights
        columns = [jnp.broadcast_to(f, w.shape).ravel() for f in problem.columns]
        gram = _products(columns, *3 * [w.ravel()])[-1] + jnp.diag(problem.ridge)
        return jnp.any(~point.usable & invert_semidefinite(gram)[1])

    return lax.cond(jnp.all(point.usable), lambda: jnp.array(False), independent)


def _evaluate(params: jax.Array, blocks: _Blocks) -> _Point:
    """V and its derivatives, in one pass; not to be differentiated."""
    terms, totals = (_few_terms, _few_totals) if len(params) <= FEW_COLUMNS else (_products, _sums)

    def block(i: ArrayLike) -> list[jax.Array]:
        part = blocks.block(i)
        return terms(part.columns, *weighted_terms(part.logits(params), part.labels, part.weights))

    def add(i: ArrayLike, sums: list[jax.Array]) -> list[jax.Array]:
        return jax.tree.map(jnp.add, sums, block(i))

    nothing = [jnp.zeros(each.shape, each.dtype) for each in jax.eval_shape(block, 0)]
    sums = lax.fori_loop(0, blocks.number, add, nothing)
    value, gradient, hessian = totals(sums, len(params))
    penalty = blocks.ridge * params
    gradient, hessian = gradient + penalty, hessian + jnp.diag(blocks.ridge)
    inverse, usable = invert_semidefinite(hessian)
    value = value + penalty @ params / 2
    return _Point(params, value, gradient, hessian, -inverse @ gradient, usable)


def weighted_terms(
    x: jax.Array, y: jax.Array, w: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The weighted loss of each example and its derivatives in the logit, fast.

    Example:
        >>> weighted_terms(jnp.zeros(1), jnp.ones(1), jnp.ones(1))[1]
        Array([-0.5], dtype=float32)
    """
    away = jnp.where(x > 0, 1 - y, y)  # share of the label that x leans away from
    decay = jnp.exp(-jnp.abs(x))
    q = decay / (1 + decay)
    loss = away * jnp.abs(x) + log1p_of_share(decay)
    return w * loss, w * jnp.where(x > 0, away - q, q - away), w * (q * (1 - q))


def _few_terms(
    columns: Sequence[jax.Array], losses: jax.Array, slopes: jax.Array, bends: jax.Array
) -> list[jax.Array]:
    """The terms of V, of G and of the lower half of H; (length,) each."""
    pairs = [bends * f * g for k, f in enumerate(columns) for g in columns[: k + 1]]
    return [losses, *(slopes * f for f in columns), *pairs]


def _few_totals(terms: list[jax.Array], d: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    value, *rest = (jnp.sum(each) for each in terms)
    gradient, lower = jnp.stack(rest[:d]), jnp.stack(rest[d:])
    i, j = np.tril_indices(d)
    hessian = jnp.zeros((d, d), value.dtype).at[i, j].set(lower).at[j, i].set(lower)
    return value, gradient, hessian


def _products(
    columns: Sequence[jax.Array], losses: jax.Array, slopes: jax.Array, bends: jax.Array
) -> list[jax.Array]:
    """The terms of V (length,), the sums of G (d,) and of H (d, d)."""
    matrix = jnp.stack([jnp.broadcast_to(f, slopes.shape) for f in columns])
    exact = lax.Precision.HIGHEST  # a GPU would round float32 to 10 bits
    gradient = jnp.matmul(matrix, slopes, precision=exact)
    return [losses, gradient, jnp.matmul(matrix * bends, matrix.T, precision=exact)]


def _sums(terms: list[jax.Array], d: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    losses, gradient, hessian = terms
    return jnp.sum(losses), gradient, hessian


def invert_semidefinite(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The inverse of a hessian, and which columns do not depend on those before them.

    By elimination; a column that does depend leaves a pivot of 0, to 16 eps of its square.

    Args:
        matrix: (d, d), symmetric and positive semidefinite.

    Returns:
        (d, d), 0 in the rows and columns of dependent ones; and (d,) bool.

    Example:
        >>> invert_semidefinite(jnp.array([[2.0, 2.0], [2.0, 2.0]]))
        (Array([[0.5, 0. ],
               [0. , 0. ]], dtype=float32), Array([ True, False], dtype=bool))
    """
    d, eps = len(matrix), float(jnp.finfo(matrix.dtype).eps)
    diagonal = jnp.diagonal(matrix)
    scale = lax.rsqrt(jnp.where(diagonal > 0, diagonal, 1))
    rows = jnp.column_stack([matrix * scale * scale[:, None], jnp.eye(d, dtype=matrix.dtype)])
    usable = []
    for k in range(d):
        pivot = rows[k, k]
        usable.append(pivot > 16 * eps)
        row = jnp.where(usable[k], rows[k] / jnp.where(usable[k], pivot, 1), 0)
        rows = (rows - rows[:, k : k + 1] * row).at[k].set(row)
    independent = jnp.stack(usable)
    return jnp.where(independent, rows[:, d:], 0) * scale * scale[:, None], independent


@jax.custom_jvp
def _with_derivative(params: jax.Array, problem: _Problem) -> jax.Array:
    """The optimal params, which know how they depend on the problem."""
    return params


@_with_derivative.defjvp
def _with_derivative_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    params, problem = primals
    params = _with_derivative(params, problem)
    hessian = jax.jacfwd(problem.gradient)(params)
    change = jax.jvp(lambda data: data.gradient(params), (problem,), (tangents[1],))[1]
    return params, -invert_semidefinite(hessian)[0] @ change
