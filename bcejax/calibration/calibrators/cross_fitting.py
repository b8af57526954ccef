"""Calibrated logits of examples that their calibrator has not seen.

The examples are dealt at random into K folds, each class evenly; the calibrator fitted to all
folds but one calibrates that one. A score of what comes out judges the calibrator without
flattery, as a score of the examples it was fitted to does not.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.calibration.calibrators.base import Calibrator
from bcejax.calibration.examples import Examples, as_examples
from bcejax.calibration.ordering import on_host
from bcejax.numerics.options import check_count


def cross_fitted_logits(
    calibrator: type[Calibrator],
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    key: jax.Array,
    folds: int = 5,
) -> jax.Array:
    """What K calibrators, each fitted without a fold, make of the logits of that fold.

    It draws, so it is for arrays whose values are there, not for jit.

    Args:
        calibrator: the class to fit, such as ``IsotonicCalibration``.
        labels: numbers in [0, 1], any shape.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how much each example counts, >= 0; broadcasts to that shape. Copies of an example
            may fall into different folds, so k copies are not weight k here.
        where: whether it counts at all; broadcasts to that shape.
        key: of ``jax.random``, for the draw of the folds.
        folds: K >= 2.

    Returns:
        Calibrated logits of the labels' shape.

    Raises:
        TypeError: as ``bcejax.calibration.examples.as_examples``; or folds is not an integer.
        ValueError: likewise; fewer than 2 folds, or fewer examples that count than folds.

    Held by tests/calibration/calibrators/test_cross_fitting.py against a loop over the folds.

    Example:
        >>> from bcejax.calibration.calibrators import PlattScaling
        >>> labels, probs = [0, 1, 0, 1], [0.1, 0.6, 0.4, 0.9]
        >>> cross_fitted_logits(
        ...     PlattScaling, labels, probs=probs, folds=2, key=jax.random.key(0)).shape
        (4,)
    """
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    fold = deal_folds(examples, folds, key)
    return cross_fit(calibrator, examples, fold, folds)[0].reshape(np.shape(labels))


def cross_fit(
    calibrator: type[Calibrator], examples: Examples, fold: jax.Array, folds: int
) -> tuple[jax.Array, jax.Array]:
    """What the calibrators make of the folds that they were fitted without.

    Args:
        calibrator: the class to fit.
        examples: n of them.
        fold: (n,) integers, 0 to K - 1.
        folds: K.

    Returns:
        Calibrated logits (n,), and the status of each fit (K,).

    Example:
        >>> from bcejax.calibration.calibrators import PlattScaling
        >>> examples = as_examples([0, 1, 0, 1], logits=[-1.0, 1.0, -1.0, 1.0])
        >>> cross_fit(PlattScaling, examples, jnp.array([0, 0, 1, 1]), 2)[0].round(4)
        Array([-0.6931, 0.6931, -0.6931, 0.6931], dtype=float32)
    """

    def fit(weights: jax.Array) -> Calibrator:
        return examples._replace(weights=weights).taken_by(calibrator.fit)

    unseen = log_odds_of(examples)
    if on_host((examples, fold)):  # one program for all folds, and for a fit to all examples
        places, weights = np.asarray(fold), np.asarray(examples.weights)
        mapped = np.array(unseen)
        fitted = [fit(jnp.asarray(np.where(places == k, 0, weights))) for k in range(folds)]
        for k, one in enumerate(fitted):
            np.copyto(mapped, np.asarray(one(unseen)), where=places == k)
        return jnp.asarray(mapped), jnp.asarray(np.stack([one.status for one in fitted]))
    lanes = jax.vmap(fit)(jnp.where(fold == jnp.arange(folds)[:, None], 0, examples.weights))
    calibrated = unseen
    for k in range(folds):  # the map of a vmap's lanes is slow to compile
        one = jax.tree.map(lambda each, k=k: each[k], lanes)
        calibrated = jnp.where(fold == k, one(unseen), calibrated)
    return calibrated, lanes.status


log_odds_of = jax.jit(Examples.log_odds)  # called eagerly on large arrays


def check_folds(folds: int, n: int) -> None:
    """Refuse a number of folds that n examples which count cannot be dealt into.

    Raises:
        TypeError: K is not an integer.
        ValueError: K < 2, or there are fewer examples than folds.

    Example:
        >>> check_folds(2, 2)
    """
    check_count("folds", folds, least=2)
    if folds > n:
        raise ValueError(f"folds is {folds}; only {n} examples count")


def deal_folds(examples: Examples, folds: int, key: jax.Array) -> jax.Array:
    """The fold of each example (n,), 0 to K - 1: at random, each label evenly.

    Raises:
        TypeError, ValueError: as ``check_folds``.
    """
    n, weights = examples.labels.size, np.asarray(examples.weights)
    check_folds(folds, int(np.count_nonzero(weights)))
    seed = np.asarray(jax.random.key_data(key)).ravel()
    shuffled = np.random.default_rng(seed).permutation(n)  # a tenth of XLA's time
    labels = np.where(weights > 0, np.asarray(examples.labels), -1)
    dealt = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold = np.empty(n, np.int32)
    fold[dealt] = np.arange(n) % folds
    return jnp.asarray(fold)
