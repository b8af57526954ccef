"""Bi-tempered logistic loss: bounded for outliers, heavy-tailed for small-margin noise.

The tempered logarithm log_t(p) = (p^(1-t) - 1) / (1 - t) stands for the logarithm twice: t1 <= 1 in
the loss, which bounds it, and t2 >= 1 in the softmax, whose tail it makes a power of the logit.
With p the tempered probability of label 1 (numerics/tempered.py), c = 1 - p and k = 1 - t1,

    loss         L = -y log_t1(p) - (1 - y) log_t1(c) - (1 - p^(1 + k) - c^(1 + k)) / (1 + k)
                   = w J(|x|) + B(m),        m = min(p, c)
    gradient     (p - y) Q(x),               Q = (p^-t1 + c^-t1) / (p^-t2 + c^-t2)
    in labels    -J(x),                      J = (p^k - c^k) / k,  dJ/dx = Q
    hessian      Q s(t2 z) m^(t2 - 1) (m (1 - (1 - w) b) + w (1 - m) b),
                 b = (t2 s(-t2 z) - t1 s(-t1 z)) / (1 - m) - (t2 - t1)

where w is the share of the label that x leans away from, z = log(1 - m) - log m, and

    B(m) = m^(1 + k) / (1 + k) + I,  I = int_0^u (exp(-k v) - exp(-(1 + k) v)) dv,  u = -log(1 - m)

is what a label costs that is given with probability 1 - m.  On paper its terms cancel: L is of the
order m^(1 + k), they are of the order m.  I is a power series in u <= log 2.

For labels 0 and 1 this is the loss of the paper.  For soft labels the paper subtracts what depends
on the label alone, so that the least loss is 0; here, as in the cross-entropy, it is not, the loss
is linear in the label, and t1 = t2 = 1 is the cross-entropy for every label.

Source: E. Amid et al., Robust bi-tempered logistic loss based on Bregman divergences (2019).
"""

import math
from fractions import Fraction
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.losses.programs import elementwise, evaluate
from bcejax.numerics import (
    absorb,
    finite,
    sigmoid,
)
from bcejax.numerics.powers import decay_moment
from bcejax.numerics.tempered import Solution, solve_tempered, unlikely_power

_TERMS = {"float32": 14, "float64": 26}  # of I, where (1 + k) u < 1.4: the rest is 2^-30 and 2^-60


def bi_tempered_loss(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    t1: float = 0.8,
    t2: float = 1.3,
    where: ArrayLike | None = None,
) -> jax.Array:
    """Bi-tempered logistic loss of each logit, the tempered softmax being that of (x, 0).

        L(x, 1) = (1 - p^(1 - t1)) / (1 - t1) - (1 - p^(2 - t1) - (1 - p)^(2 - t1)) / (2 - t1)

    and L(x, 0) with p and 1 - p exchanged; soft labels mix the two.  p solves
    log_t2(p) - log_t2(1 - p) = x to the last digit, by a fixed number of steps.

    Args:
        logits: floats of any shape; +-inf is a certain answer.
        labels: numbers in [0, 1] or booleans, same shape; outside gives nan.
        t1: Python number in [0, 1]; the loss is at most 1 / (1 - t1).
        t2: Python number in [1, 100]; 1 is the logistic function.  Both are taken in the logits'
            dtype, and float32 has no 2^t2 much beyond.
        where: booleans, broadcast to the logits' shape; False gives loss 0 and gradient 0.

    Returns:
        Losses >= 0 of the logits' shape and dtype, float32 for lower precision; t1 = t2 = 1 is
        the cross-entropy.  Tangents flow to logits and labels, in every mode and order.

    Raises:
        TypeError: logits are not floats, labels not real, where not boolean, or a temperature not
            a Python number: the program depends on it.
        ValueError: shapes differ, or a temperature is out of its range.  Below t2 = 1
            probabilities are exactly 0 from a finite logit on, where a loss has no slope.

    Accuracy:
        For |x| <= 1e30 and t2 <= 4, wherever the result is a normal number, at t1 = 0 some times
        the smallest: value 7 ulp, gradient 8, second derivative 14 (found: 6.1, 7.1 and 11.8); of
        soft labels' derivatives, and where the second derivative vanishes, in ulp of the largest
        term (tests/losses/test_family.py, test_tempered.py, test_worst_points.py).  For larger t2
        the errors of derivatives grow with it: 12 and 15 ulp were found at 12.

    Example:
        >>> bi_tempered_loss(jnp.array([0.0, -100.0]), jnp.array([1, 1]))
        Array([0.5393727, 4.4933167], dtype=float32)
        >>> bi_tempered_loss(jnp.array([0.0, -100.0]), jnp.array([1, 1]), t1=1.0, t2=1.0)
        Array([  0.6931472, 100.       ], dtype=float32)
    """
    given = elementwise(logits, labels, name="logits", where=where)
    first, second = _temperature(t1, "t1", 0.0, 1.0), _temperature(t2, "t2", 1.0, 100.0)
    return evaluate(_at, given, t1=first, t2=second)


def _at(x: jax.Array, y: jax.Array, t1: float, t2: float) -> jax.Array:
    return _loss(x, y, *(Fraction(float(x.dtype.type(each))) for each in (t1, t2)))


