r"""The mixture of a calibrator with the uniform forecast 1/2, which keeps log losses finite.

    p' = (1 - e) p + e / 2,    e = 1 / (n + 1),

n being the sum of the weights.  No probability is then nearer to 0 or 1 than e / 2, so one wrong
certain answer costs log(2 n + 2), not infinity.  As a logit, with p' - (1 - p') = (1 - e) tanh(x/2)
and q = (1 - e) sigmoid(-|x|) + e / 2 the rarer side's probability,

    |x'| = log1p((1 - e) tanh(|x| / 2) / q),

which subtracts nothing.
"""

import dataclasses
from typing import Any, Self

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.calibrators.base import Calibrator
from bcejax.calibration.calibrators.isotonic import IsotonicCalibration
from bcejax.calibration.examples import as_examples
from bcejax.numerics import sigmoid, tanh_half


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class UniformMixture(Calibrator):
    """Another calibrator's answer, mixed with 1/2.

    Attributes:
        params: "share", the e above.
        status: of the calibrator that is mixed.
        calibrator: that one.

    Example:
        >>> fit = UniformMixture.fit([0, 1, 1], logits=[-1.0, 1.0, 2.0], smoothing=0)
        >>> fit.probs(logits=jnp.array([-1.0, 2.0])).round(4)
        Array([0.125, 0.875], dtype=float32)
    """

    calibrator: Calibrator

    @classmethod
    def fit(
        cls,
        labels: ArrayLike,
        *,
        logits: ArrayLike | None = None,
        probs: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        where: ArrayLike | None = None,
        of: type[Calibrator] = IsotonicCalibration,
        **options: Any,
    ) -> Self:
        """Fit a calibrator and mix it.

        Args:
            labels: numbers in [0, 1], any shape.
            logits: floats of that shape, or
            probs: floats in [0, 1] of that shape. Exactly one of the two.
            weights: how often each example counts, >= 0; broadcasts to that shape.
            where: whether it counts at all; broadcasts to that shape.
            of: the class of the calibrator.
            **options: for its ``fit``, which refuses those that it does not know.

        Returns:
            The mixture.

        Raises:
            TypeError, ValueError: as the ``fit`` of that class.
        """
        examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
        calibrator = of.fit(
            labels, logits=logits, probs=probs, weights=weights, where=where, **options
        )
        share = 1 / (jnp.sum(examples.weights) + 1)
        return cls({"share": share}, calibrator.status, calibrator)

    def _map(self, logits: jax.Array) -> jax.Array:
        return _mixed(self.calibrator(logits), self.params["share"])


@jax.jit
def _mixed(logits: jax.Array, share: jax.Array) -> jax.Array:
    share = share.astype(logits.dtype)
    size = jnp.abs(logits)
    rarer = (1 - share) * sigmoid(-size) + share / 2
    return jnp.sign(logits) * jnp.log1p((1 - share) * tanh_half(size) / rarer)
