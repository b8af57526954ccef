"""Elastic net on the host: proximal Newton steps in the columns that matter; NumPy and LAPACK.

F of problem.py with l1 > 0 has few coefficients that are not 0.  Each step takes as working set
the columns with a coefficient and those whose derivative is most above l1, at most as many again
or 128; there it minimises the quadratic model of the smooth part plus l1 |b|_1 exactly
(orthant_newton.py), and goes along the line to that place until F falls enough.  The derivatives of
all columns are taken at every step, so that what ends it is the optimality of the whole.

The hessian is float32 and taken anew only where it must be (kept_hessian.py), and so are the
logits far from the optimum; where float32 is too coarse, float64 takes over.  Many examples start
from the optimum of every 16th.

**More than one optimum.**  The logits of the optimum are unique; the coefficients are not where
columns with |derivative| = l1 depend on each other.  Then a ridge that vanishes gives the smallest
coefficients, and the direction along which F does not change is given too.

References:
    J. Lee, Y. Sun and M. Saunders, Proximal Newton-type methods for minimizing composite
    functions (2014).
    M. Massias, A. Gramfort and J. Salmon, Celer: a fast solver for the lasso with dual
    extrapolation (2018), for working sets that double.
    R. Tibshirani, The lasso problem and uniqueness (2013).
"""

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from bcejax.solvers.certificates import duality_gap
from bcejax.solvers.engines.apart import told_apart
from bcejax.solvers.engines.kept_hessian import KeptHessian
from bcejax.solvers.engines.orthant_newton import orthant_newton
from bcejax.solvers.engines.outcome import Certificate, Outcome
from bcejax.solvers.engines.separation import Sides
from bcejax.solvers.problem import Problem
from bcejax.solvers.status import SolverStatus

FIRST = 128  # columns of the first working set
STRIDE = 16
MANY = 2**14  # examples from which on a first fit to every 16th pays
ROUGH = 1e-3  # share of l1, and ten times the gradient norm, from which float64 logits are taken
FLATTEST = 1e-10  # share of a curvature 1 below which no example goes
HALVINGS = 40
PATIENCE = 3  # steps that do not halve the gradient norm; nor, in float64, let F fall
VANISHING = 1e-8  # share of the hessian that is the ridge of the smallest optimum


def working_set_newton(problem: Problem, start: np.ndarray, tol: float, max_steps: int) -> Outcome:
    """The engine of ``solver="proximal_newton"`` for NumPy arrays.

    Args:
        problem: NumPy float64; ``inputs`` may be SciPy's CSR. Made for l1 > 0.
        start: params (p,).
        tol: as in outcome.py.
        max_steps: steps at most, each with two passes over the inputs.

    Returns:
        Outcome of NumPy arrays, with its certificate.

    Example:
        >>> from bcejax.solvers.arguments import as_problem
        >>> problem = as_problem([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1], l1=0.1)
        >>> out = working_set_newton(problem, np.zeros(2), 1e-9, 50)
        >>> out.params.round(4), SolverStatus(int(out.status)).name
        (array([ 0.5003, -0.7504]), 'CONVERGED')
    """
    problem = _counted(problem)
    labels = problem.labels
    if problem.intercept and np.ptp(labels) == 0 and labels[0] in {0, 1}:
        away = np.append(np.zeros(len(start) - 1), 2 * labels[0] - 1)
        return _outcome(-np.log(FLATTEST) * away, 0, SolverStatus.SEPARATED, away)
    scales = problem.scales()
    if len(problem.labels) >= MANY:
        sample = _sample(problem)
        if np.ptp(sample.labels) > 0:
            rough = 1e-2 * float(problem.l1) / np.max(scales) + tol
            start = _Descent(sample, scales, rough).descend(start, max_steps).params / scales
    return _Descent(problem, scales, tol).run(start, max_steps)


def _counted(problem: Problem) -> Problem:
    """The examples that have weight: what others hold would enter the hessian's floor."""
    counts = problem.weights > 0
    if counts.all():
        return problem
    arrays = ("inputs", "labels", "weights", "offset")
    kept = {name: getattr(problem, name)[counts] for name in arrays}
    return dataclasses.replace(problem, **kept)


def _sample(problem: Problem) -> Problem:
    """Every 16th example."""
    weights = problem.weights[::STRIDE]
    inputs, labels = problem.inputs[::STRIDE], problem.labels[::STRIDE]
    share = np.sum(weights) or 1.0
    offset = problem.offset[::STRIDE]
    return Problem(
        inputs, labels, weights / share, offset, problem.l2, problem.l1, problem.intercept
    )


def _outcome(*fields: Any) -> Outcome:
    """An outcome of NumPy's arrays and Python's numbers, where the record names JAX's."""
    return Outcome(*fields)


