r"""L-BFGS for fewer examples than columns, among the examples.

Started at 0, params stay in the span of the examples: b = X'a for some a (n,), and so are the
gradient X'r + l2 b, r_i = w_i (s(z_i) - y_i), and every step.  All that L-BFGS asks of them (see
lbfgs.py) are inner products, (X'a)·(X'a') = a·XX'a', and sums; so each is kept as a and XX'a, with
its part in the intercept, and the logits follow without a pass.  A step takes one product with XX',
for the new gradient.  Of FEW dense examples, no more than columns, XX' is formed, in float32, which
most fits take steps enough to pay for; else a product is two passes over a float32 copy.

**Refinement.**  A gradient is the last one of float64 and a float32 product of the change since,
which rounds each step a little.  Where it seems small enough b, the logits and the gradient are
taken in float64; if this is too large the steps go on from there, with less to go and so less to
round, until it is not or does not halve.

**Patience.**  Steps are many where columns correlate, where examples stand twice, and where l2 is
small.  After so many of them, or where they stall, the memory corrects Newton's step in place of a
multiple of the gradient, if XX' is formed.  Of the gradient X'g, and h in the intercept, that step
is -X'a and -c with, for W of the weights times s(z_i) s(-z_i) at one place,

    (l2 W^-1 + XX') a + c = W^-1 g,   l2 sum a = sum g - h        c and the second with an intercept

Sources: B. Scholkopf and A. J. Smola, Learning with kernels (2002), sections 4.2 and 10.6;
J. Nocedal and S. Wright, Numerical Optimization, 2nd ed. (2006), algorithm 7.4.
"""

import dataclasses
import functools
import operator
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from bcejax.solvers.certificates import duality_gap
from bcejax.solvers.engines.columns import in_float32
from bcejax.solvers.engines.lbfgs import finished
from bcejax.solvers.engines.line_search import Along, wolfe_size
from bcejax.solvers.engines.outcome import Certificate, Outcome
from bcejax.solvers.engines.separation import Sides
from bcejax.solvers.problem import Problem
from bcejax.solvers.side_by_side import in_parts, plain_products
from bcejax.solvers.worlds import NUMPY

FEW = 2**11  # examples
MEMORY = 6  # last steps; more tell hardly more
PATIENCE = 150  # steps, which take longer than a factor of XX'
ROUGH = 1e-5  # share of the gradient that float32 leaves at first
FINE = 1e-3  # and by Newton's steps, at once: less may be rounding of what X maps to 0
SPARE = 0.1  # of tol, as steps of Newton's leave it; a small l2 lets params feel the rest
FLAT = 1e-6  # of the largest curvature of an example, which the least counts as


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


class _Known(NamedTuple):
    """A gradient in float64."""

    residual: np.ndarray  # (n,)
    columns: np.ndarray  # (d,): without that in the intercept
    moved: np.ndarray  # (n,)


class _Exact(NamedTuple):
    """Params in float64, and what two passes tell of them."""

    params: np.ndarray  # (p,)
    logits: np.ndarray  # (n,)
    gradient: np.ndarray  # (p,)
    norm: Any  # () of the gradient
    place: _Spanned


_Change: TypeAlias = Callable[[_Known, np.ndarray], tuple[np.ndarray, Any]]
_Inverse: TypeAlias = Callable[[_Spanned], _Spanned]


def dual_lbfgs(problem: Problem, start: np.ndarray, tol: float, max_steps: int) -> Outcome:
    """The engine for wide inputs of NumPy's or SciPy's with l2 > 0; it starts from 0."""
    with plain_products(problem.inputs.size):
        here, steps = _descended(problem, tol, max_steps)
    out = finished(problem, Sides.of(problem), here.params, here.norm <= tol, steps)
    return out._replace(certificate=_certificate(problem, here))


