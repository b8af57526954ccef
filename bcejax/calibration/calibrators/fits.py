r"""The fit that all parametric calibrators share: a logit that is affine in a few parameters.

Minimise the weighted cross-entropy of sum_j b_j f_j(x) over b, some of the b_j held >= 0 so that
the map cannot decrease.  The problem is convex.  Where the free optimum keeps the signs it is the
answer; else some b_j are 0 there, so each subset of them is tried and, among the solutions that
keep the signs, the one of least cross-entropy is it.

**One label.** Where all labels are equal and the map has an intercept, it is a constant: the other
b_j are 0 exactly, for rounding would send an infinite score to a side of its own choice.

**Certain scores.** An infinite logit, a probability of 0 or 1, stays infinite whatever positive
slope it meets, and its loss stays 0 or inf.  It says nothing about b and takes no part in the fit,
whether it was right or wrong.  Where no finite logit counts there is nothing to fit, and params are
nan.
"""

import functools
import itertools
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import lax

from bcejax.calibration.calibrators.base import CalibratorStatus
from bcejax.calibration.examples import Examples
from bcejax.calibration.ordering import on_host
from bcejax.solvers import minimise_bce

Columns = Sequence[jax.Array | float]


@jax.jit
def finite_logits(examples: Examples) -> tuple[jax.Array, jax.Array]:
    """Logits (n,), 0 for infinite ones, and the weights (n,) with 0 there.

    Example:
        >>> from bcejax.calibration.examples import as_examples
        >>> finite_logits(as_examples([1, 0], logits=[2.0, -jnp.inf]))
        (Array([2., 0.], dtype=float32), Array([1., 0.], dtype=float32))
    """
    logits = examples.log_odds()
    finite = jnp.isfinite(logits)
    return jnp.where(finite, logits, 0), jnp.where(finite, examples.weights, 0)


def fit_columns(
    examples: Examples,
    columns: Callable[[jax.Array], tuple[Columns, Columns]],
    *,
    labels: jax.Array | None = None,
) -> tuple[tuple[jax.Array, ...], jax.Array]:
    """The params of least cross-entropy, some held >= 0.

    Args:
        examples: n of them.
        columns: from finite logits (n,) to the columns of free params and of params >= 0; each is
            (n,) or a number. Compiled once per function object.
        labels: (n,) in place of the examples' own.

    Returns:
        Params, free ones first, and the status: at bound where a sign holds one at 0. nan and
        MAX_STEPS where no finite logit counts or an example was refused.
    """
    labels = examples.labels if labels is None else labels
    *found, right, counts = free_fit(examples, columns, labels)
    if on_host(found) and right and counts:  # most often so; other fits are compiled when needed
        return tuple(found[0]), found[1]
    return _where(counts, *_signed_fit(examples, columns, labels, right, *found))


@functools.partial(jax.jit, static_argnames="columns")
def free_fit(
    examples: Examples,
    columns: Callable[[jax.Array], tuple[Columns, Columns]],
    labels: jax.Array,
) -> tuple[tuple[jax.Array, ...], jax.Array, jax.Array, jax.Array]:
    """Params of any sign and their status, whether the signs are right, and if anything counts.

    XLA leaves out what else ``minimise_bce`` returns, which takes longer than the fit.

    Example:
        >>> from bcejax.calibration.examples import as_examples
        >>> examples = as_examples([0, 1, 1], logits=[0.0, 0.0, 0.0])
        >>> free_fit(examples, lambda x: ((1.0,), ()), examples.labels)[0][0].round(4)
        Array(0.6931, dtype=float32)
    """
    free, signed, weights = _laid_out(examples, columns, labels)
    fit = minimise_bce([*free, *signed], labels, weights=weights)
    right = jnp.all(fit.params[len(free) :] >= 0)
    # a refused example has weight nan, also where its logit is infinite
    counts = (jnp.sum(weights) > 0) & (jnp.sum(examples.weights) > 0)
    return tuple(fit.params), fit.status, right, counts


@functools.partial(jax.jit, static_argnames="columns")
def _laid_out(
    examples: Examples,
    columns: Callable[[jax.Array], tuple[Columns, Columns]],
    labels: jax.Array,
) -> tuple[Columns, Columns, jax.Array]:
    """Free and signed columns, and weights; an intercept is the first free one, a number."""
    logits, weights = finite_logits(examples)
    free, signed = columns(logits)
    if free:
        least = jnp.min(jnp.where(weights > 0, labels, jnp.inf))
        telling = least < jnp.max(jnp.where(weights > 0, labels, -jnp.inf))
        free, signed = (free[0], *(f * telling for f in free[1:])), [f * telling for f in signed]
    free, signed = ([jnp.asarray(f, logits.dtype) for f in each] for each in (free, signed))
    return free, signed, weights


@jax.jit
def _where(
    counts: jax.Array, params: tuple[jax.Array, ...], status: jax.Array
) -> tuple[tuple[jax.Array, ...], jax.Array]:
    status = jnp.where(counts, status, CalibratorStatus.MAX_STEPS).astype(jnp.int32)
    return tuple(jnp.where(counts, each, jnp.nan) for each in params), status


def _signed_fit(
    examples: Examples,
    columns: Callable[[jax.Array], tuple[Columns, Columns]],
    labels: jax.Array,
    right: jax.Array,
    params: tuple[jax.Array, ...],
    status: jax.Array,
) -> tuple[tuple[jax.Array, ...], jax.Array]:
    """The free fit where its signs are right, else the best on the bound."""
    free, signed, weights = _laid_out(examples, columns, labels)
    if not signed:
        return params, status
    positions = range(len(signed))
    fewer = [
        kept for size in positions for kept in itertools.combinations(positions, size)
    ]  # every subset but the whole

    def at_bound() -> tuple[tuple[jax.Array, ...], jax.Array]:
        fits = [_subset_fit(free, signed, kept, labels, weights) for kept in fewer]
        params, values = (jnp.stack(each) for each in zip(*fits, strict=True))
        best = params[jnp.argmin(lax.stop_gradient(values))]
        return tuple(best), jnp.int32(CalibratorStatus.AT_BOUND)

    if on_host(right):
        return (params, status) if right else at_bound()
    return lax.cond(right, lambda: (params, status), at_bound)


def _subset_fit(
    free: Columns, signed: Columns, kept: tuple[int, ...], labels: jax.Array, weights: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Params with all but the kept signed ones at 0, and their loss; inf for a wrong sign."""
    size = len(free) + len(signed)
    if not free and not kept:
        return jnp.zeros(size, labels.dtype), math.log(2) * jnp.sum(weights)
    fit = minimise_bce([*free, *(signed[k] for k in kept)], labels, weights=weights)
    places = jnp.array([*range(len(free)), *(len(free) + k for k in kept)])
    right = jnp.all(fit.params[len(free) :] >= 0)
    params = jnp.zeros(size, labels.dtype).at[places].set(fit.params)
    return params, jnp.where(right, fit.value, jnp.inf)


@jax.jit
def scaled(slope: jax.Array, values: jax.Array) -> jax.Array:
    """slope * values, where a slope of 0 wins over an infinite value.

    Example:
        >>> scaled(jnp.float32(0.0), jnp.array([1.0, jnp.inf]))
        Array([0., 0.], dtype=float32)
    """
    endless = jnp.isinf(values)
    far = jnp.where(slope == 0, 0, jnp.sign(slope) * jnp.where(endless, values, jnp.inf))
    return jnp.where(endless, far, slope * jnp.where(endless, 0, values))
