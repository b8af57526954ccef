"""What is claimed: ours never dies, and optax's second derivative does where theory puts it."""

import math
from collections.abc import Iterator, Mapping

import jax.numpy as jnp
import numpy as np

from bcejax.analysis import spacing
from experiments import Claim
from experiments.accuracy_of_forms.forms import HIGHEST, OPTAX, OURS
from experiments.dead_derivatives.deaths import (
    DERIVATIVES,
    SIDES,
    Death,
    Scan,
    exact_newton_step,
    first_of,
    newton_step,
)
from experiments.tolerances import tolerance


def claims_of(scans: Mapping[str, Scan], deaths: list[Death], step: float) -> Iterator[Claim]:
    """On ours and on optax's, dtype by dtype."""
    for dtype, scan in scans.items():
        for form in (OURS, HIGHEST):
            lost = count_half_lost(scan, form)
            text = f"{form} in {dtype}: logits where a derivative has lost half of its digits"
            yield Claim(text, lost, "==", 0)
            text = f"{form} in {dtype}: relative error of a Newton step over eps"
            yield Claim(text, newton_error(scan, form), "<=", tolerance(dtype).newton_step)
        dead = first_of(deaths, dtype, OPTAX, "hessian").zero
        off = math.nan if dead is None else dead - sum_is_its_argument(dtype)
        text = f"optax in {dtype}: logit where its second derivative dies, off the predicted one"
        yield Claim(text, abs(off), "<=", step)


def complement_is_0(dtype: str) -> float:
    """The logit from which on 1 - sigmoid(x) is rounded to 0."""
    return math.log(2 / float(jnp.finfo(dtype).eps))


def sum_is_its_argument(dtype: str) -> float:
    """The logit from which on x + log1p(exp(-x)) is rounded to x: exp(-x) <= ulp(x) / 2."""
    x = np.arange(1, 64, 1e-3)
    return float(x[np.argmax(np.exp(-x) <= spacing(x, dtype) / 2)])


def count_half_lost(scan: Scan, form: str) -> int:
    """At how many logits a form has lost half of the digits of a derivative, on any side."""
    half = float(jnp.finfo(scan.dtype).eps) ** 0.5
    return sum(
        int((scan.errors(form, quantity, side) >= half).sum())
        for quantity in DERIVATIVES
        for side in SIDES
    )


def newton_error(scan: Scan, form: str) -> float:
    """The largest relative error of a Newton step through a form, over eps."""
    worst = 0.0
    for sign, label in SIDES:
        exact = exact_newton_step(sign * scan.sizes, label)
        step = newton_step(scan.found[form][sign, label])
        worst = max(worst, float(np.abs(step / exact - 1).max()))
    return worst / float(jnp.finfo(scan.dtype).eps)