def _descended(problem: Problem, tol: float, max_steps: int) -> tuple[_Exact, int]:
    """Where the steps end, and their number."""
    descent, nothing = _Descent.of(problem), 0 * problem.offset
    place = _Spanned(nothing, 0.0, nothing)
    known = _Known(nothing, np.zeros(problem.inputs.shape[1]), nothing)
    share, before, steps, inverse = ROUGH, np.inf, 1, None
    while True:
        patience = max_steps if descent.gram is None or inverse else min(PATIENCE, max_steps)
        place, steps = descent.down(place, known, share, inverse, steps, patience)
        here = descent.renewed(place)
        if not tol < here.norm < np.inf or steps >= max_steps:
            break
        halved = here.norm <= before / 2
        if descent.gram is not None and not inverse and not (halved and steps < PATIENCE):
            inverse = descent.inverse(here)
        elif not halved:
            break
        share, before = max(SPARE * tol / here.norm, FINE if inverse else 0.0), here.norm
        place, known = here.place, descent.known(here)
    return here, steps


def _certificate(problem: Problem, here: _Exact) -> Certificate:
    """That of certificates.py, of logits and a gradient that are known."""
    b = problem.penalised(here.params)
    losses = problem.weights @ NUMPY.losses(here.logits, problem.labels)
    residuals = NUMPY.slopes(here.logits, problem.labels)
    sums = here.gradient - problem.l2 * b
    gap = duality_gap(problem, here.params, here.logits, residuals, sums)
    return Certificate(losses + (problem.l2 / 2 * b) @ b, here.norm, gap)


class _Descent(NamedTuple):
    """One problem, how its examples multiply, and what its steps have told."""

    problem: Problem
    scales: np.ndarray  # (p,), Problem.scales
    gram: np.ndarray | None  # (n, n): XX', where it is formed
    changed: _Change  # XX' times a residual by how far it is from a known one; |X'r| in some norm
    pairs: deque[_Pair]  # of the last steps

    @classmethod
    def of(cls, problem: Problem) -> "_Descent":
        scales, gram = problem.scales(), _gram(problem.inputs)
        changed = _by_passes(problem, scales) if gram is None else _by(gram)
        return cls(problem, scales, gram, changed, deque(maxlen=MEMORY))

    def renewed(self, place: _Spanned) -> _Exact:
        """Without what rounding has left of the logits, and with the gradient, in three passes."""
        problem = self.problem
        params = problem.gathered(place.dual)
        if problem.intercept:
            params[-1] = place.lift
        logits = problem.logits(params)
        slopes = problem.weights * NUMPY.slopes(logits, problem.labels)
        gradient = problem.gathered(slopes) + problem.l2 * problem.penalised(params)
        norm = np.max(np.abs(gradient) / self.scales)
        place = place._replace(moved=logits - problem.offset - place.lift)
        return _Exact(params, logits, gradient, norm, place)

    def known(self, here: _Exact) -> _Known:
        """The gradient of a place, in one pass."""
        columns = self.problem.penalised(here.gradient)
        moved = self.problem.moved(columns)
        columns = columns[: self.problem.inputs.shape[1]]
        return _Known(self._residual(here.place), columns, moved)

    def down(
        self,
        here: _Spanned,
        known: _Known,
        share: float,
        inverse: _Inverse | None,
        steps: int,
        limit: int,
    ) -> tuple[_Spanned, int]:
        """Steps until a share of the gradient seems to be left, and their number."""
        gradient, norm = self._gradient(here, known)
        enough = share * norm
        while norm > enough and steps < limit:
            step = self._step(gradient, inverse or self._scaled)
            size = wolfe_size(NUMPY, self._along(here, step), here.dual)
            if size == 0:
                break
            here, before = here.plus(size, step), gradient
            gradient, norm = self._gradient(here, known)
            step, change = step.plus(size - 1, step), gradient.plus(-1, before)
            pair = _Pair(step, change, step.dot(change))
            if pair.product > 0:
                self.pairs.append(pair)
            steps += 1
        return here, steps

    def _residual(self, place: _Spanned) -> np.ndarray:
        """r + l2 a, (n,)."""
        problem = self.problem
        slopes = NUMPY.slopes(problem.offset + place.moved + place.lift, problem.labels)
        return problem.weights * slopes + problem.l2 * place.dual

    def _gradient(self, here: _Spanned, known: _Known) -> tuple[_Spanned, Any]:
        """By how far it is from a known one, and its norm.

        What X maps to 0 need not vanish from r + l2 a, but changes less and less.
        """
        residual = self._residual(here)
        lift = np.sum(residual - self.problem.l2 * here.dual) if self.problem.intercept else 0.0
        moved, norm = self.changed(known, residual)
        return _Spanned(residual, lift, moved), np.hypot(norm, lift)

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

    def _step(self, gradient: _Spanned, inverse: _Inverse) -> _Spanned:
        """-B G; the two loops of Nocedal."""
        rest, sizes = gradient, []
        for step, change, product in reversed(self.pairs):
            sizes.append(step.dot(rest) / product)
            rest = rest.plus(-sizes[-1], change)
        result = inverse(rest)
        for (step, change, product), size in zip(self.pairs, reversed(sizes), strict=True):
            result = result.plus(size - change.dot(result) / product, step)
        return result.plus(-2, result)

    def _scaled(self, gradient: _Spanned) -> _Spanned:
        """By the curvature along the last step."""
        if not self.pairs:
            return gradient
        _, change, product = self.pairs[-1]
        return gradient.plus(product / change.dot(change) - 1, gradient)

    def inverse(self, here: _Exact) -> _Inverse:
        """Newton's step against a gradient, with the curvatures of a place."""
        from scipy.linalg import lapack  # noqa: PLC0415

        problem, gram = self.problem, self.gram
        assert gram is not None
        bends = problem.weights * NUMPY.bends(here.logits)
        bends = np.maximum(bends, FLAT * np.max(bends))
        # as much as float32 may have rounded off
        slack = np.finfo(gram.dtype).eps * np.max(np.sum(np.abs(gram), axis=1))
        matrix = gram.astype(float)
        np.einsum("ii->i", matrix)[:] += problem.l2 / bends + slack
        factor, _ = lapack.dpotrf(matrix.T, overwrite_a=True)

        def solved(right: np.ndarray) -> np.ndarray:
            return lapack.dpotrs(factor, right)[0]

        ones = solved(np.ones(len(bends))) if problem.intercept else np.zeros(len(bends))
        total = np.sum(ones) or 1.0

        def inverse(gradient: _Spanned) -> _Spanned:
            a, excess = solved(gradient.dual / bends), np.sum(gradient.dual) - gradient.lift
            lift = (np.sum(a) - excess / problem.l2) / total if problem.intercept else 0.0
            a = a - lift * ones
            return _Spanned(a, lift, _product(gram, a))

        return inverse


