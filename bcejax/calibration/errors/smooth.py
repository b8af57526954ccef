r"""Smooth calibration error: what remains of the residuals when a Gaussian averages them.

With residuals y_i - p_i, weights w_i of sum W, and the Gaussian K_s of standard deviation s
reflected at 0 and 1 (all its images),

    r_s(t) = (1 / W) sum_i w_i (y_i - p_i) K_s(t, p_i),    F(s) = integral_0^1 |r_s(t)| dt.

F never increases in s, so exactly one s has F(s) = s. That s is the smooth calibration error
(smECE): no bins to choose, continuous in the probabilities, and the bandwidth of its own diagram.

**Grid.** Residuals are shared between the nodes of a grid of N cells, where all s have one FFT
(grid.py). The fixed point lies between s and F(s), so each evaluation bounds it from both sides;
secant steps take three to eight of them, and every third is a bisection, so that their number is
bounded for any data. A coarser grid gives the first guess.

**Derivative.** s = F(s; m) at the nodes m gives ds = F_m dm / (1 - F_s), F_s <= 0, which is never
ill posed; a derivative of the search itself would be a number about the search.

References:
    J. Blasiok and P. Nakkiran, Smooth ECE: principled reliability diagrams via kernel smoothing
    (2023).
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.calibration.errors.grid import (
    coarser,
    cosines,
    density,
    gaussian_factors,
    integral,
    on_nodes,
)
from bcejax.calibration.examples import Examples, as_examples
from bcejax.numerics import is_traced
from bcejax.numerics.options import check_count

_MOST_STEPS = 180  # each third halves the bracket: past float64's digits
_COARSER = 8  # a grid with cells that much wider, at an eighth of the price, gives the guess


class SmoothCurve(NamedTuple):
    """The calibration curve that a Gaussian of the smooth error's own width draws.

    Example:
        >>> smooth = smooth_reliability_curve([0, 1], probs=[0.25, 0.75], cells=4)
        >>> smooth.density.round(2), smooth.bandwidth.round(2)
        (Array([0.94, 1.06, 0.94, 1.06, 0.94], dtype=float32), Array(0.19, dtype=float32))
    """

    grid: jax.Array  # (cells + 1,) probabilities
    curve: jax.Array  # (cells + 1,) share of label 1 there; nan where there are no examples
    density: jax.Array  # (cells + 1,) of the probabilities, smoothed; its integral is 1
    bandwidth: jax.Array  # (), standard deviation of the Gaussian
    error: jax.Array  # (), integral of |curve - grid| density


def smooth_calibration_error(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    cells: int = 4096,
) -> jax.Array:
    """The smooth calibration error: the s at which F(s) = s.

    Works under jit and vmap; differentiable in scores, labels and weights, forward and reverse,
    by the implicit function theorem. ``cells`` is static.

    Args:
        labels: numbers in [0, 1], any shape; soft labels are welcome.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two. From logits the residuals
            keep their digits where a float32 probability would be 1.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        cells: number N of cells of the grid.

    Returns:
        A scalar in [0, 1], float32 or wider; 0 where every residual is 0. Under jit, nan where a
        value should have been refused or nothing counts.

    Raises:
        TypeError: scores that are not floating, a mask that is not boolean, cells no integer.
        ValueError: shapes that differ, no example, cells < 1; and, unless traced: nan, labels or
            probabilities outside [0, 1], negative weights, nothing that counts.

    Accuracy: within 1 / (4 N^2 s) + 20 eps of quadrature with all images, s being the result:
    1.5e-6 at s = 0.01 with the default N (tests/calibration/errors/test_smooth.py).

    Source: J. Blasiok and P. Nakkiran, Smooth ECE (2023).

    Example:
        >>> round(float(smooth_calibration_error([0, 1, 1], probs=[0.25, 0.5, 0.75])), 4)
        0.2088
    """
    check_count("cells", cells)
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    return _error(examples, cells)


def smooth_reliability_curve(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    cells: int = 4096,
    bandwidth: ArrayLike | None = None,
) -> SmoothCurve:
    """Share of label 1 against probability, smoothed as the smooth calibration error smooths.

    With d_s the smoothed density of the probabilities, the curve is t + r_s(t) / d_s(t). It is
    the form whose weighted distance from the diagonal is the error itself, and may leave [0, 1];
    the ratio of smoothed labels to d_s stays there, but also shows how the Gaussian moves
    probabilities, for which no model is to blame.

    Args:
        labels: numbers in [0, 1], any shape; soft labels are welcome.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        cells: number N of cells of the grid.
        bandwidth: standard deviation s of the Gaussian, > 0; None takes the fixed point.

    Returns:
        A ``SmoothCurve``. Where the density is below sqrt(eps) of its largest value the curve is
        nan: what stands there is rounding. With ``bandwidth=None`` the error equals the bandwidth.

    Raises:
        TypeError, ValueError: as ``smooth_calibration_error``; and a bandwidth that is no scalar,
            or, unless traced, not finite and above 0.

    Accuracy: error against quadrature as there; the curve of constant residuals is exact to
    rounding (tests/calibration/errors/test_smooth.py).

    Source: J. Blasiok and P. Nakkiran, Smooth ECE (2023).

    Example:
        >>> smooth = smooth_reliability_curve([0, 1], probs=[0.25, 0.75], cells=4)
        >>> smooth.grid
        Array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
        >>> smooth.curve.round(2), smooth.error.round(2)
        (Array([-0.24, 0. , 0.5 , 1. , 1.24], dtype=float32), Array(0.19, dtype=float32))
    """
    check_count("cells", cells)
    if bandwidth is not None:
        _check_bandwidth(bandwidth)
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    return _curve(examples, bandwidth, cells)


def _check_bandwidth(bandwidth: ArrayLike) -> None:
    if np.shape(bandwidth):
        raise ValueError(f"bandwidth has shape {np.shape(bandwidth)}; it must be one number")
    if not is_traced(bandwidth) and not 0 < np.asarray(bandwidth) < math.inf:
        raise ValueError(f"bandwidth is {bandwidth}; it must be finite and above 0")


@functools.partial(jax.jit, static_argnames="cells")
def _error(examples: Examples, cells: int) -> jax.Array:
    residuals, _ = _residuals_at_nodes(examples, cells)
    return fixed_point(residuals)


@functools.partial(jax.jit, static_argnames="cells")
def _curve(examples: Examples, bandwidth: ArrayLike | None, cells: int) -> SmoothCurve:
    residuals, total = _residuals_at_nodes(examples, cells)
    masses = on_nodes(examples.weights / total, examples.probabilities(), cells)
    return smooth_curve(residuals, masses, bandwidth)


def _residuals_at_nodes(examples: Examples, cells: int) -> tuple[jax.Array, jax.Array]:
    total = jnp.sum(examples.weights)
    values = examples.weights * examples.residuals()
    return on_nodes(values, examples.probabilities(), cells) / total, total


def smooth_curve(
    residuals: jax.Array, masses: jax.Array, bandwidth: ArrayLike | None = None
) -> SmoothCurve:
    """The curve from what the nodes of a grid hold.

    Args:
        residuals: (N + 1,) shares of w (y - p) / W.
        masses: (N + 1,) shares of w / W.
        bandwidth: of the Gaussian; None takes the fixed point.

    Returns:
        A ``SmoothCurve``.

    Example:
        >>> smooth_curve(jnp.array([0.0, 0.5, 0.0]), jnp.array([0.0, 1.0, 0.0])).error
        Array(0.5, dtype=float32)
    """
    cells = len(masses) - 1
    s = fixed_point(residuals) if bandwidth is None else jnp.asarray(bandwidth, masses.dtype)
    factors = gaussian_factors(s, cells)
    smoothed, there = (density(cosines(each) * factors) for each in (residuals, masses))
    grid = jnp.linspace(0, 1, cells + 1, dtype=masses.dtype)
    known = there > jnp.sqrt(jnp.finfo(there.dtype).eps) * jnp.max(there)
    curve = jnp.where(known, grid + smoothed / jnp.where(known, there, 1), jnp.nan)
    return SmoothCurve(grid, curve, there, s, integral(jnp.abs(smoothed)))


@jax.custom_jvp
def fixed_point(residuals: jax.Array) -> jax.Array:
    """The s at which the smoothed residuals have the integral of absolute values s.

    Args:
        residuals: (N + 1,) shares of w (y - p) / W at the nodes.

    Returns:
        A scalar, with the derivative of the fixed point.

    Example:
        >>> fixed_point(jnp.array([0.0, 0.5, 0.0]))
        Array(0.5, dtype=float32)
    """
    guess = jnp.asarray(0.03, residuals.dtype)
    if (len(residuals) - 1) % _COARSER == 0:
        guess = _search(coarser(residuals, _COARSER), guess)
    return _search(residuals, guess)


def _search(residuals: jax.Array, guess: jax.Array) -> jax.Array:
    """The fixed point, looked for from a guess."""
    amplitudes = cosines(residuals)
    slack = 4 * jnp.finfo(residuals.dtype).eps
    flat = jnp.abs(jnp.sum(residuals))  # F(s) for large s, and the least that the error can be

    def searching(search: _Search) -> jax.Array:
        return (search.high - search.low > slack * search.high) & (search.step < _MOST_STEPS)

    def narrower(search: _Search) -> _Search:
        s = search.next
        value = _smoothed_error(s, amplitudes)
        low = jnp.maximum(search.low, jnp.minimum(s, value))
        high = jnp.minimum(search.high, jnp.maximum(s, value))
        slope = (value - search.value) / (s - search.bandwidth)
        secant = jnp.clip(s + (value - s) / (1 - jnp.minimum(slope, 0)), low, high)
        halve = (search.step % 3 == 2) | jnp.isnan(secant) | (secant == s)
        following = jnp.where(halve, (low + high) / 2, secant)
        return _Search(low, high, s, value, following, search.step + 1)

    one = jnp.ones_like(flat)
    start = _Search(flat, one, one, flat, jnp.maximum(flat, guess), jnp.zeros((), jnp.int32))
    found = jax.lax.while_loop(searching, narrower, start)
    return jnp.where(jnp.all(residuals == 0), 0, (found.low + found.high) / 2)


class _Search(NamedTuple):
    """Between ``low`` and ``high`` lies the fixed point; F(bandwidth) was value."""

    low: jax.Array
    high: jax.Array
    bandwidth: jax.Array
    value: jax.Array
    next: jax.Array
    step: jax.Array


def _smoothed_error(bandwidth: jax.Array, amplitudes: jax.Array) -> jax.Array:
    """F(s)."""
    factors = gaussian_factors(bandwidth, len(amplitudes) - 1)
    return integral(jnp.abs(density(amplitudes * factors)))


@fixed_point.defjvp
def _fixed_point_jvp(primals, tangents):  # type: ignore[no-untyped-def]
    """Ds = F_m dm / (1 - F_s)."""
    (residuals,), (residuals_dot,) = primals, tangents
    s = fixed_point(residuals)
    cells = len(residuals) - 1
    amplitudes, factors = cosines(residuals), gaussian_factors(s, cells)
    sign = jax.lax.stop_gradient(jnp.sign(density(amplitudes * factors)))
    frequency = np.pi * jnp.arange(cells + 1, dtype=s.dtype)
    by_s = integral(sign * density(-amplitudes * factors * s * jnp.square(frequency)))
    by_residuals = integral(sign * density(cosines(residuals_dot) * factors))
    return s, by_residuals / (1 - by_s)
