r"""Log loss = calibration + refinement, by a calibrator that has not seen what it judges.

For any proper loss the expected loss of f splits into what a better map of f would save, and what
no map of f can,

    E l(f, Y) = E d(f, C) + E H(C),    C = E[Y | f].

C is unknown.  A family of maps g gives a bound that errs to one side only: E l(g(f), Y) is never
below the refinement, so the loss saved is never above the calibration term, if g was fitted to
other data.  So the examples are dealt into K folds, and each fold is mapped by the g fitted to the
others:

    refinement  = mean l(g_{-k}(x), y)            calibration = mean l(x, y) - refinement.

The calibration term may come out below 0 by chance, or where g is fitted worse than the identity.

**Folds.** Within each class the examples are dealt in turn, in ascending order of score.  This is
deterministic, uses no key, and does not depend on the order of the examples, save among equals.
Copies of an example go to different folds, so k copies are not quite weight k here.

References:
    E. Berta, D. Holzmueller, M. I. Jordan and F. Bach, Rethinking early stopping: refine, then
    calibrate (2025).
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.calibrators import CALIBRATORS, Calibrator
from bcejax.calibration.calibrators.cross_fitting import cross_fit
from bcejax.calibration.examples import Examples, as_examples
from bcejax.calibration.ordering import Ordering, ascending
from bcejax.losses import bce_with_logits
from bcejax.numerics.options import check_count


class Refinement(NamedTuple):
    """A mean log loss in nats and its two parts.

    Example:
        >>> logits = jnp.linspace(-8, 8, 40)
        >>> labels = jnp.arange(40) * 0.618 % 1 < jax.nn.sigmoid(logits / 4)
        >>> found = refinement(labels, logits=logits)
        >>> f"recalibration saves {found.calibration / found.loss:.0%}"
        'recalibration saves 47%'
    """

    loss: jax.Array
    calibration: jax.Array  # what recalibration saves
    refinement: jax.Array  # what it leaves
    status: jax.Array  # int32 of CalibratorStatus, the worst of the folds


def refinement(
    labels: ArrayLike,
    *,
    logits: ArrayLike | None = None,
    probs: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    calibrator: str | type[Calibrator] = "temperature",
    folds: int = 5,
    key: jax.Array | None = None,
) -> Refinement:
    """The cross-fitted parts of a log loss.

    Works under jit and vmap, and is differentiable where the calibrator's fit is; calibrator and
    folds are static.

    Args:
        labels: numbers in [0, 1], any shape; soft labels are welcome.
        logits: floats of that shape, or
        probs: floats in [0, 1] of that shape. Exactly one of the two.
        weights: how often each example counts, >= 0; broadcasts to that shape.
        where: whether it counts at all; broadcasts to that shape.
        calibrator: the family of maps: a name in ``CALIBRATORS`` or a class.
        folds: K >= 2.
        key: of ``jax.random``; None deals the examples in turn.

    Returns:
        A ``Refinement``: loss = calibration + refinement. A certain and wrong example that stays
        so makes loss and refinement infinite and calibration nan.

    Raises:
        TypeError, ValueError: as ``bcejax.calibration.examples.as_examples``; or the calibrator is
            unknown, or folds is not an integer >= 2.

    Held against a loop over the folds by tests/calibration/decomposition/test_variational.py.

    Example:
        >>> logits = jnp.linspace(-8, 8, 40)
        >>> labels = jnp.arange(40) * 0.618 % 1 < jax.nn.sigmoid(logits / 4)
        >>> [round(float(part), 3) for part in refinement(labels, logits=logits)[:3]]
        [1.115, 0.522, 0.593]
    """
    check_count("folds", folds, least=2)
    if isinstance(calibrator, str):
        if calibrator not in CALIBRATORS:
            raise ValueError(f"calibrator {calibrator!r} is not one of {', '.join(CALIBRATORS)}")
        calibrator = CALIBRATORS[calibrator]
    examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
    ordering = None if key is not None else ascending(examples.scores())
    return _parts(examples, ordering, key, calibrator, folds)


@functools.partial(jax.jit, static_argnames=("calibrator", "folds"))
def _parts(
    examples: Examples,
    ordering: Ordering | None,
    key: jax.Array | None,
    calibrator: type[Calibrator],
    folds: int,
) -> Refinement:
    x, y, w = examples.log_odds(), examples.labels, examples.weights
    if ordering is None:
        assert key is not None
        order = jax.random.permutation(key, len(w))
    else:
        order = ordering.order
    fold = _deal(order, y, w, folds)
    unseen, status = cross_fit(calibrator, examples, fold, folds)

    before, after = (jnp.where(w == 0, 0, bce_with_logits(each, y)) for each in (x, unseen))
    loss, rest, saved = (jnp.sum(w * each) / jnp.sum(w) for each in (before, after, before - after))
    return Refinement(loss, saved, rest, jnp.max(status))


def _deal(order: jax.Array, labels: jax.Array, weights: jax.Array, folds: int) -> jax.Array:
    """The fold of each example (n,): each class in turn, in the order given."""
    positive, counts = labels[order] > 0.5, weights[order] > 0
    turn = jnp.where(positive, jnp.cumsum(positive & counts), jnp.cumsum(~positive & counts))
    return jnp.zeros_like(order).at[order].set(turn.astype(order.dtype) % folds)
