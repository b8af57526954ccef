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

from bcejax.solvers.matrices import column_scales, is_sparse
from bcejax.solvers.worlds import World, world_of


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Problem:
    """All of F, checked, in one dtype, a pytree of NumPy's or JAX's arrays.

    Weights sum to 1. Under weight 0 inputs and offsets are finite, and labels in [0, 1].
    """

    inputs: Any  # (n, d), or BCOO, or SciPy's CSR
    labels: Any  # (n,)
    weights: Any  # (n,)
    offset: Any  # (n,)
    l2: Any  # ()
    l1: Any  # ()
    intercept: bool = dataclasses.field(metadata={"static": True})
    total: Any = None  # (), what the weights summed to as they came

    @property
    def world(self) -> World:
        """What its arrays are made and moved with."""
        return world_of(self.labels)

    def logits(self, params: Any) -> Any:
        """x_i·b + c + o_i, (n,)."""
        return self.offset + self.moved(params)

    def moved(self, params: Any) -> Any:
        """x_i·b + c: what the parameters add to each logit, (n,)."""
        if not self.intercept:
            return self._product(self.inputs, params)
        return self._product(self.inputs, params[:-1]) + params[-1]

    def gathered(self, terms: Any) -> Any:
        """sum_i t_i x_i, and sum_i t_i for the intercept, (p,): the transpose of ``moved``."""
        # terms @ inputs, not inputs.T @ terms: on CPU that is ten times as slow
        columns, xp = self._product(terms, self.inputs), self.world.xp
        return xp.append(columns, xp.sum(terms)) if self.intercept else columns

    def scales(self) -> Any:
        """The root mean square of each column, 1 for the intercept and where it is 0, (p,)."""
        xp, scales = self.world.xp, column_scales(self.inputs, self.weights)
        scales = xp.where(scales > 0, scales, 1)
        return xp.append(scales, xp.ones((), scales.dtype)) if self.intercept else scales

    def penalised(self, params: Any) -> Any:
        """The parameters with 0 for the intercept, (p,)."""
        return self.world.xp.append(params[:-1], 0 * params[-1:]) if self.intercept else params

    def value(self, params: Any) -> Any:
        """The smooth part of F: all but l1 |b|_1."""
        losses = self.weights @ self.world.losses(self.logits(params), self.labels)
        b = self.penalised(params)
        return losses + (self.l2 / 2 * b) @ b  # 0 for l2 = 0, even where the squares overflow

    def gradient(self, params: Any) -> Any:
        """The gradient of the smooth part, (p,)."""
        slopes = self.weights * self.world.slopes(self.logits(params), self.labels)
        return self.gathered(slopes) + self.l2 * self.penalised(params)

    def penalty_slopes(self, gradient: Any, params: Any) -> Any:
        """The subgradient of l1 |b|_1 that best cancels the gradient of the smooth part, (p,)."""
        xp = self.world.xp
        signed = self.l1 * xp.sign(params)
        pull = xp.where(params == 0, -xp.clip(gradient, -self.l1, self.l1), signed)
        return self.penalised(pull)

    def _product(self, left: Any, right: Any) -> Any:
        return left @ right if is_sparse(self.inputs) else self.world.matmul(left, right)
