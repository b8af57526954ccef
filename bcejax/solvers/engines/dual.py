r"""L-BFGS for fewer examples than columns, among the examples.

Started at 0, params stay in the span of the examples: b = X'a for some a (n,), and so are the
gradient X'r + l2 b, r_i = w_i (s(z_i) - y_i), and every step.  All that L-BFGS asks of them (see
lbfgs.py) are inner products, (X'a)·(X'a') = a·XX'a', and sums; so each is kept as a and XX'a, with
its part in the intercept, and the logits follow without a pass.  A step takes two products, for the
new gradient's XX'a, of a float32 copy.

Newton's steps, by conjugate gradients in a or in b, take about as many products where columns are
independent, and more where they correlate.

**Refinement.**  A gradient is the last one of float64 and a float32 product of the change since,
which rounds each step a little.  Where it seems small enough b, the logits and the gradient are
taken in float64; if this is too large the steps go on from there, with less to go and so less to
round, until it is not or does not halve.

Sources: B. Scholkopf and A. J. Smola, Learning with kernels (2002), section 4.2; J. Nocedal and
S. Wright, Numerical Optimization, 2nd ed. (2006), algorithm 7.4.
"""

import dataclasses
from collections import deque
from typing import Any, NamedTuple

import numpy as np

from bcejax.solvers.certificates import duality_gap
from bcejax.solvers.engines.columns import in_float32
from bcejax.solvers.engines.lbfgs import finished
from bcejax.solvers.engines.line_search import Along, wolfe_size
from bcejax.solvers.engines.outcome import Certificate, Outcome
from bcejax.solvers.engines.separation import Sides
from bcejax.solvers.problem import Problem
from bcejax.solvers.worlds import NUMPY

MEMORY = 6  # last steps; more tell hardly more
NARROW = 2e-6  # gradient norm that float32 may reach at first
SPARE = 0.1  # of tol, as steps of Newton's leave it; a small l2 lets params feel the rest


class _Spanned(NamedTuple):
    """Params, or a gradient or a step in them."""

    dual: np.ndarray  # (n,): a
    lift: Any  # (): that of the intercept, or 0
    moved: np.ndarray  # (n,): XX'a

    def dot(self, other: "_Spanned") -> Any:
        return self.dual @ other.moved + self.lift * other.lift

    def plus(self, size: Any, other: "_Spanned") -> "_Spanned":
        return _Spanned(*(mine + size * more for mine, more in zip(self, other, strict=True)))


class _Pair(NamedTuple):
    """A step and the change of gradient that it made."""

    step: _Spanned
    change: _Spanned
    product: Any  # (), of both


class _Exact(NamedTuple):
    """Params in float64, and what two passes tell of them."""

    params: np.ndarray  # (p,)
    logits: np.ndarray  # (n,)
    gradient: np.ndarray  # (p,)
    norm: Any  # () of the gradient
    place: _Spanned


def dual_lbfgs(problem: Problem, start: np.ndarray, tol: float, max_steps: int) -> Outcome:
    """The engine for wide inputs of NumPy's or SciPy's with l2 > 0; it starts from 0."""
    descent = _Descent.of(problem)
    here = descent.exact(0 * problem.offset, 0 * start, problem.offset)
    goal, before, steps = max(tol, NARROW), np.inf, 1
    while tol < here.norm <= before / 2 and steps < max_steps:
        before = here.norm
        place, taken = descent.down(here, goal, max_steps - steps)
        here, goal, steps = descent.renewed(place), SPARE * tol, steps + taken
    out = finished(problem, Sides.of(problem), here.params, here.norm <= tol, steps)
    return out._replace(certificate=_certificate(problem, here))


def _certificate(problem: Problem, here: _Exact) -> Certificate:
    """That of certificates.py, in one pass, for the logits and the gradient norm are known."""
    b = problem.penalised(here.params)
    losses = problem.weights @ NUMPY.losses(here.logits, problem.labels)
    residuals = NUMPY.slopes(here.logits, problem.labels)
    gap = duality_gap(problem, here.params, here.logits, residuals)
    return Certificate(losses + (problem.l2 / 2 * b) @ b, here.norm, gap)


