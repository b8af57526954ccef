"""What every calibrator is: a fitted map from logits to logits.

A calibrator takes a model's log-odds x to log-odds g(x) that agree better with what happens;
sigmoid(g(x)) is the calibrated probability.  It is a frozen record and a pytree, so it crosses
jit, and a vmap over the weights of ``fit`` gives one record that holds many calibrators, such as
those of cross-validation.  Its parameters have names (``params``) and its fit has an outcome
(``status``).
"""

import abc
import dataclasses
import enum
from typing import Self

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.numerics import check_probs, log_odds, sigmoid, within
from bcejax.solvers import SolverStatus


class CalibratorStatus(enum.IntEnum):
    """How a fit ended.

    Example:
        >>> from bcejax.calibration import TemperatureScaling
        >>> fitted = TemperatureScaling.fit([0, 1, 0, 1], logits=[-2.0, 1.0, 3.0, 2.0])
        >>> CalibratorStatus(int(fitted.status)).name
        'CONVERGED'
    """

    CONVERGED = SolverStatus.CONVERGED  # at the optimum, to the last digits of the dtype
    AT_BOUND = SolverStatus.SEPARATED  # at the edge of the family, or the optimum is at infinity
    MAX_STEPS = SolverStatus.MAX_STEPS  # not converged, or nothing to fit
    DIVERGED = SolverStatus.DIVERGED  # a sum overflows, or a traced value should have been refused


@dataclasses.dataclass(frozen=True, eq=False)
class Calibrator(abc.ABC):
    """A fitted map from logits to logits.

    A subclass is decorated with ``jax.tree_util.register_dataclass`` and
    ``dataclasses.dataclass(frozen=True, eq=False)``; an option that is no array is a further
    field with ``metadata={"static": True}``.

    Attributes:
        params: named arrays, all that the map depends on.
        status: int32 that ``CalibratorStatus`` names.

    Example:
        >>> @jax.tree_util.register_dataclass
        ... @dataclasses.dataclass(frozen=True, eq=False)
        ... class Halving(Calibrator):
        ...     @classmethod
        ...     def fit(cls, labels, **given):
        ...         return cls({}, jnp.int32(CalibratorStatus.CONVERGED))
        ...     def _map(self, logits):
        ...         return logits / 2
        >>> calibrator = Halving.fit([])
        >>> calibrator(jnp.array([-4.0, 2.0])), calibrator.probs(probs=jnp.array([0.5]))
        (Array([-2.,  1.], dtype=float32), Array([0.5], dtype=float32))
    """

    params: dict[str, jax.Array]
    status: jax.Array

    @classmethod
    @abc.abstractmethod
    def fit(
        cls,
        labels: ArrayLike,
        *,
        logits: ArrayLike | None = None,
        probs: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        where: ArrayLike | None = None,
    ) -> Self:
        """The calibrator of this kind that fits the labels best.

        Works under jit, and under vmap over any of the arrays.

        Args:
            labels: numbers in [0, 1], any shape; soft labels are welcome.
            logits: floats of that shape, or
            probs: floats in [0, 1] of that shape. Exactly one of the two.
            weights: how often each example counts, >= 0; broadcasts to that shape.
            where: whether it counts at all; broadcasts to that shape.

        Returns:
            The fitted calibrator.

        Raises:
            TypeError, ValueError: as ``bcejax.calibration.examples.as_examples``.
        """

    @abc.abstractmethod
    def _map(self, logits: jax.Array) -> jax.Array:
        """g(x) for logits of float32 or wider, any shape."""

    def __call__(self, logits: ArrayLike) -> jax.Array:
        """Calibrated logits.

        Args:
            logits: floats of any shape; +-inf is a certain answer.

        Returns:
            Logits of that shape and dtype, float32 for lower precision.

        Raises:
            TypeError: logits are not floating.
        """
        logits = _floating("logits", logits)
        return self._map(logits).astype(logits.dtype)

    def probs(
        self, *, logits: ArrayLike | None = None, probs: ArrayLike | None = None
    ) -> jax.Array:
        """Calibrated probabilities of label 1.

        Args:
            logits: floats of any shape, or
            probs: floats in [0, 1] of any shape. Exactly one of the two.

        Returns:
            Numbers in [0, 1] of that shape and dtype, float32 for lower precision; nan, under
            jit, where a probability lies outside [0, 1].

        Raises:
            TypeError: scores that are not floating.
            ValueError: neither or both of logits and probs; unless traced, probabilities outside
                [0, 1].
        """
        if (logits is None) == (probs is None):
            given = "neither" if logits is None else "both"
            raise ValueError(f"give exactly one of logits= and probs=; {given} came")
        if probs is not None:
            logits = _log_odds(_floating("probs", check_probs(probs)))
        assert logits is not None
        return probs_of(self(logits))


# called eagerly on large arrays
probs_of = jax.jit(sigmoid)


@jax.jit
def _log_odds(probs: jax.Array) -> jax.Array:
    return log_odds(within(probs, 0.0, 1.0))


def _floating(name: str, values: ArrayLike) -> jax.Array:
    """An array of float32 or wider."""
    array = jnp.asarray(values)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{name} have dtype {array.dtype}; they must be floating")
    return array.astype(jnp.promote_types(array.dtype, jnp.float32))
