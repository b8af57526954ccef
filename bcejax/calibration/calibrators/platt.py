r"""Platt scaling: slope and intercept of the logits, fitted to targets that are not quite certain.

    g(x) = a x + b,    sum_i w_i l(a x_i + b, t_i) least,
    t = (N+ + 1) / (N+ + 2) for label 1,    1 / (N- + 2) for label 0

with N+ = sum w y and N- = sum w (1 - y).  The targets are the labels' Bayesian estimates under a
uniform prior; they keep a and b finite where the scores tell the labels apart.  A soft label y
gets the mean y t+ + (1 - y) t- of the two.  The slope may come out negative, where high scores go
with label 0.  Labels of one class give a = 0.  Scores are logits: a sigmoid of a probability is
another family, and fits worse.

References:
    J. Platt, Probabilistic outputs for support vector machines and comparisons to regularized
    likelihood methods (1999).
    H.-T. Lin, C.-J. Lin and R. C. Weng, A note on Platt's probabilistic outputs for support vector
    machines (2007).
"""

import dataclasses
from typing import Self

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.calibrators.affine import intercept_and_slope
from bcejax.calibration.calibrators.base import Calibrator
from bcejax.calibration.calibrators.fits import finite_logits, fit_columns, scaled
from bcejax.calibration.examples import Examples, as_examples


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class PlattScaling(Calibrator):
    """Logits times a slope plus an intercept, fitted to smoothed targets.

    ``params`` holds ``slope`` and ``intercept``.

    Example:
        >>> calibrator = PlattScaling.fit([0, 1], logits=[-3.0, 3.0])
        >>> calibrator.probs(logits=jnp.array([-3.0, 3.0])).round(4)
        Array([0.3333, 0.6667], dtype=float32)
    """

    @classmethod
    def fit(
        cls,
        labels: ArrayLike,
        *,
        logits: ArrayLike | None = None,
        probs: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        where: ArrayLike | None = None,
    ) -> Self:
        """Slope and intercept of least cross-entropy to the targets; as ``Calibrator.fit``.

        Infinite logits take no part (``calibrators.fits``), nor in N+ and N-.

        Accuracy: in float64 the derivative of the cross-entropy is 1e-13 of the sum of its absolute
        terms or less; float32 is within 1e-5 of it (test_platt.py and test_base.py of
        tests/calibration/calibrators).
        """
        examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
        (intercept, slope), status = fit_columns(
            examples, intercept_and_slope, labels=_targets(examples)
        )
        return cls({"slope": slope, "intercept": intercept}, status)

    def _map(self, logits: jax.Array) -> jax.Array:
        return scaled(self.params["slope"], logits) + self.params["intercept"]


@jax.jit
def _targets(examples: Examples) -> jax.Array:
    _, weights = finite_logits(examples)
    y = examples.labels
    positive, negative = jnp.sum(weights * y), jnp.sum(weights * (1 - y))
    return y * (positive + 1) / (positive + 2) + (1 - y) / (negative + 2)
