r"""Temperature scaling: one number that makes logits honest.

Every logit is divided by T > 0, chosen to minimise the cross-entropy:

    g(x) = a x,    a = 1 / T >= 0,    sum_i w_i l(a x_i, y_i) least

It is convex in a, so Newton's method finds the minimum.  The order of the scores, and so the
accuracy and the AUC, do not change.  Where the scores rank the labels worse than chance the best
a is 0, T = inf and every probability 1/2; where they tell the labels apart the best a is infinite,
and a large one is given.  Both are at the bound.

scikit-learn's ``beta_`` is a for probabilities, but a / 2 for a decision function, because it
doubles it.

References:
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural networks (2017).
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
class TemperatureScaling(Calibrator):
    """Logits divided by a temperature.

    ``params`` holds ``inverse_temperature``, a = 1 / T.

    Example:
        >>> calibrator = TemperatureScaling.fit([1, 1, 0, 0], logits=[4.0, 8.0, 4.0, -8.0])
        >>> round(float(calibrator.temperature), 3)
        3.953
        >>> calibrator(jax.numpy.array([0.0, jax.numpy.inf]))
        Array([ 0., inf], dtype=float32)
    """

    @property
    def temperature(self) -> jax.Array:
        """T = 1 / a."""
        return 1 / self.params["inverse_temperature"]

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
        """The temperature of least cross-entropy; arguments as ``Calibrator.fit``.

        Infinite logits take no part (``calibrators.fits``).

        Accuracy: in float64 the derivative of the cross-entropy is 1e-13 of the sum of its absolute
        terms or less; float32 is within 1e-5 of it (test_temperature.py and test_base.py of
        tests/calibration/calibrators).
        """
        examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
        params, status = fit_columns(examples, _columns)
        return cls({"inverse_temperature": params[0]}, status)

    def _map(self, logits: jax.Array) -> jax.Array:
        return scaled(self.params["inverse_temperature"], logits)


def _columns(logits: jax.Array) -> tuple[Columns, Columns]:
    return (), (logits,)
