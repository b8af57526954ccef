r"""Beta calibration: the family that contains the identity and bends both tails apart.

    g = a log p - b log(1 - p) + c = c - a softplus(-x) + b softplus(x),    a, b >= 0

It is the log-odds of two beta densities, so it never decreases.  Four variants:

    abm    a, b, c free
    am     a = b: slope and intercept of the logit
    ab     c = (a - b) log 2: probability 1/2 stays
    a      a = b, c = 0: temperature

Both features come from the logit, so no probability is rounded to 1.  Where the cross-entropy
would have a or b negative, the best map with a, b >= 0 is found among those with one or both at 0.
betacal 1.1.0 repairs one sign once, so its maps can decrease, and leaves ``ab`` unconstrained.

References:
    M. Kull, T. M. Silva Filho and P. Flach, Beyond sigmoids: how to obtain well-calibrated
    probabilities from binary classifiers with beta calibration (2017).
"""

import dataclasses
import math
from typing import Literal, Self

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bcejax.calibration.calibrators.base import Calibrator
from bcejax.calibration.calibrators.fits import Columns, fit_columns, scaled
from bcejax.calibration.examples import Examples, as_examples
from bcejax.numerics import softplus

Variant = Literal["abm", "am", "ab", "a"]
LOG2 = math.log(2)


def _abm(x: jax.Array) -> tuple[Columns, Columns]:
    return (1.0,), (-softplus(-x), softplus(x))


def _am(x: jax.Array) -> tuple[Columns, Columns]:
    return (1.0,), (x,)


def _ab(x: jax.Array) -> tuple[Columns, Columns]:
    return (), (LOG2 - softplus(-x), softplus(x) - LOG2)


def _a(x: jax.Array) -> tuple[Columns, Columns]:
    return (), (x,)


COLUMNS = {"abm": _abm, "am": _am, "ab": _ab, "a": _a}


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class BetaCalibration(Calibrator):
    """a log p - b log(1 - p) + c.

    ``params`` holds ``a``, ``b`` and ``c``.

    Example:
        >>> probs = [0.1, 0.2, 0.3, 0.4, 0.6, 0.7]
        >>> calibrator = BetaCalibration.fit([0, 1, 0, 1, 0, 1], probs=probs)
        >>> {name: round(float(value), 3) for name, value in calibrator.params.items()}
        {'a': 0.914, 'b': 0.0, 'c': 1.043}
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
        variant: Variant = "abm",
    ) -> Self:
        """The map of least cross-entropy.

        Infinite logits take no part (``calibrators.fits``). Where a sign holds a or b at 0, or the
        scores tell the labels apart, the status is AT_BOUND.

        Args:
            labels: numbers in [0, 1], any shape; soft labels are welcome.
            logits: floats of that shape, or
            probs: floats in [0, 1] of that shape. Exactly one of the two.
            weights: how often each example counts, >= 0; broadcasts to that shape.
            where: whether it counts at all; broadcasts to that shape.
            variant: "abm", "am", "ab" or "a", as above.

        Raises:
            ValueError: the variant is none of these; else as ``Calibrator.fit``.

        Accuracy: in float64 the derivative of the cross-entropy in what is not held at 0 is 1e-12
        of the sum of its absolute terms or less, and in what is held it is not negative
        (tests/calibration/calibrators/test_beta.py).
        """
        if variant not in COLUMNS:
            raise ValueError(f"variant {variant!r} is not one of {', '.join(map(repr, COLUMNS))}")
        examples = as_examples(labels, logits=logits, probs=probs, weights=weights, where=where)
        params, status = _fit(examples, variant)
        return cls(dict(zip("abc", params, strict=True)), status)

    def _map(self, logits: jax.Array) -> jax.Array:
        return _bent(logits, **self.params)


@jax.jit
def _bent(logits: jax.Array, a: jax.Array, b: jax.Array, c: jax.Array) -> jax.Array:
    return c - scaled(a, softplus(-logits)) + scaled(b, softplus(logits))


def _fit(examples: Examples, variant: Variant) -> tuple[tuple[jax.Array, ...], jax.Array]:
    params, status = fit_columns(examples, COLUMNS[variant])
    if variant == "abm":
        c, a, b = params
    elif variant == "am":
        c, a = params
        b = a
    elif variant == "ab":
        a, b = params
        c = (a - b) * LOG2
    else:
        (a,) = params
        b, c = a, jnp.zeros_like(a)
    return (a, b, c), status