class _Point(NamedTuple):
    """A place, in params u of the scaled columns, and what the next step needs."""

    params: np.ndarray  # (p,)
    logits: np.ndarray  # (n,)
    value: float  # F
    slope: np.ndarray  # (p,), the derivative of the smooth part
    curvatures: np.ndarray  # (n,)
    exact: bool  # the logits are float64's


class _Descent:
    """One fit; u = scales * params."""

    def __init__(self, problem: Problem, scales: np.ndarray, tol: float) -> None:
        self.problem, self.scales, self.tol = problem, scales, tol
        counted = np.ones(len(scales))
        counted[len(scales) - problem.intercept :] = 0
        self.l1 = counted * float(problem.l1) / scales
        self.l2 = counted * float(problem.l2) / scales**2
        self.model, self.fine = KeptHessian(problem.inputs, scales, np.float32), False
        self.ridge = np.zeros(len(scales))
        self.steps = 0

    def run(self, start: np.ndarray, max_steps: int) -> Outcome:
        """From start to the optimum, to the smallest if there are more."""
        point, away = self.descend(start, max_steps), np.zeros_like(start)
        norm, status = self.norm(point), SolverStatus.CONVERGED
        if not np.isfinite(norm):
            return _outcome(away + np.nan, self.steps, SolverStatus.DIVERGED, away)
        if norm > self.tol and self.steps >= max_steps:
            status = SolverStatus.MAX_STEPS
        elif self.problem.l2 == 0 and self.depend(point):
            point, away = self.smallest(point, max_steps)
            status = SolverStatus.SINGULAR if np.any(away) else SolverStatus.CONVERGED
        params = point.params / self.scales
        apart, endless, pinned = told_apart(self.problem, Sides.of(self.problem), params)
        if status == SolverStatus.CONVERGED and not pinned:
            status = SolverStatus.MAX_STEPS
        if apart:
            status, away = SolverStatus.SEPARATED, endless
        return _outcome(params, self.steps, status, away, self.certificate(point, params))

    def certificate(self, point: _Point, params: Any) -> Certificate:
        residuals: Any = self.problem.world.slopes(point.logits, self.problem.labels)
        logits: Any = point.logits
        value: Any = point.value
        norm: Any = self.norm(point)
        return Certificate(value, norm, duality_gap(self.problem, params, logits, residuals))

    def descend(self, start: np.ndarray, max_steps: int) -> _Point:
        """Steps until the gradient norm is at most tol, or rounding hides what is left."""
        point = self.exactly(start * self.scales)
        slow, before, value = 0, np.inf, np.inf
        while self.steps < max_steps:
            norm = self.norm(point)
            if not point.exact and self.near(norm):
                point = self.exactly(point.params)
                norm = self.norm(point)
            working, all_in = self.working_set(point)
            fell = point.value < value and self.fine
            slow = slow + 1 if all_in and norm > before / 2 and not fell else 0
            if not norm > self.tol or (slow == PATIENCE and self.fine):
                break
            if slow == PATIENCE:
                self.refine()
            before, value = norm, point.value
            point = self.step(point, working, norm)
            self.steps += 1
        return point

    def near(self, norm: float) -> bool:
        """Whether the logits have to be float64's."""
        return self.fine or norm <= max(ROUGH * np.max(self.l1), ROUGH / 10)

    def refine(self) -> None:
        """Go on in float64."""
        self.model, self.fine = KeptHessian(self.problem.inputs, self.scales, np.float64), True

    def step(self, point: _Point, working: np.ndarray, norm: float) -> _Point:
        """To where the model in the working set is least, or part of the way."""
        u, l1 = point.params[working], self.l1[working]
        slope = point.slope[working]
        hessian = self.model.of(working, point.curvatures)
        lift = self.l2[working] + self.ridge[working] * np.max(np.diagonal(hessian))
        hessian[np.diag_indices_from(hessian)] += lift.astype(hessian.dtype)
        move = orthant_newton(hessian, slope, u, l1, max(norm / 10, self.tol / 4)) - u
        params = np.zeros_like(point.params)
        params[working] = move
        exact = point.exact and self.near(norm)
        if exact:
            shift = self.problem.moved(params / self.scales)
        else:
            shift = self.model.moved(working, move)
        size, value = self.length(point, params, shift)
        # a full step ends at the very params of the model, zeros included
        there = point.params + size * params, point.logits + size * shift
        return self.at(*there, value, exact)

    def length(self, point: _Point, move: np.ndarray, shift: np.ndarray) -> tuple[float, float]:
        """1, 1/2, 1/4, ...: how much of the move lets F fall enough, to rounding, or 0; and F."""
        here = point.value
        l1 = self.l1 @ (np.abs(point.params + move) - np.abs(point.params))
        fall, size = point.slope @ move + l1, 1.0
        slack = 8 * np.finfo(np.float64).eps * here
        for _ in range(HALVINGS):
            there = self.value(point.params + size * move, point.logits + size * shift)
            if there <= here + 1e-4 * size * fall + slack:
                return size, there
            size /= 2
        return 0.0, here

    def value(self, u: np.ndarray, logits: np.ndarray) -> float:
        """F."""
        losses = self.problem.world.losses(logits, self.problem.labels)
        return float(self.problem.weights @ losses + self.l2 @ u**2 / 2 + self.l1 @ np.abs(u))

    def exactly(self, u: np.ndarray) -> _Point:
        """The point at u, with its logits from the inputs."""
        logits = self.problem.logits(u / self.scales)
        return self.at(u, logits, self.value(u, logits), True)

    def at(self, u: np.ndarray, logits: np.ndarray, value: float, exact: bool) -> _Point:
        problem, world = self.problem, self.problem.world
        terms = problem.weights * world.slopes(logits, problem.labels)
        slope = problem.gathered(terms) / self.scales + self.l2 * u
        curvatures = problem.weights * world.bends(logits) + FLATTEST / len(logits)
        return _Point(u, logits, value, slope, curvatures, exact)

    def misses(self, point: _Point) -> np.ndarray:
        """How far 0 is from the subdifferential of F, (p,)."""
        pulled = np.abs(point.slope + self.l1 * np.sign(point.params))
        return np.where(point.params != 0, pulled, np.maximum(np.abs(point.slope) - self.l1, 0))

    def norm(self, point: _Point) -> float:
        return float(np.max(self.misses(point), initial=0))

    def working_set(self, point: _Point) -> tuple[np.ndarray, bool]:
        """The params to step in, and whether they are all that should move."""
        moving = (point.params != 0) | (self.l1 == 0)
        misses = np.where(moving, 0, self.misses(point))
        wrong = np.flatnonzero(misses)
        room = max(FIRST, int(np.count_nonzero(moving)))
        all_in = len(wrong) <= room
        if not all_in:
            wrong = wrong[np.argpartition(-misses[wrong], room)[:room]]
        return np.union1d(np.flatnonzero(moving), wrong), all_in

    def depend(self, point: _Point) -> bool:
        """Whether the columns of the face hardly have full rank, in float32."""
        from scipy.linalg import lapack  # noqa: PLC0415

        hessian = self.model.of(self.face(point), point.curvatures)
        squares = np.diagonal(hessian).copy()
        potrf = lapack.spotrf if hessian.dtype == np.float32 else lapack.dpotrf
        factor, failed = potrf(hessian.T, overwrite_a=True)
        return bool(failed) or bool(np.any(np.diagonal(factor) ** 2 < 1e-4 * squares))

    def face(self, point: _Point) -> np.ndarray:
        """Params that may differ among optima: of columns with |derivative| = l1."""
        edge = np.abs(point.slope) >= self.l1 - 10 * max(self.tol, 1e-9 * np.max(self.l1))
        return np.flatnonzero((point.params != 0) | edge)

    def smallest(self, point: _Point, max_steps: int) -> tuple[_Point, np.ndarray]:
        """Of optima that may be many, the one of least norm, and a direction to others, or 0."""
        self.refine()
        units = np.where(self.l1 > 0, self.scales**-2.0, 0)
        # without it, rounding over rounding would go along directions that change nothing
        self.ridge = VANISHING * units / np.max(units)
        face = self.face(point)
        hessian = self.model.of(face, point.curvatures)
        ridge = self.ridge[face] * np.max(np.diagonal(hessian))
        u, slope = point.params[face], point.slope[face] + ridge * point.params[face]
        params = np.zeros_like(point.params)
        params[face] = orthant_newton(hessian + np.diag(ridge), slope, u, self.l1[face], 0)
        least = self.descend(params / self.scales, max_steps)
        away = self.level(least)
        other = (point.params - least.params) / self.scales
        apart = np.max(np.abs(other)) > 1e-5 * np.max(np.abs(point.params / self.scales))
        # a place that is merely as good as can be told has other logits
        moved = np.sqrt(self.problem.weights @ self.problem.moved(other) ** 2)
        level = moved <= 1e-4 * np.max(np.abs(other * self.scales))
        if not np.any(away) and apart and level:
            away = other / np.max(np.abs(other))
        return least, away

    def level(self, point: _Point) -> np.ndarray:
        """A direction of params along which F does not change, (p,), 0 where there is none."""
        away = np.zeros_like(point.params)
        moving = np.flatnonzero((point.params != 0) | (self.l1 == 0))
        values, vectors = np.linalg.eigh(self.model.of(moving, point.curvatures))
        if len(moving) and values[0] <= 64 * len(values) * np.finfo(np.float64).eps * values[-1]:
            away[moving] = vectors[:, 0] / self.scales[moving]
            away /= np.max(np.abs(away))
        return away
