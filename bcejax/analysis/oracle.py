r"""The oracle: the binary cross-entropy and its derivatives to 120 bits, from the definitions.

Write x for a logit, y for its label, q for pos_weight, c = q y + 1 - y and

    s(x) = 1 / (1 + exp(-x)),    sp(x) = log(1 + exp(x)),    h(x) = s(x) s(-x).

On logits                                        on probabilities p (q = 1)
    value               q y sp(-x) + (1 - y) sp(x)   value           -y log p - (1 - y) log(1 - p)
    gradient            (1 - y) s(x) - q y s(-x)     gradient        (1 - y) / (1 - p) - y / p
    hessian             c h(x)                       hessian         (1 - y) / (1 - p)^2 + y / p^2
    third               c h(x) (s(-x) - s(x))        label_gradient  log(1 - p) - log p
    fourth              c h(x) (1 - 6 h(x))
    label_gradient      q sp(-x) - sp(x)         on log-probabilities u (q = 1)
    pos_weight_gradient y sp(-x)                     value           -y u - (1 - y) log(1 - e^u)
    entropy             -y log y - (1-y) log(1-y)    gradient        (1 - y) / (e^-u - 1) - y
    entropy_gradient    log(1 - y) - log y           hessian         (1 - y) e^-u / (e^-u - 1)^2
    kl                  value - entropy              label_gradient  log(1 - e^u) - u
    kl_label_gradient   log y - log(1 - y) - x

Each of them is a sum of terms, and each term is a product that loses no digits.  What a sum
loses is seen in the sum: the precision doubles until 120 bits are left.  A fixed precision is
not enough: 1 - s(700) is 0 in 100 digits, and two precisions that are both too small agree on
a wrong zero.  Limits are taken at infinite logits; 0 log 0 = 0.

The test of the oracle is tests/analysis/test_oracle.py: constants of 50 digits, series,
symmetries, differentiation at 400 digits, the traps.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bcejax.analysis.double_double import Extended, extended
from bcejax.numerics import require

Terms = Callable[[Any, Any, Any, Any], list[Any]]  # (mpmath.mp, x, y, q) to terms of a sum

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
        quantity: a row of the table above, such as "value", "gradient" or "hessian".
        logit: the logit; with another domain the probability or log-probability. Python or
            NumPy numbers are taken as they are in binary: float32(0.1) is not 0.1.
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
    """Exact values for arrays, packed for ``ulp_error``; about 0.1 ms each.

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
            parts = [mp.mpf(part) for part in terms(mp)]
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


def _times(coefficient: Any, factor: Any) -> Any:
    """A product in which 0 is stronger than inf, as in the limits."""
    return coefficient * factor if coefficient else coefficient


def _ratio(above: Any, below: Any, mp: Any) -> Any:
    """A quotient of numbers >= 0 in which 0 / 0 = 0 and 1 / 0 = inf."""
    if not above or mp.isinf(below):
        return above * 0
    return above / below if below else mp.inf


def _sigmoid(mp: Any, x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _softplus(mp: Any, x: Any) -> Any:
    return mp.log1p(mp.exp(x))


def _log_complement(mp: Any, u: Any) -> Any:
    """log(1 - exp(u)) for u <= 0."""
    return mp.log(-mp.expm1(u)) if u > -1 else mp.log1p(-mp.exp(u))


def _value(mp: Any, x: Any, y: Any, q: Any) -> list[Any]:
    return [_times(q * y, _softplus(mp, -x)), _times(1 - y, _softplus(mp, x))]


def _entropy(mp: Any, x: Any, y: Any, q: Any) -> list[Any]:
    return [-_times(y, mp.log(y)), -_times(1 - y, mp.log1p(-y))]


def _kl(mp: Any, x: Any, y: Any, q: Any) -> list[Any]:
    return _value(mp, x, y, q) + [-part for part in _entropy(mp, x, y, q)]


def _curvature(mp: Any, x: Any, y: Any, q: Any) -> Any:
    return (q * y + (1 - y)) * _sigmoid(mp, x) * _sigmoid(mp, -x)


def _third(mp: Any, x: Any, y: Any, q: Any) -> list[Any]:
    h = _curvature(mp, x, y, q)
    return [h * _sigmoid(mp, -x), -h * _sigmoid(mp, x)]


def _fourth(mp: Any, x: Any, y: Any, q: Any) -> list[Any]:
    h = _curvature(mp, x, y, q)
    return [h, -6 * h * _sigmoid(mp, x) * _sigmoid(mp, -x)]


ON_LOGITS: Mapping[str, Terms] = {
    "value": _value,
    "gradient": lambda mp, x, y, q: [(1 - y) * _sigmoid(mp, x), -q * y * _sigmoid(mp, -x)],
    "hessian": lambda mp, x, y, q: [_curvature(mp, x, y, q)],
    "third": _third,
    "fourth": _fourth,
    "label_gradient": lambda mp, x, y, q: [_times(q, _softplus(mp, -x)), -_softplus(mp, x)],
    "pos_weight_gradient": lambda mp, x, y, q: [_times(y, _softplus(mp, -x))],
    "entropy": _entropy,
    "entropy_gradient": lambda mp, x, y, q: [mp.log1p(-y), -mp.log(y)],
    "kl": _kl,
    "kl_label_gradient": lambda mp, x, y, q: [mp.log(y), -mp.log1p(-y), -x],
}
UNWEIGHTED = ("entropy", "entropy_gradient", "kl", "kl_label_gradient")

ON_PROBS: Mapping[str, Terms] = {
    "value": lambda mp, p, y, q: [-_times(y, mp.log(p)), -_times(1 - y, mp.log1p(-p))],
    "gradient": lambda mp, p, y, q: [_ratio(1 - y, 1 - p, mp), -_ratio(y, p, mp)],
    "hessian": lambda mp, p, y, q: [_ratio(1 - y, (1 - p) ** 2, mp), _ratio(y, p**2, mp)],
    "label_gradient": lambda mp, p, y, q: [mp.log1p(-p), -mp.log(p)],
}

ON_LOG_PROBS: Mapping[str, Terms] = {
    "value": lambda mp, u, y, q: [-_times(y, u), -_times(1 - y, _log_complement(mp, u))],
    "gradient": lambda mp, u, y, q: [_ratio(1 - y, mp.expm1(-u), mp), -y],
    "hessian": lambda mp, u, y, q: [_ratio((1 - y) * mp.exp(u), mp.expm1(u) ** 2, mp)],
    "label_gradient": lambda mp, u, y, q: [_log_complement(mp, u), -u],
}

DOMAINS = {"logits": ON_LOGITS, "probs": ON_PROBS, "log_probs": ON_LOG_PROBS}
INSIDE: Mapping[str, Callable[[Any], bool]] = {
    "logits": lambda x: x >= float("-inf"),  # all but nan
    "probs": lambda p: 0 <= p <= 1,
    "log_probs": lambda u: u <= 0,
}
