"""The losses of the family as one table, and their exact values and derivatives.

A row names a loss with its keywords bound and defines it as one would on paper, for mpmath; every
number in it (a gamma, a rate) is exact in float32.  The derivatives of the definition are central
differences at a precision that leaves 100 bits of them right.  tests/losses/test_family.py holds
the six rules for every row.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

import mpmath
import numpy as np
from reference import hard_logits

from bcejax import (
    asymmetric_loss,
    bi_tempered_loss,
    forward_corrected_loss,
    generalized_cross_entropy,
    logit_adjusted_loss,
    poly1_loss,
    sigmoid_focal_loss,
    symmetric_cross_entropy,
)
from bcejax.analysis import Extended, extended, spacing

QUANTITIES = ("value", "gradient", "hessian", "in_label")
COLUMNS = 5  # labels 0 and 1, and three soft ones


class Member(NamedTuple):
    """One loss with its keywords bound, and what it is on paper."""

    name: str
    loss: Callable  # (logits, labels, *, where=None) -> losses
    definition: Callable  # (mp, x, y) -> the loss, for soft labels too and a hair outside [0, 1]
    bounds: Mapping[str, float]  # in ulp, for each of QUANTITIES
    terms: Callable | None = None  # (mp, x, y) -> terms of "gradient", "hessian" or others
    limit: Callable | None = None  # the loss at keywords where it is the cross-entropy
    symmetric: bool = True  # l(x, y) = l(-x, 1 - y)
    deep: bool = True  # held down to the smallest normal number, not 1 / eps times that

    def __repr__(self):
        return self.name


def bounds(value, gradient, hessian, in_label):
    """The largest errors, in ulp of the largest term."""
    return dict(zip(QUANTITIES, (value, gradient, hessian, in_label), strict=True))


def softplus(mp, x):
    return mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x))


def prob(mp, x):
    return 1 / (1 + mp.exp(-x))


def cross_entropy(mp, x, y):
    return y * softplus(mp, -x) + (1 - y) * softplus(mp, x)


def miss(mp, x, y):
    """1 - p, where p is the probability of the label."""
    return y * prob(mp, -x) + (1 - y) * prob(mp, x)


def poly1(epsilon, mp, x, y):
    return cross_entropy(mp, x, y) + epsilon * miss(mp, x, y)


def poly1_terms(epsilon, mp, x, y):
    h = prob(mp, x) * prob(mp, -x)
    return {"hessian": [h, epsilon * (2 * y - 1) * h * (prob(mp, x) - prob(mp, -x))]}


def box_cox(q, mp, surprisal):
    return (1 - mp.exp(-mp.mpf(q) * surprisal)) / q if q else surprisal


def generalized(q, mp, x, y):
    ones, zeros = (box_cox(q, mp, softplus(mp, v)) for v in (-x, x))
    return y * ones + (1 - y) * zeros


def generalized_terms(q, mp, x, y):
    p, rest = prob(mp, x), prob(mp, -x)
    ones, zeros = y * p**q * rest, (1 - y) * rest**q * p
    return {"hessian": [zeros * rest, -q * zeros * p, ones * p, -q * ones * rest]}


def capped(log_zero, mp, p):
    return -mp.log(p) if p > mp.exp(log_zero) else -log_zero


def symmetric(alpha, beta, log_zero, mp, x, y):
    ones, zeros = (capped(log_zero, mp, each) for each in (y, 1 - y))
    reverse = ones * prob(mp, x) + zeros * prob(mp, -x)
    return alpha * cross_entropy(mp, x, y) + beta * reverse


def symmetric_terms(alpha, beta, log_zero, mp, x, y):
    p, rest = prob(mp, x), prob(mp, -x)
    h, free = p * rest, [0 if each <= mp.exp(log_zero) else 1 / each for each in (y, 1 - y)]
    slope = beta * h * (capped(log_zero, mp, y) - capped(log_zero, mp, 1 - y))
    return {
        "gradient": [alpha * (1 - y) * p, -alpha * y * rest, slope],
        "hessian": [alpha * h, slope * rest, -slope * p],
        "in_label": [-alpha * x, -beta * free[0] * p, beta * free[1] * rest],
    }


def recorded(f, g, mp, x):
    """Probabilities of a recorded 1 and 0."""
    p, rest = prob(mp, x), prob(mp, -x)
    return (1 - f) * p + g * rest, f * p + (1 - g) * rest


def forward_corrected(f, g, mp, x, y):
    ones, zeros = recorded(f, g, mp, x)
    return -y * mp.log(ones) - (1 - y) * mp.log(zeros)


def forward_corrected_terms(f, g, mp, x, y):
    (ones, zeros), p, rest = recorded(f, g, mp, x), prob(mp, x), prob(mp, -x)
    rise, fall = ((1 - f - g) * each * p * rest for each in ((1 - y) / zeros, y / ones))
    return {
        "gradient": [rise, -fall],
        "hessian": [rise * rest, -rise * f * p / zeros, fall * p, -fall * g * rest / ones],
        "in_label": [-mp.log(ones), mp.log(zeros)],
    }


@cache
def tempered_probs(mp, precision, x, t):
    """The p and c = 1 - p of log_t(p) - log_t(c) = x, by Newton's method on -log of the smaller."""
    k, size = t - 1, abs(x)
    if k == 0:
        return prob(mp, x), prob(mp, -x)
    v, missed = mp.log1p(k * (size + mp.expm1(k * mp.log(2)) / k)) / k, 1
    while abs(missed) > mp.mpf(2) ** (-precision // 2 - 60):
        u = -mp.log1p(-mp.exp(-v))
        missed = v - mp.log1p(k * (size + mp.expm1(k * u) / k)) / k
        v -= missed / (1 + mp.exp(-t * (v - u)))
    c = mp.exp(-v)
    return (1 - c, c) if x >= 0 else (c, 1 - c)


def tempered_log(mp, p, t):
    return mp.log(p) if t == 1 else (p ** (1 - t) - 1) / (1 - t)


def bi_tempered(t1, t2, mp, x, y):
    t, (p, c) = mp.mpf(t1), tempered_probs(mp, mp.prec, x, mp.mpf(t2))
    gathered = (1 - p ** (2 - t) - c ** (2 - t)) / (2 - t)
    return -y * tempered_log(mp, p, t) - (1 - y) * tempered_log(mp, c, t) - gathered


def bi_tempered_terms(t1, t2, mp, x, y):
    p, c = tempered_probs(mp, mp.prec, x, mp.mpf(t2))
    totals = {t: p**-t + c**-t for t in (mp.mpf(t1), mp.mpf(t2))}
    rise, quotient = 1 / totals[t2], totals[t1] / totals[t2]
    slopes = [(1 - y) * p * quotient, -y * c * quotient]
    of_quotient = [
        sign * t * rise * part ** (-t - 1) / totals[t]
        for t, signs in ((mp.mpf(t1), (1, -1)), (mp.mpf(t2), (-1, 1)))
        for part, sign in zip((c, p), signs, strict=True)
    ]
    bends = [rise * quotient, *(one * other for one in slopes for other in of_quotient)]
    return {"gradient": slopes, "hessian": bends}


def forward_corrected_member(f, g):
    rates = {"flip_positive": f, "flip_negative": g}
    return Member(
        f"forward_corrected_loss, {f}, {g}",
        partial(forward_corrected_loss, **rates),
        partial(forward_corrected, f, g),
        bounds(4, 4, 6, 4),
        terms=partial(forward_corrected_terms, f, g),
        limit=partial(forward_corrected_loss, flip_positive=0.0, flip_negative=0.0),
        symmetric=f == g,
    )


def focal_weight(alpha, y):
    return 1 if alpha is None else alpha * y + (1 - alpha) * (1 - y)


def focal(gamma, alpha, mp, x, y):
    return focal_weight(alpha, y) * miss(mp, x, y) ** mp.mpf(gamma) * cross_entropy(mp, x, y)


def focal_terms(gamma, alpha, mp, x, y):
    p, q, m, loss = prob(mp, x), prob(mp, -x), miss(mp, x, y), cross_entropy(mp, x, y)
    power, rate = m ** mp.mpf(gamma), (1 - 2 * y) * p * q / m
    weighted, plain = focal_weight(alpha, y) * power, [(1 - y) * p, -y * q]
    bend = [-gamma * rate * loss * each / m for each in ((1 - y) * p * p, -y * q * q)]
    focus = [gamma**2 * rate**2 * loss, *bend, *(2 * gamma * rate * each for each in plain), p * q]
    in_label = [-gamma * (p - q) * loss / m, -x]
    by_alpha = [] if alpha is None else [(2 * alpha - 1) * power * loss]
    return {
        "gradient": [weighted * each for each in (gamma * rate * loss, *plain)],
        "hessian": [weighted * each for each in focus],
        "in_label": [weighted * each for each in in_label] + by_alpha,
    }


def moved_down(shift, mp, x):
    return mp.fsum([max(prob(mp, x) - shift, mp.mpf(0))])


def asymmetric(gamma_pos, gamma_neg, shift, mp, x, y):
    u = moved_down(shift, mp, x)
    ones = prob(mp, -x) ** mp.mpf(gamma_pos) * softplus(mp, -x)
    return y * ones - (1 - y) * u ** mp.mpf(gamma_neg) * mp.log(1 - u)


def asymmetric_terms(gamma_pos, gamma_neg, shift, mp, x, y):
    p, q, g, k = prob(mp, x), prob(mp, -x), gamma_pos, gamma_neg
    u, loss, ones = moved_down(shift, mp, x), softplus(mp, -x), y * q**g
    above = (1 - y) * p * q * u**k if u else 0
    u, surprisal, v = u or 1, -mp.log(1 - u), 1 - u
    slopes = [k * surprisal / u, 1 / v]
    bends = [k**2 * surprisal / u**2, -k * surprisal / u**2, 2 * k / u / v, 1 / v**2]
    bends = [p * q * each for each in bends] + [(q - p) * each for each in slopes]
    focus = [g**2 * p**2 * loss, -g * p * q * loss, (2 * g + 1) * p * q]
    return {
        "gradient": [-ones * g * p * loss, -ones * q] + [above * each for each in slopes],
        "hessian": [ones * each for each in focus] + [above * each for each in bends],
    }


def logit_adjusted(prior, tau, mp, x, y):
    return cross_entropy(mp, x + tau * mp.log(mp.mpf(prior) / (1 - mp.mpf(prior))), y)


MEMBERS = [
    *(
        Member(
            f"logit_adjusted_loss, prior={prior}, tau={tau}",
            partial(logit_adjusted_loss, prior=prior, tau=tau),
            partial(logit_adjusted, prior, tau),
            bounds(3, 2, 4, 4),
            limit=partial(logit_adjusted_loss, prior=0.5),
            symmetric=False,
            deep=False,
        )
        for prior, tau in ((0.25, 1.0), (0.00390625, 1.5))
    ),
    *(
        Member(
            f"asymmetric_loss, {gamma_pos}, {gamma_neg}, shift={shift}",
            partial(asymmetric_loss, gamma_pos=gamma_pos, gamma_neg=gamma_neg, shift=shift),
            partial(asymmetric, gamma_pos, gamma_neg, shift),
            bounds(4, 4.5, 8, 8),
            terms=partial(asymmetric_terms, gamma_pos, gamma_neg, shift),
            limit=partial(asymmetric_loss, gamma_pos=0.0, gamma_neg=0.0, shift=0.0),
            symmetric=False,
            deep=not shift,
        )
        for gamma_pos, gamma_neg, shift in ((0.0, 4.0, 0.0625), (1.0, 2.0, 0.0), (0.0, 0.5, 0.375))
    ),
    *(
        Member(
            f"sigmoid_focal_loss, gamma={gamma}, alpha={alpha}",
            partial(sigmoid_focal_loss, gamma=gamma, alpha=alpha),
            partial(focal, gamma, alpha),
            bounds(4, 4, 8, 8),
            terms=partial(focal_terms, gamma, alpha),
            limit=partial(sigmoid_focal_loss, gamma=0.0),
            symmetric=alpha is None,
        )
        for gamma, alpha in ((2.0, None), (0.5, None), (5.0, None), (3.0, 0.25))
    ),
    *(
        Member(
            f"poly1_loss, epsilon={epsilon}",
            partial(poly1_loss, epsilon=epsilon),
            partial(poly1, epsilon),
            bounds(3, 3, 4, 3),
            terms=partial(poly1_terms, epsilon),
            limit=partial(poly1_loss, epsilon=0.0),
        )
        for epsilon in (1.0, 3.0)
    ),
    *(
        Member(
            f"generalized_cross_entropy, q={q}",
            partial(generalized_cross_entropy, q=q),
            partial(generalized, q),
            bounds(4, 4, 6, 4),
            terms=partial(generalized_terms, q),
            limit=partial(generalized_cross_entropy, q=0.0),
        )
        for q in (0.6875,)
    ),
    *(
        Member(
            f"symmetric_cross_entropy, {alpha}, {beta}, {log_zero}",
            partial(symmetric_cross_entropy, alpha=alpha, beta=beta, log_zero=log_zero),
            partial(symmetric, alpha, beta, log_zero),
            bounds(4, 4, 6, 4),
            terms=partial(symmetric_terms, alpha, beta, log_zero),
            limit=partial(symmetric_cross_entropy, alpha=1.0, beta=0.0),
        )
        for alpha, beta, log_zero in ((1.0, 1.0, -4.0),)
    ),
    Member(
        "bi_tempered_loss, 0.75, 1.25",
        partial(bi_tempered_loss, t1=0.75, t2=1.25),
        partial(bi_tempered, 0.75, 1.25),
        bounds(4, 5, 8, 4),
        terms=partial(bi_tempered_terms, 0.75, 1.25),
        limit=partial(bi_tempered_loss, t1=1.0, t2=1.0),
    ),
    *(forward_corrected_member(f, g) for f, g in ((0.25, 0.125), (0.0, 0.25))),
]


class Truth(NamedTuple):
    """Exact results at the points, and the unit in which each is measured."""

    exact: Extended
    scale: np.ndarray  # the ulp of the exact result in ulp of the largest term
    fits: np.ndarray  # whether nothing on the way to it is subnormal
    missing: np.ndarray  # how far the listed terms are from adding up, in the largest of them


@cache
def points(dtype: type, n: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Logits that hurt, both edges among them, each with labels 0 and 1 and three soft ones."""
    draw = np.random.default_rng(1)
    logits = hard_logits(dtype, 8)
    logits = np.concatenate([draw.choice(logits[:-4], n - 4, replace=False), logits[-4:]])
    x = np.repeat(logits, COLUMNS)
    kinds = [0, 1, 0.3, draw.random(x.size), 0.999]
    y = np.select([np.arange(x.size) % COLUMNS == i for i in range(COLUMNS)], kinds)
    return x, y.astype(dtype)


@cache
def truth(place: int, dtype: type) -> dict[str, Truth]:
    """The oracle for the row ``MEMBERS[place]`` at ``points(dtype)``."""
    member, (x, y) = MEMBERS[place], points(dtype)
    rows = [_derivatives(member, dtype, *each) for each in zip(x, y, strict=True)]
    exact = {q: extended([row[q] for row in rows], x.shape) for q in QUANTITIES}
    sizes = {q: np.abs(exact[q].float64()) for q in QUANTITIES}
    largest = {q: _largest_of_mixture(q, sizes, y) for q in QUANTITIES}
    missing = {q: np.zeros(x.size) for q in QUANTITIES}
    tiny, eps = np.finfo(dtype).tiny, np.finfo(dtype).eps
    held = {q: member.deep and q in ("value", "gradient") for q in QUANTITIES}
    hard = {q: ((y == 0) | (y == 1)) & held[q] for q in QUANTITIES}
    for q in rows[0]["terms"]:
        largest[q] = np.array([max(float(abs(t)) for t in row["terms"][q]) for row in rows])
        missing[q] = np.array([_missing(row["terms"][q], row[q]) for row in rows])
    return {
        q: Truth(
            exact[q],
            spacing(exact[q], dtype) / spacing(np.maximum(largest[q], sizes[q]), dtype),
            (sizes[q] >= np.where(hard[q], tiny, tiny / eps)) | (sizes[q] == 0),
            missing[q],
        )
        for q in QUANTITIES
    }


def _missing(terms: list, total: Any) -> float:
    with mpmath.mp.workprec(2000):
        return float(abs(mpmath.mp.fsum(terms) - total) / (max(abs(t) for t in terms) or 1))


def _largest_of_mixture(quantity: str, sizes: dict, y: np.ndarray) -> np.ndarray:
    """The larger of the two terms of a loss that is linear in its label."""
    table = sizes["value" if quantity == "in_label" else quantity].reshape(-1, COLUMNS)
    zeros, ones = (np.repeat(table[:, label], COLUMNS) for label in (0, 1))
    if quantity == "in_label":
        return np.maximum(zeros, ones)
    return np.maximum((1 - y) * zeros, y * ones)


def _derivatives(member: Member, dtype: type, x: Any, y: Any) -> dict[str, Any]:
    """Value and derivatives by differences, and the terms that the row lists."""
    mp, deep = mpmath.mp, 200 if dtype == np.float32 else 1200  # below the bits of any probability
    with mp.workprec(deep + 400):
        step = mp.mpf(2) ** -120
        at = partial(member.definition, mp)
        x, y = mp.mpf(float(x)), mp.mpf(float(y))
        low, middle, high = (at(x + k * step, y) for k in (-1, 0, 1))
        found = {
            "value": middle,
            "gradient": (high - low) / (2 * step),
            "hessian": (high - 2 * middle + low) / step**2,
            "terms": {} if member.terms is None else member.terms(mp, x, y),
        }
    with mp.workprec(2 * deep + 400):
        step = mp.mpf(2) ** -deep
        at = partial(member.definition, mp, x)
        return found | {"in_label": (at(y + step) - at(y - step)) / (2 * step)}
