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

from bcejax import poly1_loss
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


MEMBERS = [
    *(
        Member(
            f"poly1_loss, epsilon={epsilon}",
            partial(poly1_loss, epsilon=epsilon),
            partial(poly1, epsilon),
            bounds(4, 4, 6, 4),
            terms=partial(poly1_terms, epsilon),
            limit=partial(poly1_loss, epsilon=0.0),
        )
        for epsilon in (1.0, 3.0)
    ),
]


class Truth(NamedTuple):
    """Exact results at the points, and the unit in which each is measured."""

    exact: Extended
    scale: np.ndarray  # the ulp of the exact result in ulp of the largest term
    fits: np.ndarray  # whether the exact result, and for soft labels each term, is a normal number
    missing: np.ndarray  # how far the listed terms are from adding up, in the largest of them


@cache
def points(dtype: type, n: int = 32) -> tuple[np.ndarray, np.ndarray]:
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
    # a term of a soft label, its share of a small number, is flushed before the sum
    least = np.finfo(dtype).tiny / np.where((y == 0) | (y == 1), 1, np.finfo(dtype).eps)
    for q in rows[0]["terms"]:
        largest[q] = np.array([max(float(abs(t)) for t in row["terms"][q]) for row in rows])
        missing[q] = np.array([_missing(row["terms"][q], row[q]) for row in rows])
    return {
        q: Truth(
            exact[q],
            spacing(exact[q], dtype) / spacing(np.maximum(largest[q], sizes[q]), dtype),
            (sizes[q] >= least) | (sizes[q] == 0),
            missing[q],
        )
        for q in QUANTITIES
    }


def _missing(terms: list, total: Any) -> float:
    with mpmath.mp.workprec(2000):
        return float(abs(mpmath.mp.fsum(terms) - total) / max(abs(t) for t in terms))


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