def _gram(inputs: Any) -> np.ndarray | None:
    """XX' (n, n) in float32 of FEW dense examples, fewer than columns; of others None."""
    if not isinstance(inputs, np.ndarray) or len(inputs) > min(FEW, inputs.shape[1]):
        return None

    def part(first: int, end: int) -> np.ndarray:
        columns = inputs[:, first:end].astype(np.float32)
        return np.dot(columns, columns.T)

    return functools.reduce(operator.iadd, in_parts(inputs.shape[1], inputs.size, part))


def _product(gram: np.ndarray, dual: np.ndarray) -> np.ndarray:
    """XX'a (n,), by half of the symmetric XX'."""
    from scipy.linalg import blas  # noqa: PLC0415

    product: np.ndarray = blas.ssymv(1, gram.T, dual.astype(gram.dtype))
    return product.astype(float)


def _by(gram: np.ndarray) -> _Change:
    def changed(known: _Known, residual: np.ndarray) -> tuple[np.ndarray, Any]:
        change = residual - known.residual
        moved = known.moved + _product(gram, change)
        # not of all the residual, of whose part that X maps to 0 rounding would leave more
        square = known.columns @ known.columns + change @ (known.moved + moved)
        return moved, np.sqrt(np.maximum(square, 0))

    return changed


def _by_passes(problem: Problem, scales: np.ndarray) -> _Change:
    narrow = dataclasses.replace(in_float32(problem), intercept=False)
    scales = scales[: problem.inputs.shape[1]]

    def changed(known: _Known, residual: np.ndarray) -> tuple[np.ndarray, Any]:
        change = (residual - known.residual).astype(np.float32)
        columns = known.columns + narrow.gathered(change)
        moved = narrow.moved(columns.astype(np.float32)).astype(float)
        return moved, np.max(np.abs(columns) / scales)

    return changed
