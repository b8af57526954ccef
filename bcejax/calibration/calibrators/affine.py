r"""Affine scaling: slope and intercept of the logits, by maximum likelihood.

    g(x) = a x + b,    sum_i w_i l(a x_i + b, y_i) least

This is the logistic regression of the labels on the logits, without the smoothed targets of
Platt's method.  The slope may come out negative, where high scores go with label 0.

References:
    D. R. Cox, Two further applications of a model for binary regression (1958).
"""

import dataclasses
from typing import Self

import jax
from jax.typing import ArrayLike

from bcejax.calibration.calibrators.base import Calibrator
from bcejax.calibration.calibrators.fits import Columns, fit_columns, scaled
from bcejax.calibration.examples import as_examples


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class AffineScaling(Calibrator):
    """Logits times a slope plus an intercept.

    ``params`` holds ``slope`` and ``intercept``.

    Example:
        >>> calibrator = AffineScaling.fit([0, 1, 0, 1], logits=[0.0, 1.0, 2.0, 3.0])
        >>> {name: round(float(value), 3) for name, value in sorted(calibrator.params.items())}
        {'intercept': -1.362, 'slope': 0.908}
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
        """Slope and intercept of least cross-entropy; arguments as ``Calibrator.fit``.

        Infinite logits take no part (``calibrators.fits``). Where the scores tell the labels apart
        no such slope is finite; a large one is given, and the status is AT_BOUND. Where all scores
        are equal, or all labels, the slope is 0.

        Accuracy: in float64 the derivative of the cross-entropy is 1e-13 of the sum of its absolute
        terms or less; float32 is within 1e-5 of it (test_affine.py and test_base.py of
        tests/calibration/calibrators).
        """
        examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
        (intercept, slope), status = fit_columns(examples, intercept_and_slope)
        return cls({"slope": slope, "intercept": intercept}, status)

    def _map(self, logits: jax.Array) -> jax.Array:
        return scaled(self.params["slope"], logits) + self.params["intercept"]


def intercept_and_slope(logits: jax.Array) -> tuple[Columns, Columns]:
    """The columns of an affine map, of any signs.

    Example:
        >>> intercept_and_slope(jax.numpy.array([2.0]))
        ((1.0, Array([2.], dtype=float32)), ())
    """
    return (1.0, logits), ()