def _temperature(number: float, name: str, low: float, high: float) -> float:
    if not isinstance(number, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a Python number, got {type(number).__name__}")
    if not low <= number <= high:
        raise ValueError(f"{name} lies in [{low:g}, {high:g}], got {number}")
    return float(number)


@partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def _loss(x: jax.Array, y: jax.Array, t1: Fraction, t2: Fraction) -> jax.Array:
    k, solution = 1 - t1, solve_tempered(jnp.abs(x), t2)
    bump = solution.likely_surprisal  # where t1 = 1: the cross-entropy to the last bit
    if t1 < 1:
        lift = float(jnp.finfo(x.dtype).eps ** -2)  # I, of the order m^2, may be subnormal
        power = unlikely_power(solution.unlikely_surprisal, 1 + k) * (lift / float(1 + k))
        bump = (power + _integral(bump, k, lift)) / lift
    return absorb(jnp.where(x > 0, 1 - y, y), _gap(solution, k)) + bump


@_loss.defjvp
def _loss_jvp(t1, t2, primals, tangents):  # type: ignore[no-untyped-def]
    x, y = primals
    in_labels = -finite(_odd_gap(x, t1, t2))
    return _loss(x, y, t1, t2), _gradient(x, y, t1, t2) * tangents[0] + in_labels * tangents[1]


def _integral(u: jax.Array, k: Fraction, lift: float) -> jax.Array:
    """The integral of exp(-k v) - exp(-(1 + k) v) from 0 to u <= log 2, times ``lift``."""
    last = _TERMS[u.dtype.name]
    series = jnp.zeros_like(u)
    for n in range(last, 0, -1):
        factor = (-1) ** (n - 1) * ((1 + k) ** n - k**n) / math.factorial(n + 1)
        series = series * u + float(factor) * lift
    return u * (u * series)


def _mirrored(x: jax.Array, y: jax.Array, t2: Fraction) -> tuple[Solution, jax.Array, jax.Array]:
    """The solution and both labels' shares, of (x, y) and (-x, 1 - y) the same to the last bit."""
    right = ~jnp.signbit(x)  # not x > 0, for -0.0 is the mirror image of 0.0
    size, away, near = (jnp.where(right, *each) for each in ((x, -x), (1 - y, y), (y, 1 - y)))
    return solve_tempered(size, t2), away, near


@partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def _gradient(x: jax.Array, y: jax.Array, t1: Fraction, t2: Fraction) -> jax.Array:
    solution, away, near = _mirrored(x, y, t2)
    gap = away * (1 - solution.unlikely) - near * solution.unlikely
    slope = gap * _quotient(solution, t1, t2)
    return jnp.where(jnp.signbit(x), -slope, slope)


@_gradient.defjvp
def _gradient_jvp(t1, t2, primals, tangents):  # type: ignore[no-untyped-def]
    x, y = primals
    in_labels = -_quotient(_mirrored(x, y, t2)[0], t1, t2)
    dot = _hessian(x, y, t1, t2) * tangents[0] + in_labels * tangents[1]
    return _gradient(x, y, t1, t2), dot


def _hessian(x: jax.Array, y: jax.Array, t1: Fraction, t2: Fraction) -> jax.Array:
    """One power for the whole: products of several have their errors, and end below the normals."""
    solution, away, near = _mirrored(x, y, t2)
    z, m = finite(solution.tempered_logit), solution.unlikely
    bend = _turn(z, float(t1), float(t2)) / (1 - m) - float(t2 - t1)
    shares = m * (1 - near * bend) + away * ((1 - m) * bend)
    power = unlikely_power(solution.unlikely_surprisal, 2 * t2 - t1 - 1)
    return power * (_ratio(z, float(t1), float(t2)) * sigmoid(float(t2) * z) * shares)


def _quotient(solution: Solution, t1: Fraction, t2: Fraction) -> jax.Array:
    """Q = m^(t2 - t1) (1 + exp(-t1 z)) / (1 + exp(-t2 z)), z the tempered logit."""
    ratio = _ratio(finite(solution.tempered_logit), float(t1), float(t2))
    return unlikely_power(solution.unlikely_surprisal, t2 - t1) * ratio


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _ratio(z: jax.Array, t1: float, t2: float) -> jax.Array:
    return (1 + jnp.exp(-t1 * z)) / (1 + jnp.exp(-t2 * z))


@_ratio.defjvp
def _ratio_jvp(t1, t2, primals, tangents):  # type: ignore[no-untyped-def]
    (z,) = primals
    ratio = _ratio(z, t1, t2)
    return ratio, ratio * _turn(z, t1, t2) * tangents[0]


def _turn(z: jax.Array, t1: float, t2: float) -> jax.Array:
    """The relative derivative of the ratio."""
    return t2 * sigmoid(-t2 * z) - t1 * sigmoid(-t1 * z)


def _gap(solution: Solution, k: Fraction) -> jax.Array:
    """J(|x|) = (1 - m)^k (1 - exp(-k z)) / k, what the unlikely label costs more."""
    z = solution.tempered_logit
    moment = decay_moment(0, z, jnp.full_like(z, float(k)))
    return jnp.exp(-float(k) * solution.likely_surprisal) * moment


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _odd_gap(x: jax.Array, t1: Fraction, t2: Fraction) -> jax.Array:
    """J(x), what label 0 costs more than label 1."""
    gap = _gap(solve_tempered(jnp.abs(x), t2), 1 - t1)
    return jnp.where(x > 0, gap, -gap)


@_odd_gap.defjvp
def _odd_gap_jvp(t1, t2, primals, tangents):  # type: ignore[no-untyped-def]
    (x,) = primals
    solution = solve_tempered(jnp.where(jnp.signbit(x), -x, x), t2)
    return _odd_gap(x, t1, t2), _quotient(solution, t1, t2) * tangents[0]
