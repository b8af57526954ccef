"""How far can finite differences be trusted, and why do checks of gradients pass wrong ones?

Run:     python -m experiments run finite_differences    10 s on two cores
Expect:  At their best step forward differences keep 1/2, central ones 2/3 and the five-point
         formula 4/5 of the digits; the complex step keeps all, and is wrong in silence through
         |x|. On 300 elements forward check_grads passes a gradient that is half wrong, and chex
         one of a mean loss that is 50 times the right one: their tolerances grow with the number
         of elements. One scalar at a time, or units in the last place, do not.

The first part differentiates the loss of label 1 at logits in [-4, 4] by differences with every
step 2^-k, in float32 and float64, against 120-bit arithmetic. A formula of order p with step h is
off by two terms, which balance near h = eps^(1/(p + 1)) and then leave eps^(p/(p + 1)):

    c h^p |l^(p+1)|      what the formula leaves out; the derivatives come from autodiff
    A u |l| / h          what rounding the values of l does; A is the formula's, u = eps / 4 typical

Both are predictions, not fits. The complex step, Im l(x + ih) / h, subtracts nothing: it has the
first term alone, and any small h will do. It needs an analytic formula. log1p(exp(-z)) is one;
max(z, 0) - y z + log1p(exp(-|z|)) has the same values and is none.

The second part takes a loss with right values and every derivative too large by a share e, in
float32, and looks for the largest e that a check lets pass. jax.test_util.check_grads compares with
central differences of step 1e-4 in one random direction and multiplies its tolerances by the number
of elements of what it compares: in forward mode the n losses, in reverse mode one number.
chex.assert_numerical_grads multiplies by the number of elements of the argument once more, so that
the mean of n losses, whose gradient has entries of 1 / n, is not checked at all. What to use
instead: check_grads at scalars or in reverse mode, which finds errors of a per cent; or the oracle,
entry by entry, in ulp.

Sources: as in bcejax/analysis/stencils.py; jax/_src/public_test_util.py and
chex/_src/asserts.py for the tolerances.
"""

from dataclasses import dataclass

import jax
import numpy as np

from experiments import Experiment, Result, Track, Verdict, untracked
from experiments.finite_differences.checks import (
    CHEX_MEAN,
    FORWARD,
    ULP,
    claims_on_checks,
    figure_of_checks,
    passing_shares,
    table_of_checks,
)
from experiments.finite_differences.courses import DTYPES, WAYS, Course, courses_of
from experiments.finite_differences.steps import claims_on_steps, figure_of_steps, tables_of_steps


@dataclass(frozen=True)
class Config:
    """How many logits to look at."""

    logits: int = 64
    """Logits in [-4, 4] at which differences are taken."""
    sizes: tuple[int, ...] = (1, 3, 10, 30, 100, 300)
    """Elements of the arrays whose gradients are checked: first a scalar, at last 300 or more."""


def run(config: Config, track: Track = untracked) -> Result:
    """Differences at every step; then checks at every size."""
    logits = np.linspace(-4, 4, config.logits)
    steps, checks = "differences", "checks"
    for part in track((steps, checks), "parts"):
        if part == steps:
            with jax.enable_x64(True):
                courses = courses_of(logits)
                claims = tuple(claims_on_steps(courses, logits))
        else:
            shares = passing_shares(config.sizes)
    verdict = Verdict(
        (*claims, *claims_on_checks(shares, config.sizes)),
        *answer_of(courses, shares, config.sizes),
    )
    tables = (*tables_of_steps(courses), table_of_checks(shares, config.sizes))
    return Result(
        verdict, tables, (figure_of_steps(courses), figure_of_checks(shares, config.sizes))
    )


def answer_of(
    courses: dict[tuple[str, str], Course], shares: dict[str, np.ndarray], sizes: tuple[int, ...]
) -> tuple[str, tuple[str, ...]]:
    """What both parts found."""
    dtype = DTYPES[-1]
    floors = ", ".join(f"{way} {courses[way, dtype].errors.min():.0e}" for way in WAYS)
    autodiff = courses[next(iter(WAYS)), dtype].autodiff
    answer = (
        f"Central differences in {dtype} are off by {courses['central', dtype].errors.min():.0e} "
        "at their best step. Tolerances of checks grow with the number of elements: on "
        f"{sizes[-1]} in float32 forward check_grads passes a gradient that is "
        f"{shares[FORWARD][-1]:.0%} too large."
    )
    return answer, (
        f"In {dtype} the smallest relative errors are {floors}; bce_gradient has {autodiff:.0e}.",
        f"On {sizes[-1]} elements in float32 chex passes a gradient of the mean loss that is"
        f" {1 + shares[CHEX_MEAN][-1]:.0f} times the right one; 1 ulp of the oracle passes"
        f" an error of {shares[ULP][-1]:.0e}.",
    )


EXPERIMENT = Experiment(run, default=Config(), tiny=Config(logits=16, sizes=(1, 300)))
