"""From which logit on the derivatives of a form are lost: by half, altogether, exactly 0."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from bcejax.analysis import exact_values
from experiments.accuracy_of_forms.forms import Form, Found
from experiments.accuracy_of_forms.points import EDGES

DERIVATIVES = ("hessian", "third")
FIRST = 1.0  # the third derivative is 0 at 0, where few digits say little
FINE = 64.0  # logits beyond are looked at more coarsely
SIDES = tuple(itertools.product((1.0, -1.0), (0.0, 1.0)))  # sign of the logit, label


class Death(NamedTuple):
    """Where one derivative of a form ends, on one side and for one label; None if it does not."""

    dtype: str
    form: str
    quantity: str
    label: float
    sign: float
    half: float | None  # |logit| from which on the relative error is at least sqrt(eps),
    all: float | None  # at least 1/2,
    zero: float | None  # and the derivative exactly 0


class Scan(NamedTuple):
    """What the forms give in one dtype, on either side, for either label."""

    dtype: str
    sizes: np.ndarray  # (n,) |logits|, ascending
    exact: Mapping[str, np.ndarray]  # by quantity, (n,) float64, at positive logits
    found: Mapping[str, Mapping[tuple[float, float], Found]]  # by form, then sign and label

    def errors(self, form: str, quantity: str, side: tuple[float, float]) -> np.ndarray:
        """Relative errors (n,), inf for nan."""
        exact = self.exact[quantity] * (side[0] if quantity == "third" else 1)
        got = self.found[form][side][quantity].astype(np.float64)
        with np.errstate(over="ignore"):
            return np.nan_to_num(np.abs(got / exact - 1), nan=np.inf, posinf=np.inf)

    def deaths(self) -> Iterator[Death]:
        """Of every form that offers derivatives."""
        half = float(jnp.finfo(self.dtype).eps) ** 0.5
        for form, sides in self.found.items():
            for quantity, side in itertools.product(DERIVATIVES, SIDES):
                if quantity in sides[side]:
                    off = self.errors(form, quantity, side)
                    zero = sides[side][quantity] == 0
                    lost = (self._from(each) for each in (off >= half, off >= 0.5, zero))
                    yield Death(self.dtype, form, quantity, side[1], side[0], *lost)

    def _from(self, lost: np.ndarray) -> float | None:
        """The |logit| from which on all are lost."""
        alive = np.flatnonzero(~lost)
        first = alive[-1] + 1 if alive.size else 0
        return float(self.sizes[first]) if first < lost.size else None


def scan(dtype: str, forms: Mapping[str, Form], step: float) -> Scan:
    """Each form that exists in a dtype, on all sides."""
    sizes = sizes_of(dtype, step)
    exact = {name: exact_values(name, sizes, 0).float64() for name in DERIVATIVES}
    logits = np.concatenate([sign * sizes for sign, _ in SIDES])
    labels = np.repeat([label for _, label in SIDES], sizes.size).astype(sizes.dtype)
    found = {}
    for name, form in forms.items():
        if dtype in form.dtypes:
            got = form(logits.astype(sizes.dtype), labels)
            found[name] = {
                side: {quantity: np.split(each, len(SIDES))[i] for quantity, each in got.items()}
                for i, side in enumerate(SIDES)
            }
    return Scan(dtype, sizes, exact, found)


def sizes_of(dtype: str, step: float) -> np.ndarray:
    """|logits| from 1 to the edge, as numbers of the dtype."""
    edge = EDGES[dtype]
    fine = np.arange(FIRST, min(FINE, edge), step)
    coarse = np.arange(FINE, edge, 32 * step)
    return np.unique(np.concatenate([fine, coarse, [edge]]).astype(jnp.dtype(dtype)))


class First(NamedTuple):
    """The smallest |logit| of each kind over the sides and labels of one derivative."""

    half: float | None
    all: float | None
    zero: float | None


def first_of(deaths: Iterable[Death], dtype: str, form: str, quantity: str) -> First:
    """Where a derivative of a form is lost first."""
    own = [
        each for each in deaths if (each.dtype, each.form, each.quantity) == (dtype, form, quantity)
    ]
    kinds = ([each.half for each in own], [each.all for each in own], [each.zero for each in own])
    return First(*(min((at for at in kind if at is not None), default=None) for kind in kinds))


def newton_step(found: Found) -> np.ndarray:
    """-gradient / hessian, float64: where a step of Newton's method would go."""
    gradient, hessian = (found[name].astype(np.float64) for name in ("gradient", "hessian"))
    with np.errstate(divide="ignore", invalid="ignore"):
        return -gradient / hessian


def exact_newton_step(logits: np.ndarray, label: float) -> np.ndarray:
    """-(s - y) / (s (1 - s)): 1 + exp(-x) for label 1 and -(1 + exp(x)) for label 0."""
    wide = logits.astype(np.float64)
    return 1 + np.exp(-wide) if label else -(1 + np.exp(wide))
