r"""What the oracle knows: the binary cross-entropy and its derivatives, as sums of terms.

Write x for a logit, y for its label, q for pos_weight, c = q y + 1 - y and

    s(x) = 1 / (1 + exp(-x)),    sp(x) = log(1 + exp(x)),    h(x) = s(x) s(-x).

On logits                                        on probabilities p (q = 1)
    value               q y sp(-x) + (1 - y) sp(x)   value           -y log p - (1 - y) log(1 - p)
    gradient            (1 - y) s(x) - q y s(-x)     gradient        (1 - y) / (1 - p) - y / p
    hessian             c h(x)                       hessian         (1 - y) / (1 - p)^2 + y / p^2
    third               c h(x) (s(-x) - s(x))        third           2(1-y)/(1-p)^3 - 2y/p^3
    fourth              c h(x) (1 - 6 h(x))          label_gradient  log(1 - p) - log p
    label_gradient      q sp(-x) - sp(x)         on log-probabilities u (q = 1)
    pos_weight_gradient y sp(-x)                     value           -y u - (1 - y) log(1 - e^u)
    entropy             -y log y - (1-y) log(1-y)    gradient        (1 - y) / (e^-u - 1) - y
    entropy_gradient    log(1 - y) - log y           hessian         (1 - y) e^-u / (e^-u - 1)^2
    kl                  value - entropy              label_gradient  log(1 - e^u) - u
    kl_label_gradient   log y - log(1 - y) - x

Limits are taken at infinite logits; 0 log 0 = 0. Each term is a product that loses no digits;
what their sum loses is the oracle's business.
"""

from collections.abc import Callable, Mapping
from typing import Any

Terms = Callable[[Any, Any, Any, Any], list[Any]]  # (mpmath.mp, x, y, q) to terms of a sum


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
    "third": lambda mp, p, y, q: [
        2 * _ratio(1 - y, (1 - p) ** 3, mp),
        -2 * _ratio(y, p**3, mp),
    ],
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
