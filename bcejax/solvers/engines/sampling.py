"""What a sample of the examples tells in float32: params near the optimum, and a hessian there."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from bcejax.solvers.engines.factor import Factor, scaled_factor
from bcejax.solvers.engines.in_place import EDGE, Each, Examples
from bcejax.solvers.engines.lbfgs import Memory
from bcejax.solvers.newton import weighted_terms

LESSONS = 8  # steps that B remembers
COARSE = 8  # of the larger sample is in the smaller


class Metric(NamedTuple):
    """B: the inverse of a factored hessian, and what steps have taught about it since."""

    factor: Factor
    memory: Memory

    @classmethod
    def of(cls, hessian: jax.Array) -> "Metric":
        """B of a hessian, untaught."""
        return cls(scaled_factor(hessian), Memory.empty(hessian[0], LESSONS))

    def solve(self, gradient: jax.Array) -> jax.Array:
        """B G."""
        return self.memory.solve(gradient, self.factor.solve)


def thinned(examples: Examples, stride: int) -> Each:
    """Every so manieth example."""
    n, _ = examples.size
    count = (n - 2 * EDGE) // stride
    x, y, w, o = examples.block(EDGE, count * stride)

    def thin(each: jax.Array) -> jax.Array:
        return each.reshape(count, stride, *each.shape[1:])[:, stride // 2] if each.ndim else each

    return thin(x), thin(y), thin(w), thin(o)


def float32_rows(x: jax.Array, sizes: jax.Array, intercept: bool) -> jax.Array:
    """(m, p) in float32, in columns of root mean square about 1."""
    rows = (x / sizes[: x.shape[1]]).astype(jnp.float32)
    ones = jnp.ones((len(rows), 1), jnp.float32)
    return jnp.hstack([rows, ones]) if intercept else rows


class Sample(NamedTuple):
    """Some examples in float32, in columns of root mean square 1."""

    rows: jax.Array  # (m, p)
    labels: jax.Array  # (m,)
    weights: jax.Array  # (m,), of sum 1
    offset: jax.Array  # (m,) or ()
    ridge: jax.Array  # (p,), float64

    @classmethod
    def of(cls, thin: Each, sizes: jax.Array, ridge: jax.Array, intercept: bool) -> "Sample":
        """The thinned examples in columns divided by their sizes (p,)."""
        x, y, w, o = thin
        rows = float32_rows(x, sizes, intercept)
        w = jnp.broadcast_to(w, y.shape)
        y, w, o = (each.astype(jnp.float32) for each in (y, w / jnp.sum(w), o))
        return cls(rows, y, w, o, ridge)

    def coarse(self) -> "Sample":
        """An eighth of the sample."""
        y, w = self.labels[::COARSE], self.weights[::COARSE]
        o = self.offset[::COARSE] if self.offset.ndim else self.offset
        return Sample(self.rows[::COARSE], y, w / jnp.sum(w), o, self.ridge)

    def derivatives(self, params: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Value, gradient and hessian, summed in float32."""
        b = params.astype(jnp.float32)
        x = self.rows @ b + self.offset
        losses, slopes, bends = weighted_terms(x, self.labels, self.weights)
        value = jnp.sum(losses) + self.ridge @ params**2 / 2
        gradient = slopes @ self.rows + self.ridge * params
        return value, gradient, (self.rows * bends[:, None]).T @ self.rows + jnp.diag(self.ridge)


def from_sample(sample: Sample, start: jax.Array, intercept: bool) -> tuple[jax.Array, Metric]:
    """Params near the optimum, unless coefficients to start from are known, and B there."""
    fresh = jnp.all(start[: len(start) - intercept] == 0)
    params = lax.cond(fresh, _coarse_newton, lambda _: start, sample.coarse())
    _, gradient, hessian = sample.derivatives(params)
    metric = Metric.of(hessian)
    return params - jnp.where(fresh, metric.solve(gradient), 0), metric


class _Walk(NamedTuple):
    params: jax.Array
    value: jax.Array
    step: jax.Array
    decrement: jax.Array
    size: jax.Array
    steps: jax.Array


def _coarse_newton(sample: Sample) -> jax.Array:
    """The optimum of a sample as well as the sample knows it."""
    m, p = sample.rows.shape
    enough = p / (4 * m)  # decrement; twice what chance moves the value

    def evaluated(params: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        value, gradient, hessian = sample.derivatives(params)
        step = -Metric.of(hessian).solve(gradient)
        return value, step, -gradient @ step

    def goes_on(walk: _Walk) -> jax.Array:
        return (walk.decrement > enough) & (walk.steps < 24)

    def advance(walk: _Walk) -> _Walk:
        params = walk.params + walk.size * walk.step
        value, step, decrement = evaluated(params)
        good = value < walk.value
        new = _Walk(params, value, step, decrement, jnp.ones(()), walk.steps)
        old = walk._replace(size=walk.size / 4)
        kept = jax.tree.map(functools.partial(jnp.where, good), new, old)
        return kept._replace(steps=walk.steps + 1)

    origin = jnp.zeros(p)
    begun = _Walk(origin, *evaluated(origin), jnp.ones(()), jnp.int32(0))
    end = lax.while_loop(goes_on, advance, begun)
    return end.params + end.step
