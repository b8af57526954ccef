"""What every measure of calibration takes: labels with logits or probabilities, weights, a mask.

One door for all: ``as_examples`` checks shapes and dtypes while tracing, checks values where the
arrays are there to be looked at, and lays the examples out flat. Inside, an example that does not
count has weight 0 and harmless values, so nothing that lies under a mask can leak; a value that
should have been refused, but was traced, has weight nan.
"""

import functools
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.calibration.pieces import sum_of_pieces
from bcejax.losses import bce_gradient, bce_with_logits, bce_with_probs
from bcejax.numerics import (
    bernoulli_variance,
    check_labels,
    check_probs,
    inside,
    log_odds,
    nearest,
    sigmoid,
)

Result = TypeVar("Result")


class Examples(NamedTuple):
    """Flat, checked examples; one of ``logits`` and ``probs`` is None.

    The scores keep their dtype, because the edges of bins are rounded to it; labels and weights
    have the working dtype, at least float32.  Scores depend on the scores given and on ``where``
    alone, so that a vmap over labels or weights sorts them once.
    """

    labels: jax.Array  # (n,)
    weights: jax.Array  # (n,), 0 where masked
    logits: jax.Array | None  # (n,)
    probs: jax.Array | None  # (n,)

    def scores(self) -> jax.Array:
        """What the examples are ordered by (n,): the logits or the probabilities, as given."""
        scores = self.probs if self.logits is None else self.logits
        assert scores is not None
        return scores

    def probabilities(self) -> jax.Array:
        """Probability of label 1 (n,), in the working dtype."""
        scores = self.scores().astype(self.labels.dtype)
        return scores if self.logits is None else sigmoid(scores)

    def log_odds(self) -> jax.Array:
        """Logits (n,), in the working dtype; +-inf for probabilities 0 and 1."""
        scores = self.scores().astype(self.labels.dtype)
        return log_odds(scores) if self.logits is None else scores

    def residuals(self) -> jax.Array:
        """Label minus probability (n,); from logits no probability is rounded to 1."""
        if self.logits is None:
            return self.labels - self.probabilities()
        return -bce_gradient(self.log_odds(), self.labels)

    def variances(self) -> jax.Array:
        """p (1 - p) of each example (n,); from logits no probability is rounded to 1."""
        if self.logits is None:
            return self.probabilities() * (1 - self.probabilities())
        return bernoulli_variance(self.log_odds())

    def losses(self) -> jax.Array:
        """Binary cross-entropy of each example (n,), in nats."""
        loss = bce_with_probs if self.logits is None else bce_with_logits
        return loss(self.scores().astype(self.labels.dtype), self.labels)

    def measured(
        self,
        metric: Callable[..., Result],
        *,
        labels: jax.Array | None = None,
        weights: jax.Array | None = None,
    ) -> Result:
        """What a metric with the arguments of this package makes of the examples.

        Args:
            metric: called as ``metric(labels, logits= or probs=, weights=)``.
            labels: (n,) in place of their own.
            weights: (n,) likewise.

        Returns:
            The metric's result.
        """
        return metric(
            self.labels if labels is None else labels,
            logits=self.logits,
            probs=self.probs,
            weights=self.weights if weights is None else weights,
        )

    def taken_by(self, function: Callable[..., Result], **options: Any) -> Result:
        """What a function of this package makes of them, without a second check.

        Args:
            function: takes labels and scores as ``as_examples`` does, and hands them to it.
            **options: of the function.

        Example:
            >>> from bcejax.calibration import brier_score
            >>> as_examples([1, 0], probs=[0.5, 0.0]).taken_by(brier_score)
            Array(0.125, dtype=float32)
        """
        return function(self, **options)


