r"""How results are judged: errors in ulp, a bound for each quantity, one line on what is wrong.

    quantity          bound   unit
    value               4     of the exact result
    gradient            4     of the exact result; for soft labels of the larger of it and
                              sigmoid(x), since it vanishes at sigmoid(x) = y by subtraction;
                              on probabilities of the larger of its two terms
    hessian             6     of the exact result
    third derivative   10     of the hessian, since h (s(-x) - s(x)) vanishes at 0 by subtraction;
                              on probabilities, for soft labels, of the larger of its two terms
    label gradient      4     of the larger of its two terms, the losses for labels 0 and 1

A careful loss rounds a handful of times on top of exp and log1p, which XLA has to 1 or 2 ulp: the
best known need 3, 1, 2.5 and 5 ulp in float32 and float64 alike.  The bounds leave room for plain
formulas that are sound, and none for one that loses its digits: that is 2^8 ulp in bfloat16, 2^24
in float32.

Of a result below 16 times the smallest normal number, an absolute error up to that number is
forgiven: it, or a part of it, may be flushed to 0.  A result whose larger term overflows may be
inf, or the largest number times the weight that a soft label gives the term.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from bcejax.analysis.auditing.bench import Bench
from bcejax.analysis.auditing.points import Points, exact_at
from bcejax.analysis.auditing.records import Check, Status
from bcejax.analysis.ulp import spacing, ulp_error

BOUNDS = {"value": 4.0, "gradient": 4.0, "hessian": 6.0, "third": 10.0, "label_gradient": 4.0}
TITLES = {"third": "third derivative", "label_gradient": "label gradient"}


class Reading(NamedTuple):
    """One quantity at some points, and how far it is from what is right."""

    quantity: str
    points: Points
    got: np.ndarray
    right: np.ndarray  # float64
    errors: np.ndarray  # in units of judging's table
    bound: float

    @property
    def wrong(self) -> np.ndarray:
        """Where the bound is missed, (n,) booleans."""
        return ~(self.errors <= self.bound)


def read(bench: Bench, quantity: str, points: Points) -> Reading:
    """Ask for the quantity at the points and measure it."""
    return measure(bench, quantity, points, bench.take(quantity, points))


def measure(bench: Bench, quantity: str, points: Points, got: np.ndarray) -> Reading:
    """The reading of results that came from elsewhere."""
    exact = exact_at(quantity, bench.subject.form, points.scores, points.labels)
    right = exact.float64()
    own = np.where(np.isfinite(right), spacing(exact, bench.dtype), 1)
    errors = ulp_error(got, exact, bench.dtype) * (own / _units(bench, quantity, points))
    fine = _flushed(bench, got.astype(float), right) | _held(bench, points, got, right)
    return Reading(quantity, points, got, right, np.where(fine, 0, errors), BOUNDS[quantity])


def compare(
    bench: Bench, quantity: str, points: Points, got: np.ndarray, other: np.ndarray, way: str
) -> Reading:
    """How far two ways to one quantity are apart; each may be off by the bound."""
    one, two = got.astype(float), other.astype(float)
    same = (one == two) | (np.isnan(one) & np.isnan(two)) | _flushed(bench, one, two)
    with np.errstate(invalid="ignore", over="ignore"):
        errors = np.where(same, 0, np.abs(one - two) / _units(bench, quantity, points))
    bound = 2 * BOUNDS[quantity]
    return Reading(f"{quantity} {way}", points, got, two, errors, bound)


def close(bench: Bench, got: np.ndarray, want: np.ndarray) -> bool:
    """Whether two arrays of losses agree within the bound of the value."""
    errors = ulp_error(got, np.asarray(want).astype(float), bench.dtype)
    return bool((errors <= BOUNDS["value"]).all())


def conclude(readings: Sequence[Reading]) -> Check:
    """The check that all readings keep their bounds, with the worst point of all."""
    worst = max(readings, key=lambda reading: _rank(reading.errors / reading.bound))
    failed = any(reading.wrong.any() for reading in readings)
    place = _telling(worst) if failed else int(np.argmax(worst.errors))
    note = describe(worst, place) if failed else f"within {worst.bound:g} ulp"
    return Check(
        Status.FAILED if failed else Status.PASSED,
        note,
        at=(worst.points.scores[place], worst.points.labels[place]),
        got=float(worst.got[place]),
        right=float(worst.right[place]),
        error=float(worst.errors[place]),
        bound=worst.bound,
    )


def describe(reading: Reading, place: int) -> str:
    """What is wrong at the place, and where else."""
    got, right = float(reading.got[place]), float(reading.right[place])
    name = TITLES.get(reading.quantity, reading.quantity)
    fault = f"{name} is {reading.errors[place]:.3g} ulp off"
    if not reading.errors[place] < 1000:  # then the leading digits say it
        fault = f"{name} is {got:.3g} where {right:.3g} is right"
    regions = np.array(reading.points.regions)
    others = dict.fromkeys(regions[reading.wrong & (regions != regions[place])])
    places = ", ".join([regions[place], *others])
    return f"{fault}; {places}"


def _flushed(bench: Bench, got: np.ndarray, right: np.ndarray) -> np.ndarray:
    smallest = float(jnp.finfo(bench.dtype).smallest_normal)
    with np.errstate(invalid="ignore", over="ignore"):
        return (np.abs(right) < 16 * smallest) & (np.abs(got - right) <= smallest)


def _held(bench: Bench, points: Points, got: np.ndarray, right: np.ndarray) -> np.ndarray:
    largest, y = float(jnp.finfo(bench.dtype).max), np.array(points.labels)
    share = np.where((y > 0) & (y < 1), np.minimum(y, 1 - y), 1)
    large = np.abs(got.astype(float)) >= 0.99 * share * largest
    return (np.abs(right) > share * largest) & large & (np.sign(got) == np.sign(right))


def _units(bench: Bench, quantity: str, points: Points) -> np.ndarray:
    """The unit in which errors count: of the result, or of what it is the difference of."""
    exact = exact_at(quantity, bench.subject.form, points.scores, points.labels).float64()
    size = np.maximum(np.abs(exact), _scale(bench, quantity, points))
    return spacing(np.where(np.isfinite(exact) & np.isfinite(size), size, 1), bench.dtype)


def _scale(bench: Bench, quantity: str, points: Points) -> np.ndarray:
    """The size of the terms whose difference the quantity is; 0 where it is none."""
    form, y = bench.subject.form, np.array(points.labels)
    soft = (y > 0) & (y < 1)

    def part(of: str, label: float) -> np.ndarray:
        same = (label,) * len(points.labels)
        return np.abs(exact_at(of, form, points.scores, same).float64())

    if quantity == "label_gradient":
        return np.maximum(part("value", 0.0), part("value", 1.0))
    if form == "logits":
        if quantity == "gradient":
            return np.where(soft, part("gradient", 0.0), 0)
        return part("hessian", 0.0) if quantity == "third" else np.zeros_like(y)
    if quantity in ("gradient", "third"):
        with np.errstate(invalid="ignore"):
            terms = np.maximum((1 - y) * part(quantity, 0.0), y * part(quantity, 1.0))
        return np.where(soft, terms, 0)
    return np.zeros_like(y)


def _rank(ratios: np.ndarray) -> float:
    return float(np.max(np.where(np.isnan(ratios), np.inf, ratios)))


def _telling(reading: Reading) -> int:
    """Of the points that are about as wrong as the worst, the one nearest to 0."""
    errors = np.where(np.isnan(reading.errors), np.inf, reading.errors)
    bad = reading.wrong & (errors >= min(errors.max(), np.finfo(float).max) / 2)
    size = np.nan_to_num(np.abs(np.array(reading.points.scores)), posinf=np.finfo(float).max)
    return int(np.argmin(np.where(bad, size, np.inf)))