class _Descent(NamedTuple):
    """One problem, and its inputs in float32."""

    problem: Problem
    narrow: Problem  # without its intercept
    scales: np.ndarray  # (p,), Problem.scales

    @classmethod
    def of(cls, problem: Problem) -> "_Descent":
        narrow = dataclasses.replace(in_float32(problem), intercept=False)
        return cls(problem, narrow, problem.scales())

    def renewed(self, place: _Spanned) -> _Exact:
        """Without what rounding has left of the logits."""
        params = self.problem.gathered(place.dual)
        if self.problem.intercept:
            params[-1] = place.lift
        return self.exact(place.dual, params, self.problem.logits(params))

    def exact(self, dual: np.ndarray, params: np.ndarray, logits: np.ndarray) -> _Exact:
        """With the gradient, in one pass."""
        problem = self.problem
        slopes = problem.weights * NUMPY.slopes(logits, problem.labels)
        gradient = problem.gathered(slopes) + problem.l2 * problem.penalised(params)
        lift = params[-1] if problem.intercept else 0.0
        place = _Spanned(dual, lift, logits - problem.offset - lift)
        return _Exact(params, logits, gradient, self._norm(gradient), place)

    def down(self, start: _Exact, goal: float, limit: int) -> tuple[_Spanned, int]:
        """Steps until the norm of the gradient seems to be at the goal, and their number."""
        pairs: deque[_Pair] = deque(maxlen=MEMORY)
        here, known, steps = start.place, self._residual(start.place), 0
        gradient, norm = self._gradient(here, known, start.gradient)
        while norm > goal and steps < limit:
            step = _newton_like(pairs, gradient)
            size = wolfe_size(NUMPY, self._along(here, step), here.dual)
            if size == 0:
                break
            here, before = here.plus(size, step), gradient
            gradient, norm = self._gradient(here, known, start.gradient)
            step, change = step.plus(size - 1, step), gradient.plus(-1, before)
            pair = _Pair(step, change, step.dot(change))
            if pair.product > 0:
                pairs.append(pair)
            steps += 1
        return here, steps

    def _residual(self, place: _Spanned) -> np.ndarray:
        """r + l2 a, (n,)."""
        problem = self.problem
        slopes = NUMPY.slopes(problem.offset + place.moved + place.lift, problem.labels)
        return problem.weights * slopes + problem.l2 * place.dual

    def _gradient(
        self, here: _Spanned, known: np.ndarray, there: np.ndarray
    ) -> tuple[_Spanned, Any]:
        """And its norm, by how far it is from that of a place where both are known.

        What X maps to 0 need not vanish from r + l2 a, but changes less and less.
        """
        residual = self._residual(here)
        d = self.problem.inputs.shape[1]
        columns = there[:d] + self.narrow.gathered(np.float32(residual - known))
        lift = np.sum(residual - self.problem.l2 * here.dual) if self.problem.intercept else 0.0
        norm = self._norm(np.append(columns, lift) if self.problem.intercept else columns)
        moved = self.narrow.moved(np.float32(columns))
        return _Spanned(residual, lift, moved.astype(float)), norm

    def _norm(self, gradient: np.ndarray) -> Any:
        return np.max(np.abs(gradient) / self.scales)

    def _along(self, here: _Spanned, step: _Spanned) -> Along:
        """F and two derivatives in t at here + t step."""
        w, y, l2 = self.problem.weights, self.problem.labels, self.problem.l2
        logits, shift = self.problem.offset + here.moved + here.lift, step.moved + step.lift
        square, cross, bend = (
            one.dual @ other.moved for one, other in ((here, here), (here, step), (step, step))
        )

        def at(t: Any) -> tuple[Any, Any, Any]:
            z = logits + t * shift
            value = w @ NUMPY.losses(z, y) + l2 / 2 * (square + t * (2 * cross + t * bend))
            slope = (w * NUMPY.slopes(z, y)) @ shift + l2 * (cross + t * bend)
            return value, slope, (w * NUMPY.bends(z)) @ shift**2 + l2 * bend

        return at


def _newton_like(pairs: deque[_Pair], gradient: _Spanned) -> _Spanned:
    """-B G; the two loops of Nocedal."""
    rest, sizes = gradient, []
    for step, change, product in reversed(pairs):
        sizes.append(step.dot(rest) / product)
        rest = rest.plus(-sizes[-1], change)
    scale = pairs[-1].product / pairs[-1].change.dot(pairs[-1].change) if pairs else 1.0
    result = rest.plus(-1 - scale, rest)
    for (step, change, product), size in zip(pairs, reversed(sizes), strict=True):
        result = result.plus(-size - change.dot(result) / product, step)
    return result