def as_examples(
    labels: ArrayLike | Examples,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    hard: bool = False,
) -> Examples:
    """Check what a caller gave and lay it out flat.

    Args:
        labels: numbers in [0, 1], soft ones welcome; any shape. Or ``Examples``, by themselves,
            which come back as they are: what was checked once is trusted.
        logits: floats of that shape, +-inf included; or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how often each example counts, >= 0; broadcasts to that shape. None is 1.
        where: whether it counts at all; broadcasts to that shape. Whatever lies under False or
            weight 0 is ignored, nan included.
        hard: take labels 0 and 1 only, for statistics that mean nothing else.

    Returns:
        ``Examples`` with n = the size of ``labels``. Under jit an example that could not be taken
        has weight nan.

    Raises:
        TypeError: scores that are not floating, or a mask that is not boolean.
        ValueError: neither or both of logits and probs, shapes that differ, no example; and,
            unless an argument is traced: nan, labels or probabilities outside [0, 1], soft labels
            where hard ones are asked for, negative weights, nothing that counts, weights whose sum
            overflows.

    Example:
        >>> as_examples([1, 0], probs=[0.75, 0.5]).residuals()
        Array([ 0.25, -0.5 ], dtype=float32)
    """
    return evaluate(
        _themselves, labels, logits=logits, probs=probs, weights=weights, where=where, hard=hard
    )


def evaluate(
    function: Callable[..., Result],
    labels: ArrayLike | Examples,
    *options: Hashable,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    hard: bool = False,
    additive: bool = False,
) -> Result:
    """What a function makes of checked examples, by one program with the checks.

    So an eager call reads its arrays once and writes no copy of them, where ``as_examples`` and
    a jitted function do both.

    Args:
        function: called as ``function(examples, *options)`` under jit; compiled once per object.
        labels: as ``as_examples`` takes them.
        *options: static.
        logits: as there.
        probs: as there.
        weights: as there.
        where: as there.
        hard: as there.
        additive: whether the function sums over examples; then it sees many piece by piece,
            ``bcejax.calibration.pieces``.

    Returns:
        The function's result.

    Raises:
        TypeError, ValueError: as ``as_examples``.

    Example:
        >>> evaluate(Examples.residuals, [1, 0], probs=[0.75, 0.5])
        Array([ 0.25, -0.5 ], dtype=float32)
    """
    if isinstance(labels, Examples):
        return function(labels, *options)
    name, scores = _scores(logits, probs)
    labels = jnp.asarray(labels)
    if labels.shape != scores.shape:
        raise ValueError(
            f"labels have shape {labels.shape} and {name} {scores.shape}; they must be equal"
        )
    if not labels.size:
        raise ValueError(f"labels and {name} are empty; calibration needs one example or more")
    mask = _spreading("where", where, labels.shape)
    if mask is not None and mask.dtype != bool:
        raise TypeError(f"where has dtype {mask.dtype}; it must be boolean")
    given = (labels, scores, _spreading("weights", weights, labels.shape), mask)
    result, acceptable = _evaluated(
        *given,
        function=function,
        options=options,
        is_logits=logits is not None,
        hard=hard,
        additive=additive,
    )
    if not isinstance(acceptable, jax.core.Tracer) and not acceptable:
        _say_what_is_wrong(name, hard, *given)
    return result


def _themselves(examples: Examples) -> Examples:
    return examples


@functools.partial(
    jax.jit, static_argnames=("function", "options", "is_logits", "hard", "additive")
)
def _evaluated(
    labels: jax.Array,
    scores: jax.Array,
    weights: jax.Array | None,
    mask: jax.Array | None,
    *,
    function: Callable[..., Result],
    options: tuple[Hashable, ...],
    is_logits: bool,
    hard: bool,
    additive: bool,
) -> tuple[Result, jax.Array]:
    """The result; and whether every value can be taken and the weights have a sum."""

    def evaluated(
        labels: jax.Array, scores: jax.Array, weights: jax.Array | None, mask: jax.Array | None
    ) -> tuple[Result, jax.Array]:
        examples = _laid_out(labels, scores, weights, mask, is_logits, hard)
        total = jnp.sum(examples.weights)
        if weights is not None and not additive:
            examples = examples._replace(weights=_unless_endless(examples.weights, total))
        return function(examples, *options), total

    given = (labels, scores, weights, mask)
    if additive:
        result, weight = sum_of_pieces(evaluated, *given)
        result = jax.tree.map(lambda sums: _unless_endless(sums, weight), result)
    else:
        result, weight = evaluated(*given)
    return result, (weight > 0) & (weight < jnp.inf)  # nan where a value was refused


def _unless_endless(values: jax.Array, total: jax.Array) -> jax.Array:
    """nan where the total is infinite: what is divided by it would be 0."""
    return jnp.where(total == jnp.inf, jnp.nan, values)


