r"""A problem in columns of one size, of which only products are taken.

Write m_j for the mean of column j under the weights (0 without an intercept) and s_j for its root
mean square deviation.  In

    beta_j = D_j b_j,   gamma = c + m·b,   D_j = hypot(s_j / 2, sqrt(l2))

every curvature of F is at most about 1, whatever the units of the columns.  The inputs stay as they
are, dense or sparse: x·b + c = x·(beta / D) + (gamma - m·(beta / D)).  A column that is constant
beside an intercept has derivative 0: what its sum less that of m is, is rounding alone.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from bcejax.solvers.engines.line_search import Along
from bcejax.solvers.matrices import constant_columns, mapped
from bcejax.solvers.problem import Problem
from bcejax.solvers.side_by_side import in_parts

RENEWED = 16  # steps after which logits are computed anew


class Columns(NamedTuple):
    """F in columns of one size; its params are beta, then gamma if there is one."""

    problem: Problem
    ridge: Any  # (p,), 0 for the intercept
    means: Any  # (p,), 0 for the intercept
    sizes: Any  # (p,), D and 1 for the intercept
    scales: Any  # (p,), Problem.scales
    varies: Any  # (p,), 0 for a column that is constant beside an intercept, else 1

    @classmethod
    def of(cls, problem: Problem) -> "Columns":
        """The problem so, without a copy of its inputs.

        Example:
            >>> from bcejax.solvers.arguments import as_problem
            >>> Columns.of(as_problem([[-4.0], [4.0]], [0, 1])).sizes
            array([2., 1.])
        """
        xp, p = problem.world.xp, problem.inputs.shape[1] + problem.intercept
        scales = problem.scales()
        if problem.intercept:
            means = problem.gathered(problem.weights) * (xp.arange(p) < p - 1)
        else:
            means = xp.zeros_like(scales)
        shares = xp.maximum(1 - (means / scales) ** 2, 1e-6)  # less is rounding
        sizes = xp.hypot(scales * xp.sqrt(shares) / 2, xp.sqrt(problem.l2))
        ridge = (xp.sqrt(problem.l2) / sizes) ** 2
        varies = xp.ones_like(scales)
        if problem.intercept:
            sizes, ridge = xp.append(sizes[:-1], 1 + 0 * sizes[-1:]), problem.penalised(ridge)
            constant = constant_columns(problem.inputs, problem.weights, shares[:-1] < 1e-3)
            varies = xp.append(1 - constant, varies[-1:])
        return cls(problem, ridge, means, sizes, scales, varies)

    def narrowed(self) -> "Columns":
        """In float32, where no column overflows; a copy."""
        problem, d = self.problem, self.problem.inputs.shape[1]
        narrow = in_float32(problem, lambda x, j: x / self.sizes[:d][j])
        rest = self.ridge, self.means / self.sizes, 0 * self.sizes + 1, self.scales / self.sizes
        ridge, means, sizes, scales = (each.astype(jnp.float32) for each in rest)
        tiny = float(jnp.finfo(jnp.float32).tiny)
        scales = problem.world.xp.maximum(scales, tiny)
        return Columns(narrow, ridge, means, sizes, scales, self.varies.astype(jnp.float32))

    def inward(self, params: Any) -> Any:
        """Params of the problem as those here."""
        return self._shifted(params * self.sizes, self.means @ params)

    def outward(self, inner: Any) -> Any:
        """The inverse of ``inward``."""
        params = inner / self.sizes
        return self._shifted(params, -(self.means @ params))

    def _shifted(self, params: Any, amount: Any) -> Any:
        if not self.problem.intercept:
            return params
        return self.problem.world.xp.append(params[:-1], params[-1:] + amount)

    def moved(self, inner: Any) -> Any:
        """What the params add to each logit, (n,)."""
        return self.problem.moved(self.outward(inner))

    def logits(self, inner: Any) -> Any:
        """All logits, (n,)."""
        return self.problem.offset + self.moved(inner)

    def advanced(self, inner: Any, logits: Any, steps: Any) -> Any:
        """The logits that a step moved, now and then anew, lest rounding add up."""
        world = self.problem.world
        return world.cond(steps % RENEWED == 0, lambda: self.logits(inner), lambda: logits)

    def gathered(self, terms: Any) -> Any:
        """The transpose of ``moved``, (p,)."""
        columns = self.problem.gathered(terms)
        if self.problem.intercept:
            columns = self.varies * (columns - self.means * columns[-1])
        return columns / self.sizes

    def gradient(self, inner: Any, logits: Any) -> Any:
        """dF / d params, (p,)."""
        problem = self.problem
        slopes = problem.weights * problem.world.slopes(logits, problem.labels)
        return self.gathered(slopes) + self.ridge * inner

    def norm(self, gradient: Any) -> Any:
        """The gradient norm of outcome.py."""
        xp, outer = self.problem.world.xp, gradient * self.sizes
        if self.problem.intercept:
            outer = outer + self.means * gradient[-1]
        return xp.max(xp.abs(outer) / self.scales)

    def along(self, inner: Any, logits: Any, step: Any, shift: Any) -> Along:
        """F and two derivatives in t at params + t step, whose logits are logits + t shift."""
        world, w, y = self.problem.world, self.problem.weights, self.problem.labels

        def at(t: Any) -> tuple[Any, Any, Any]:
            z, place, pull = logits + t * shift, inner + t * step, self.ridge * step
            value = w @ world.losses(z, y) + self.ridge @ place**2 / 2
            slope = (w * world.slopes(z, y)) @ shift + pull @ place
            return value, slope, (w * world.bends(z)) @ shift**2 + pull @ step

        return at


def in_float32(problem: Problem, each: Callable[[Any, Any], Any] = lambda x, _: x) -> Problem:
    """A copy in float32, of a function of each input and the number of its column.

    Example:
        >>> from bcejax.solvers.arguments import as_problem
        >>> in_float32(as_problem([[1.0]], [1]), lambda x, j: x / 2).inputs
        array([[0.5]], dtype=float32)
    """
    if isinstance(problem.inputs, np.ndarray):
        x, columns = problem.inputs, np.arange(problem.inputs.shape[1])
        inputs = np.empty(x.shape, np.float32)

        def part(first: int, end: int) -> None:
            inputs[first:end] = each(x[first:end], columns)

        in_parts(len(x), x.size, part)
    else:
        inputs = mapped(problem.inputs, lambda x, j: each(x, j).astype(jnp.float32))
    names = ("labels", "weights", "offset", "l2", "l1")
    rest = {name: getattr(problem, name).astype(jnp.float32) for name in names}
    return dataclasses.replace(problem, inputs=inputs, **rest)
