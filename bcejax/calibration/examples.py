"""What every measure of calibration takes: labels with logits or probabilities, weights, a mask.

One door for all: ``as_examples`` checks shapes and dtypes while tracing, checks values where the
arrays are there to be looked at, and lays the examples out flat. Inside, an example that does not
count has weight 0 and harmless values, so nothing that lies under a mask can leak; a value that
should have been refused, but was traced, is nan.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.losses import bce_gradient
from bcejax.numerics import check_labels, check_probs, sigmoid, within


class Examples(NamedTuple):
    """Flat, checked examples; one of ``logits`` and ``probs`` is None.

    The scores keep their dtype, because the edges of bins are rounded to it; labels and weights
    have the working dtype, at least float32.
    """

    labels: jax.Array  # (n,)
    weights: jax.Array  # (n,), 0 where masked
    logits: jax.Array | None  # (n,)
    probs: jax.Array | None  # (n,)

    def probabilities(self) -> jax.Array:
        """Probability of label 1 (n,), in the working dtype."""
        if self.logits is not None:
            return sigmoid(self.logits.astype(self.labels.dtype))
        assert self.probs is not None
        return self.probs.astype(self.labels.dtype)

    def residuals(self) -> jax.Array:
        """Label minus probability (n,); from logits no probability is rounded to 1."""
        if self.logits is not None:
            return -bce_gradient(self.logits.astype(self.labels.dtype), self.labels)
        return self.labels - self.probabilities()


def as_examples(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Examples:
    """Check what a caller gave and lay it out flat.

    Args:
        labels: numbers in [0, 1], soft ones welcome; any shape.
        logits: floats of that shape, +-inf included; or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how often each example counts, >= 0; broadcasts to that shape. None is 1.
        where: whether it counts at all; broadcasts to that shape. Whatever lies under False or
            weight 0 is ignored, nan included.

    Returns:
        ``Examples`` with n = the size of ``labels``.

    Raises:
        TypeError: scores that are not floating, or a mask that is not boolean.
        ValueError: neither or both of logits and probs, shapes that differ, no example; and,
            unless an argument is traced: nan, labels or probabilities outside [0, 1], negative
            weights, nothing that counts.

    Example:
        >>> as_examples([1, 0], probs=[0.75, 0.5]).residuals()
        Array([ 0.25, -0.5 ], dtype=float32)
    """
    name, scores = _scores(logits, probs)
    labels = jnp.asarray(labels)
    if labels.shape != scores.shape:
        raise ValueError(
            f"labels have shape {labels.shape} and {name} {scores.shape}; they must be equal"
        )
    if not labels.size:
        raise ValueError(f"labels and {name} are empty; calibration needs one example or more")
    dtype = jnp.promote_types(scores.dtype, jnp.float32)
    weights = _spread("weights", 1 if weights is None else weights, labels.shape).astype(dtype)
    mask = _mask(where, labels.shape)
    _check_values(name, labels, scores, weights, mask)

    return _laid_out(labels, scores, weights, mask, is_logits=logits is not None)


@functools.partial(jax.jit, static_argnames="is_logits")
def _laid_out(
    labels: jax.Array, scores: jax.Array, weights: jax.Array, mask: jax.Array, *, is_logits: bool
) -> Examples:
    """Flat, with 0 for all that does not count and nan for all that could not be taken."""
    labels = labels.astype(weights.dtype)
    accepted = scores if is_logits else within(scores, 0.0, 1.0)
    implausible = jnp.isnan(accepted) | jnp.isnan(within(labels, 0.0, 1.0))
    # a good value under weight 0 stays, for the derivative in its weight
    counts = mask & ((weights != 0) | ~implausible)
    # values are masked before they pass the gate, so that no nan meets their derivatives
    labels, scores, weights = (
        jnp.where(counts, each, 0).ravel() for each in (labels, scores, weights)
    )
    return Examples(
        labels=within(labels, 0.0, 1.0),
        weights=jnp.where(weights < 0, jnp.nan, weights),
        logits=scores if is_logits else None,
        probs=None if is_logits else within(scores, 0.0, 1.0),
    )


def _scores(logits: ArrayLike | None, probs: ArrayLike | None) -> tuple[str, jax.Array]:
    if (logits is None) == (probs is None):
        given = "neither" if logits is None else "both"
        raise ValueError(f"give exactly one of logits= and probs=; {given} came")
    name = "probs" if logits is None else "logits"
    scores = jnp.asarray(probs if logits is None else logits)
    if not jnp.issubdtype(scores.dtype, jnp.floating):
        raise TypeError(f"{name} have dtype {scores.dtype}; they must be floating")
    return name, scores


def _spread(name: str, values: ArrayLike, shape: tuple[int, ...]) -> jax.Array:
    array = jnp.asarray(values)
    try:
        return jnp.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(
            f"{name} with shape {array.shape} cannot be broadcast to the labels' {shape}"
        ) from None


def _mask(where: ArrayLike | None, shape: tuple[int, ...]) -> jax.Array:
    mask = _spread("where", True if where is None else where, shape)
    if mask.dtype != bool:
        raise TypeError(f"where has dtype {mask.dtype}; it must be boolean")
    return mask


def _check_values(name: str, *arrays: jax.Array) -> None:
    """Say what is wrong with the values that count, unless one array is traced."""
    if any(isinstance(array, jax.core.Tracer) for array in arrays):
        return
    labels, scores, weights, mask = (np.asarray(array) for array in arrays)
    if not np.all(np.isfinite(weights[mask]) & (weights[mask] >= 0)):
        raise ValueError("weights must be finite and >= 0; negative, inf or nan came")
    present = mask & (weights != 0)
    if not present.any():
        raise ValueError("no example counts: each is masked by where= or has weight 0")
    labels, scores = (each if present.all() else each[present] for each in (labels, scores))
    check_labels(labels)
    if name == "probs":
        check_probs(scores)
    elif np.isnan(scores).any():
        raise ValueError("logits hold nan: drop these examples or mask them with where=")
