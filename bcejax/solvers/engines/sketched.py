r"""Many examples on the host: steps from samples, gradients from all.

Newton's method spends its time on hessians, yet needs them only roughly, while the gradient alone
decides where it ends.  So, for n examples much more than the p params,

    1. Newton in float32 on a sample spread over all examples, then one step on a sample four times
       as large: params b off by about sqrt(p / m) standard errors of one example, for m of them;
    2. one pass over all examples at b: the float64 gradient G, the scales of the columns and, from
       runs of examples, a float32 hessian H;
    3. b <- b - B G(b) with B = H^-1, which each step teaches (BFGS) what those runs missed: a pass
       each, in which G shrinks by about sqrt(p / m) for runs of m examples in all.

Where the inputs are few enough for a float32 copy of them to stay in the cache, one sample does,
H is a sample's too, and steps go by float32 gradients of all examples until these tell no more;
the last ones, and what is certified, by float64.

The inputs are read where they lie, by several threads (blockwise.py); times of whole fits are in
the record of experiments/speed_of_solvers.  Where a step does not halve the gradient norm, B
becomes the inverse of the float32 hessian of all examples at b.

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

from typing import NamedTuple

import numpy as np

from bcejax.solvers.engines.blockwise import Blockwise
from bcejax.solvers.engines.outcome import Certificate, Outcome
from bcejax.solvers.engines.sampling import Metric, from_samples
from bcejax.solvers.problem import Problem
from bcejax.solvers.side_by_side import plain_products
from bcejax.solvers.status import SolverStatus

MANY = 1000  # examples, at least: of fewer all hessians are soon taken
FEWEST = 2**13  # numbers among the inputs from which on this pays
PER_PARAM = 128  # examples of the larger sample for each param, at least
SHARE = 16  # of all examples are in it, at least
BENT = 512  # the same of the hessian
BENT_SHARE = 8
ROUGH = 1e-7  # gradient norm that float32 sums can tell from 0, about
ROUGH_BENT = 100  # examples of the hessian for each param where these are enough
LEFT = 0.8  # of the gradient norm, at most, by a step of float32's
SOUND = 1e-4  # least pivot that float32 sums leave some digits


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
    return n >= MANY and n * d >= FEWEST and n >= 4 * d


def sketched(problem: Problem, start: np.ndarray, tol: float, max_steps: int) -> Outcome:
    """The engine for many examples of NumPy's, without l1.

    Any status but CONVERGED leaves the question to another engine, which may begin at the params.
    """
    n, p = len(problem.labels), len(start)
    sample = -(-n // max(PER_PARAM * p, n // SHARE))
    bent = -(-n // max(BENT * p, n // BENT_SHARE))
    with np.errstate(all="ignore"), plain_products(problem.inputs.size):
        whole = Blockwise.of(problem)
        begun = start[: whole.inputs.shape[1]].any()
        params = start * whole.sizes if begun else from_samples(whole, sample)
        near = not begun and whole.kept is not None and max_steps > 1
        here = _approach(whole, params, tol, max_steps) if near else _begin(whole, params, bent)
        params, steps, certificate = _descend(whole, here, tol, max_steps)
    params = params / whole.sizes if np.isfinite(params).all() else start
    status = SolverStatus.CONVERGED if certificate else SolverStatus.MAX_STEPS
    return Outcome(params, np.int32(steps), np.int32(status), 0 * start, certificate)


class _Point(NamedTuple):
    """Params, what is known of them, and the passes that it took."""

    params: np.ndarray  # (p,)
    gradient: np.ndarray  # (p,)
    scales: np.ndarray  # (p,), of the columns
    metric: Metric
    steps: int


def _begin(whole: Blockwise, params: np.ndarray, stride: int) -> _Point:
    """All in one pass."""
    gradient, scales, hessian = whole.begin(params, stride)
    return _Point(params, gradient, scales, Metric.of(hessian), 1)


def _approach(whole: Blockwise, params: np.ndarray, tol: float, max_steps: int) -> _Point:
    """Steps by what float32 tells, while they help."""
    assert whole.scales is not None
    stride = max(1, len(whole.inputs) // (ROUGH_BENT * len(params)))
    (gradient, hessian), scales = whole.rough_curvature(params, stride), whole.scales
    metric, norm, steps = Metric.of(hessian), _norm(gradient, scales), 1
    trial = params - metric.inverse @ gradient
    while norm > max(ROUGH, tol) and steps < max_steps - 1:
        onward = whole.rough_gradient(trial)
        steps, reached = steps + 1, _norm(onward, scales)
        if not reached < LEFT * norm:
            trial = params
            break
        metric = metric.taught(trial - params, onward - gradient)
        params, gradient, norm = trial, onward, reached
        trial = params - metric.inverse @ gradient
    return _Point(trial, whole.gradient(trial), scales, metric, steps + 1)


def _descend(
    whole: Blockwise, here: _Point, tol: float, max_steps: int
) -> tuple[np.ndarray, int, Certificate | None]:
    """Steps by B until the optimum is near, which has a certificate, or hope is lost."""
    params, gradient, scales, metric, steps = here
    norm, fresh, slow = _norm(gradient, scales), False, False
    while np.isfinite(norm):
        if norm <= tol:
            certificate = whole.certificate(params, gradient, norm, scales)
            if certificate.duality_gap <= tol / 10 or (
                fresh and _is_near(whole, metric, gradient, scales)
            ):
                return params, steps, certificate
            if fresh and not metric.least > SOUND:
                break
        if not fresh and (slow or norm <= tol):
            metric, fresh = Metric.of(whole.curvature(params)[1]), True
            continue
        if steps == max_steps:
            break
        trial, enough = params - metric.inverse @ gradient, max(norm / 2, tol)
        onward = whole.gradient(trial)
        steps, reached = steps + 1, _norm(onward, scales)
        slow = not reached <= enough
        if reached < norm:
            metric, fresh = metric.taught(trial - params, onward - gradient), False
            params, gradient, norm = trial, onward, reached
        elif fresh:
            break
    return params, steps, None


def _norm(gradient: np.ndarray, scales: np.ndarray) -> np.float64:
    return np.max(np.abs(gradient) / scales)


def _is_near(whole: Blockwise, metric: Metric, gradient: np.ndarray, scales: np.ndarray) -> bool:
    """Whether a hessian of all examples shows that the optimum is."""
    step = metric.inverse @ gradient
    modest = np.max(np.abs(step) * scales) <= 1e-2 / np.sqrt(len(whole.inputs))
    return bool(modest and metric.least > SOUND)
