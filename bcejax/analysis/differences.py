"""Finite differences with their best step, and how far they can reach.

The central difference D(h) = (f(x + h e) - f(x - h e)) / 2h of a function that is computed to a
relative error u has

    error  =  h^2 |f'''| / 6  +  u |f| / h,    smallest near h = (3 u |f / f'''|)^(1/3),

so it keeps about two thirds of the digits of f: the floor that no step goes below. A scan over
powers of two finds it without knowing f'''. The scan chooses the step that flatters the
reference most: a floor says that a reference is right when it is near u^(2/3), not when it is
merely small.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from bcejax.analysis.ulp import relative_error

STEPS = tuple(2.0**-power for power in range(1, 30))


class StepScan(NamedTuple):
    """Central differences at each step, and the best of them.

    Example:
        >>> scan = scan_steps(lambda x: jnp.exp(x[0]), np.float32([1]), [np.e])
        >>> worst = scan.steps[scan.errors.argmax()]
        >>> bool(worst < scan.step), scan.gradient.round(3)
        (True, array([2.718]))
    """

    steps: np.ndarray  # (k,)
    errors: np.ndarray  # (k,) relative_error of each gradient; nan counts as the worst
    step: float  # the step with the smallest error
    floor: float  # that error
    gradient: np.ndarray  # (d,) float64, at that step


def central_difference(
    f: Callable[[jax.Array], jax.Array], x: ArrayLike, step: float
) -> np.ndarray:
    """The gradient of f at x by central differences.

    Args:
        f: maps a float array (d,) to a scalar, traceable by jax; its rounding is what limits
            the result, so pass it as it will be used (in float32, say).
        x: point (d,) in the dtype f shall work in.
        step: h > 0; coordinate i moves by h max(1, |x_i|), rounded to the dtype of x.

    Returns:
        float64 gradient (d,); the quotients themselves are taken in float64.

    Raises:
        ValueError: the step is not positive, or too small to move every coordinate.

    Example:
        >>> central_difference(lambda x: x[0] ** 2 + x[1], np.float32([3, 0]), 2**-6)
        array([6., 1.])
    """
    return _quotients(jax.jit(lambda points: jax.lax.map(f, points)), _point(x), step)


def scan_steps(
    f: Callable[[jax.Array], jax.Array],
    x: ArrayLike,
    reference: ArrayLike,
    *,
    steps: Sequence[float] = STEPS,
) -> StepScan:
    """Central differences at many steps, held against a gradient that is known.

    Args:
        f: as in ``central_difference``; called 2 d times for each step.
        x: point (d,).
        reference: the gradient (d,), from a closed form or from more digits.
        steps: candidates; those too small to move every coordinate are left out.

    Returns:
        A ``StepScan``.

    Raises:
        ValueError: no step moves every coordinate, or the shapes differ.

    Example:
        >>> scan = scan_steps(lambda x: jnp.exp(x[0]), np.float32([1]), [np.e])
        >>> 2**-12 < scan.step < 2**-4, scan.floor < 1e-4
        (True, True)
    """
    x = _point(x)
    moving = np.array([step for step in steps if np.all(_widths(x, step) > 0)])
    if not moving.size:
        raise ValueError(f"steps {tuple(steps)} do not move every coordinate of x in {x.dtype}")
    values = jax.jit(lambda points: jax.lax.map(f, points))
    gradients = [_quotients(values, x, step) for step in moving]
    errors = np.array([relative_error(gradient, reference) for gradient in gradients])
    best = int(np.argmin(np.where(np.isnan(errors), np.inf, errors)))
    return StepScan(moving, errors, float(moving[best]), float(errors[best]), gradients[best])


def _point(x: ArrayLike) -> np.ndarray:
    """As jax will see it: without x64, in float32."""
    return np.asarray(jnp.asarray(x))


def _widths(x: np.ndarray, step: float) -> np.ndarray:
    """How far apart the two points of each coordinate are, once rounded to the dtype."""
    plus, minus = _ends(x, step)
    return plus.astype(np.float64) - minus.astype(np.float64)


def _ends(x: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    if not step > 0:
        raise ValueError(f"step {step} is not positive")
    wide = x.astype(np.float64)
    move = step * np.maximum(1, np.abs(wide))
    return (wide + move).astype(x.dtype), (wide - move).astype(x.dtype)


def _quotients(values: Callable, x: np.ndarray, step: float) -> np.ndarray:
    widths = _widths(x, step)
    if not np.all(widths > 0):
        raise ValueError(f"step {step} does not move every coordinate of x in {x.dtype}")
    diagonal = np.eye(x.size, dtype=bool)
    above, below = (
        np.asarray(values(jnp.asarray(np.where(diagonal, end, x)))).astype(np.float64)
        for end in _ends(x, step)
    )
    return (above - below) / widths
