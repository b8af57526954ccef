r"""The oracle: the binary cross-entropy and its derivatives to 120 bits, from the definitions.

Each quantity of bcejax.analysis.quantities is a sum of terms, and each term is a product that
loses no digits. What a sum loses is seen in the sum: the precision doubles until 120 bits are
left. A fixed precision is not enough: 1 - s(700) is 0 in 100 digits, and two precisions that are
both too small agree on a wrong zero.

The test of the oracle is tests/analysis/test_oracle.py: another implementation of exp and log,
constants, series, symmetries, differentiation at 400 digits, the traps.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bcejax.analysis.double_double import Extended, extended
from bcejax.analysis.quantities import DOMAINS, INSIDE, UNWEIGHTED, Terms
from bcejax.numerics import require

BITS = 120  # what is promised; a pair of float64 holds 106
START = 192
# A sum of terms at binary64 arguments is 0 or larger than 2^-4000 of its largest term: the
# smallest come from x = 2^-1074 (kl = x^2 / 8 at y = 1/2).
ZERO = 4000


def exact(
    quantity: str, logit: Any, label: Any, *, pos_weight: Any = 1, domain: str = "logits"
) -> Any:
    """One exact value, as an mpmath number with at least 120 right bits.

    Args:
        quantity: a row of the table in ``bcejax.analysis.quantities``, such as "value",
            "gradient" or "hessian".
        logit: the logit; with another domain the probability or log-probability. Python or
            NumPy numbers are taken as float64, mpmath's as they are.
        label: the label in [0, 1].
        pos_weight: factor on the y = 1 term; not used by the entropies and kl.
        domain: what ``logit`` is: "logits", "probs" or "log_probs".

    Returns:
        An ``mpmath.mpf``; +-inf where the limit is that, nan for a label or probability
        outside [0, 1] or a log-probability above 0. Its digits beyond mpmath's working
        precision are kept: ``mpmath.nstr(value, 30)`` shows 30 of them.

    Raises:
        ValueError: no such domain or quantity, or a pos_weight where none is taken.
        ModuleNotFoundError: mpmath is not installed.

    Example:
        >>> print(exact("value", 0, 1))
        0.693147180559945
        >>> print(exact("gradient", 700.0, 1))
        -9.85967654375977e-305
    """
    terms = _terms(quantity, domain, pos_weight)
    mpmath = require("mpmath", extra="cli", purpose="the oracle")
    x, y, q = (_number(mpmath.mp, each) for each in (logit, label, pos_weight))
    if not (0 <= y <= 1 and INSIDE[domain](x)):
        return mpmath.mp.nan
    return settle(lambda mp: terms(mp, x, y, q))


def exact_values(
    quantity: str,
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    pos_weight: ArrayLike = 1,
    domain: str = "logits",
) -> Extended:
    """Exact values for arrays, packed for ``ulp_error``.

    Args:
        quantity: as in ``exact``.
        logits: numbers of any shape (of the domain), each exact as stored.
        labels: numbers that broadcast with them; pass what the loss saw, so
            ``np.float32(0.3)`` and not 0.3 for a float32 pipeline.
        pos_weight: numbers that broadcast with both.
        domain: as in ``exact``.

    Returns:
        An ``Extended`` of the broadcast shape: the values to 106 bits.

    Raises:
        ValueError, ModuleNotFoundError: as ``exact``.

    Example:
        >>> exact_values("value", np.array([0.0, 800.0]), np.array([1, 1])).float64()
        array([0.69314718, 0.        ])
        >>> exact_values("hessian", np.array([800.0]), 1).exponent
        array([-1154])
    """
    arrays = [_exact_array(each) for each in (logits, labels, pos_weight)]
    points = np.broadcast(*arrays)
    values = [exact(quantity, x, y, pos_weight=q, domain=domain) for x, y, q in points]
    return extended(values, points.shape)


def settle(terms: Callable[[Any], Sequence[Any]]) -> Any:
    """The sum of ``terms(mpmath.mp)``, at a precision that leaves 120 bits of it right.

    Args:
        terms: given ``mpmath.mp``, computes the terms at its working precision, each to
            within 2^20 units of the last bit.

    Returns:
        The sum, an ``mpmath.mpf``; 0 if it is below 2^-4000 of the largest term.

    Example:
        >>> print(settle(lambda mp: [mp.exp(mp.mpf("1e-99")), -1]))
        1.0e-99
    """
    mp = require("mpmath", extra="cli", purpose="the oracle").mp
    precision = START
    while precision <= 2 * ZERO:
        with mp.workprec(precision):
            parts = terms(mp)
            total = mp.fsum(parts)
            lost = max((mp.mag(part) for part in parts), default=0) - mp.mag(total)
        if not mp.isfinite(total) or not any(parts) or precision - lost >= BITS + 20:
            return total
        precision *= 2
    return mp.mpf(0)


def _terms(quantity: str, domain: str, pos_weight: Any) -> Terms:
    if domain not in DOMAINS:
        raise ValueError(f"domain {domain!r} is not one of {', '.join(DOMAINS)}")
    if quantity not in DOMAINS[domain]:
        known = ", ".join(DOMAINS[domain])
        raise ValueError(f"quantity {quantity!r} on {domain} is not one of {known}")
    weighted = domain == "logits" and quantity not in UNWEIGHTED
    if not weighted and pos_weight != 1:
        raise ValueError(f"{quantity} on {domain} takes no pos_weight, got {pos_weight}")
    return DOMAINS[domain][quantity]


def _number(mp: Any, value: Any) -> Any:
    return value if isinstance(value, mp.mpf) else mp.mpf(float(value))


def _exact_array(values: ArrayLike) -> np.ndarray:
    array = np.asarray(values)
    return array if array.dtype == object else array.astype(np.float64)