def _laid_out(
    labels: jax.Array,
    scores: jax.Array,
    weights: jax.Array | None,
    mask: jax.Array | None,
    is_logits: bool,
    hard: bool,
) -> Examples:
    """Flat, with 0 for all that cannot count, and weight nan where it should."""
    dtype = jnp.promote_types(scores.dtype, jnp.float32)
    weights = jnp.ones((), dtype) if weights is None else weights.astype(dtype)
    mask = jnp.ones((), bool) if mask is None else mask
    weights, mask = (jnp.broadcast_to(each, labels.shape).ravel() for each in (weights, mask))
    weights = jnp.where(mask, weights, 0)
    labels, fine = _accepted(labels.astype(dtype).ravel(), mask, 0.0, 1.0)
    if hard:
        fine &= (labels == 0) | (labels == 1)
    bounds = (-jnp.inf, jnp.inf) if is_logits else (0.0, 1.0)
    scores, fine_score = _accepted(scores.ravel(), mask, *bounds)
    fine = (fine & fine_score) | (weights == 0)
    fine &= (weights >= 0) & (weights < jnp.inf)
    return Examples(
        labels=labels,
        weights=jnp.where(fine, weights, jnp.nan),
        logits=scores if is_logits else None,
        probs=None if is_logits else scores,
    )


def _accepted(
    values: jax.Array, mask: jax.Array, low: float, high: float
) -> tuple[jax.Array, jax.Array]:
    """Values in [low, high], those that miss it by rounding moved, others 0; and which could be."""
    fine = inside(values, low, high)
    return nearest(jnp.where(fine & mask, values, 0), low, high), fine


def nan_unless_counted(weights: jax.Array) -> jax.Array:
    """1; nan where nothing counts, or a traced value could not be taken.

    Args:
        weights: of ``Examples``, or sums of them.

    Example:
        >>> nan_unless_counted(jnp.array([0.0, 2.0])), nan_unless_counted(jnp.zeros(2))
        (Array(1., dtype=float32), Array(nan, dtype=float32))
    """
    total = jnp.sum(weights)
    return total / total


def _scores(logits: ArrayLike | None, probs: ArrayLike | None) -> tuple[str, jax.Array]:
    if (logits is None) == (probs is None):
        given = "neither" if logits is None else "both"
        raise ValueError(f"give exactly one of logits= and probs=; {given} came")
    name = "probs" if logits is None else "logits"
    scores = jnp.asarray(probs if logits is None else logits)
    if not jnp.issubdtype(scores.dtype, jnp.floating):
        raise TypeError(f"{name} have dtype {scores.dtype}; they must be floating")
    return name, scores


def _spreading(name: str, values: ArrayLike | None, shape: tuple[int, ...]) -> jax.Array | None:
    """An array that broadcasts to a shape and not beyond it; None stays None."""
    if values is None:
        return None
    array = jnp.asarray(values)
    fits = array.ndim <= len(shape) and all(
        own in (1, size) for own, size in zip(array.shape[::-1], shape[::-1], strict=False)
    )
    if not fits:
        raise ValueError(
            f"{name} with shape {array.shape} cannot be broadcast to the labels' {shape}"
        )
    return array


def _say_what_is_wrong(name: str, hard: bool, *given: jax.Array | None) -> None:
    """Raise for the first fault of the values that count."""
    labels, scores, weights, mask = np.broadcast_arrays(
        *(np.asarray(1 if each is None else each) for each in given)
    )
    mask = mask.astype(bool)
    if not np.all(np.isfinite(weights[mask]) & (weights[mask] >= 0)):
        raise ValueError("weights must be finite and >= 0; negative, inf or nan came")
    present = mask & (weights != 0)
    if not present.any():
        raise ValueError("no example counts: each is masked by where= or has weight 0")
    labels, scores = labels[present], scores[present]
    check_labels(labels)
    if name == "probs":
        check_probs(scores)
    elif np.isnan(scores).any():
        raise ValueError("logits hold nan: drop these examples or mask them with where=")
    soft = labels[(labels != 0) & (labels != 1)]
    if hard and soft.size:
        raise ValueError(f"labels must be 0 or 1 here, found the soft label {soft[0]:g}")
    raise ValueError("weights add up to too much or too little: divide them by their mean")
