"""A small quadratic with an l1 penalty, exactly, by Newton steps that stay in an orthant; NumPy.

For H (m, m) positive semidefinite, a gradient g (m,), a place x0 and penalties r_j >= 0, minimise

    q(x) = g·(x - x0) + (x - x0)·H (x - x0) / 2 + sum_j r_j |x_j|.

In an orthant q is a quadratic.  The orthant of x is that of its signs, and of the downhill sign
where x_j = 0 and |q's smooth derivative| > r_j; the other zeros stay.  A Newton step in the
coordinates that may move is cut off where they change sign, and quartered until q falls; the signs
settle after a few steps, and then the last one is exact, zeros included.  Where H is flat a step
would go far and be cut short; then H gets a ridge, which goes again (Levenberg).

Reference: D. P. Bertsekas, Projected Newton methods for optimization problems with simple
constraints (1982); coordinates at a bound with the gradient against it stay out of H, as there.
"""

import numpy as np

TRIALS = 30
RIDGES = 12
SOME, BIG = 1e-7, 256.0  # shares of H's diagonal that the ridge begins and ends with


def orthant_newton(
    hessian: np.ndarray,
    gradient: np.ndarray,
    start: np.ndarray,
    penalties: np.ndarray,
    tol: float,
    max_steps: int = 50,
) -> np.ndarray:
    """The x where q is least, or after ``max_steps`` one where it is less.

    Args:
        hessian: H (m, m), float32 or float64, which is the precision of the steps.
        gradient: g (m,).
        start: x0 (m,).
        penalties: r (m,); a coordinate with 0 is free.
        tol: the largest distance of a derivative from what the minimum takes.
        max_steps: Cholesky factorisations at most.

    Returns:
        x (m,), float64, with exact zeros.

    Example:
        >>> orthant_newton(np.eye(2), np.array([-3.0, 0.5]), np.zeros(2), np.ones(2), 1e-9)
        array([2., 0.])
    """
    x, slope = start, gradient
    top = np.max(np.diagonal(hessian), initial=0)
    ridge = least = 8 * np.finfo(hessian.dtype).eps * top
    for _ in range(max_steps):
        downhill = np.where(np.abs(slope) > penalties, -np.sign(slope), 0)
        signs = np.where(x != 0, np.sign(x), downhill)
        moving = np.flatnonzero((signs != 0) | (penalties == 0))
        rest = slope[moving] + penalties[moving] * signs[moving]
        if np.max(np.abs(rest), initial=0) <= tol:
            break
        step = np.zeros_like(x)
        step[moving] = -_solved(hessian, moving, rest, ridge)
        trial, move, change = _cut(hessian, slope, x, step, signs * penalties)
        if not np.any(move):
            break  # rounding hides any fall
        x, slope = x + move, slope + change
        # a step that is cut short went where H is flat
        ridge = (
            max(ridge / 16, least) if trial == 0 else min(16 * max(ridge, SOME * top), BIG * top)
        )
    return x


def _cut(
    hessian: np.ndarray,
    slope: np.ndarray,
    x: np.ndarray,
    step: np.ndarray,
    signed: np.ndarray,
) -> tuple[int, np.ndarray, np.ndarray]:
    """How often the step is quartered, what of it changes no sign, and how the slope changes."""
    for trial in range(TRIALS):
        there = x + step / 4**trial
        move = np.where(there * signed < 0, -x, there - x)
        change = (hessian @ move.astype(hessian.dtype)).astype(x.dtype)
        linear = (slope + signed) @ move
        if move @ change / 2 <= -(1 - 1e-4) * linear:
            return trial, move, change
    return TRIALS, np.zeros_like(x), np.zeros_like(x)


def _solved(hessian: np.ndarray, moving: np.ndarray, right: np.ndarray, ridge: float) -> np.ndarray:
    """(H + ridge)^-1 right in the coordinates that move, with as much more as gives a factor."""
    from scipy.linalg import lapack  # noqa: PLC0415

    # NumPy's Cholesky takes float64 alone, which is half as fast
    posv = lapack.sposv if hessian.dtype == np.float32 else lapack.dposv
    for _ in range(RIDGES):
        block = hessian[np.ix_(moving, moving)]
        np.einsum("ii->i", block)[:] += ridge
        # .T is in LAPACK's order, so that nothing is copied
        _, solution, failed = posv(block.T, right.astype(block.dtype), overwrite_a=True)
        if not failed:
            return solution.astype(right.dtype)
        ridge *= 16
    return np.zeros_like(right)
