"""The objective of a logistic regression, in one formula.

Write x_i (d,) for the inputs of example i, y_i in [0, 1] for its label, w_i >= 0 for its weight,
o_i for its offset and l for the binary cross-entropy of a logit.  Then

    F(b, c) = sum_i w_i l(x_i·b + c + o_i, y_i) / sum_i w_i  +  l2/2 |b|_2^2  +  l1 |b|_1

is minimised in the coefficients b (d,) and the intercept c, which is never penalised.  F is a mean:
weights all doubled, or each example twice, change nothing.

In other programs' terms, with W = sum w (W = n without weights) and r = l1_ratio:

    scikit-learn   C and r         l2 = (1 - r) / (C W),   l1 = r / (C W)      r = 0 for L2 alone
    glmnet         lambda, alpha   l2 = lambda (1 - alpha),   l1 = lambda alpha,   standardize=FALSE

The parameters of a fit are one vector (p,): the coefficients, then the intercept if there is one.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from bcejax.losses import bce_gradient, bce_with_logits


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Problem:
    """All of F, checked, in one dtype, a pytree; weights sum to 1, and 0 lies under weight 0."""

    inputs: Any  # (n, d), jax.Array or BCOO
    labels: jax.Array  # (n,)
    weights: jax.Array  # (n,)
    offset: jax.Array  # (n,)
    l2: jax.Array  # ()
    l1: jax.Array  # ()
    intercept: bool = dataclasses.field(metadata={"static": True})

    def logits(self, params: jax.Array) -> jax.Array:
        """x_i·b + c + o_i, (n,)."""
        return self.offset + self.moved(params)

    def moved(self, params: jax.Array) -> jax.Array:
        """x_i·b + c: what the parameters add to each logit, (n,)."""
        if not self.intercept:
            return self.inputs @ params
        return self.inputs @ params[:-1] + params[-1]

    def gathered(self, terms: jax.Array) -> jax.Array:
        """sum_i t_i x_i, and sum_i t_i for the intercept, (p,): the transpose of ``moved``."""
        # terms @ inputs, not inputs.T @ terms: on CPU that is ten times as slow
        columns = terms @ self.inputs
        return jnp.append(columns, jnp.sum(terms)) if self.intercept else columns

    def scales(self) -> jax.Array:
        """The root mean square of each column, 1 for the intercept and where it is 0, (p,)."""
        # of shares of the largest, for squares over- and underflow
        largest = jnp.max(jnp.abs(self.inputs), axis=0, initial=0)
        shares = self.inputs / jnp.where(largest > 0, largest, 1)
        scales = largest * jnp.sqrt(jnp.sum(self.weights[:, None] * shares**2, axis=0))
        scales = jnp.where(scales > 0, scales, 1)
        return jnp.append(scales, jnp.ones((), scales.dtype)) if self.intercept else scales

    def penalised(self, params: jax.Array) -> jax.Array:
        """The parameters with 0 for the intercept, (p,)."""
        return params.at[-1].set(0) if self.intercept else params

    def value(self, params: jax.Array) -> jax.Array:
        """The smooth part of F: all but l1 |b|_1."""
        losses = self.weights @ bce_with_logits(self.logits(params), self.labels)
        return losses + self.l2 / 2 * jnp.sum(self.penalised(params) ** 2)

    def gradient(self, params: jax.Array) -> jax.Array:
        """The gradient of the smooth part, (p,)."""
        slopes = self.weights * bce_gradient(self.logits(params), self.labels)
        return self.gathered(slopes) + self.l2 * self.penalised(params)

    def penalty_slopes(self, gradient: jax.Array, params: jax.Array) -> jax.Array:
        """The subgradient of l1 |b|_1 that best cancels the gradient of the smooth part, (p,)."""
        signed = self.l1 * jnp.sign(params)
        pull = jnp.where(params == 0, -jnp.clip(gradient, -self.l1, self.l1), signed)
        return self.penalised(pull)
