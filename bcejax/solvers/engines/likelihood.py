r"""The likelihood of a logistic regression, as a sum over the examples.

With columns f_ij, offsets o_i, labels y_i in [0, 1], weights w_i >= 0 that count copies, and ridges
r_j >= 0,

    V(b)  = sum_i w_i l(x_i, y_i) + sum_j r_j b_j^2 / 2,      x_i = o_i + sum_j f_ij b_j
    G_j   = sum_i w_i (s(x_i) - y_i) f_ij + r_j b_j
    I_jk  = sum_i w_i s(x_i) s(-x_i) f_ij f_ik                the Fisher information
    H     = I + diag(r)

-sum w l is the log-likelihood of Bernoulli labels, and I is minus its second derivative: here the
expected and the observed information are one.  Against F of problem.py, V = W F with W = sum w.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from bcejax.losses import bce_gradient, bce_hessian, bce_with_logits
from bcejax.solvers.engines.standardised import Standardised


class Point(NamedTuple):
    """An objective and its derivatives at some params."""

    value: jax.Array  # ()
    gradient: jax.Array  # (p,)
    hessian: jax.Array  # (p, p)


class Likelihood(NamedTuple):
    """All of V, a pytree; what lies under weight 0 is 0."""

    columns: jax.Array  # (n, p)
    labels: jax.Array  # (n,)
    weights: jax.Array  # (n,)
    offset: jax.Array  # (n,)
    ridge: jax.Array  # (p,)

    @classmethod
    def of(cls, work: Standardised, total: jax.Array) -> "Likelihood":
        """V of standardised columns whose weights have the sum ``total``."""
        columns = work.rows.reshape(-1, work.rows.shape[-1])
        labels, weights, offset = (
            each.ravel() for each in (work.labels, work.weights, work.offset)
        )
        return cls(columns, labels, total * weights, offset, total * work.ridge)

    def logits(self, params: jax.Array) -> jax.Array:
        """x, (n,)."""
        return self.offset + self.columns @ params

    def gram(self, terms: jax.Array) -> jax.Array:
        """sum_i t_i f_ij f_ik, (p, p)."""
        exact = lax.Precision.HIGHEST  # a GPU would round float32 to 10 bits
        return jnp.matmul((self.columns * terms[:, None]).T, self.columns, precision=exact)

    def losses(self, params: jax.Array) -> jax.Array:
        """w l, (n,)."""
        return self.weights * bce_with_logits(self.logits(params), self.labels)

    def slopes(self, params: jax.Array) -> jax.Array:
        """w (s(x) - y), (n,)."""
        return self.weights * bce_gradient(self.logits(params), self.labels)

    def reach(self, change: jax.Array) -> jax.Array:
        """The largest move of a logit by a change of the params, ()."""
        return jnp.max(jnp.abs(jnp.where(self.weights > 0, self.columns @ change, 0)))

    def information(self, params: jax.Array) -> jax.Array:
        """I, (p, p)."""
        return self.gram(self.weights * bce_hessian(self.logits(params)))

    def at(self, params: jax.Array) -> Point:
        """V, G and H."""
        return Point(
            jnp.sum(self.losses(params)) + self.ridge @ params**2 / 2,
            self.slopes(params) @ self.columns + self.ridge * params,
            self.information(params) + jnp.diag(self.ridge),
        )
