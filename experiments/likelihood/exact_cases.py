"""Estimates and information where both are known without a program.

Two by two.  With a and b examples of label 1 and 0 where x = 0, and c and d where x = 1, the
estimates are log(a / b) and log(c / d) - log(a / b), of variances 1/a + 1/b and
1/a + 1/b + 1/c + 1/d.

Every label.  Of n examples there are 2^n sets of labels, each of a known probability at known
coefficients.  Over all of them the score X'(y - p) has mean 0, and its mean square is the Fisher
information.
"""

import itertools
from typing import NamedTuple

import numpy as np

from bcejax.solvers import fit_logistic
from bcejax.solvers.inference import fisher_information, standard_errors
from experiments import Claim

TWO_BY_TWO = (7.0, 12.0, 20.0, 3.0)  # a, b, c, d
EXAMPLES = 10


class Found(NamedTuple):
    """How far off we are."""

    estimates: float  # absolute, in a table of two by two
    errors: float  # relative
    information: float  # relative, over all labels


def exact_cases() -> Found:
    """All of it, from NumPy and so in float64."""
    return Found(*_two_by_two(), _every_label())


def _two_by_two() -> tuple[float, float]:
    a, b, c, d = TWO_BY_TWO
    inputs, labels = np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([1.0, 0.0, 1.0, 0.0])
    counts = np.array(TWO_BY_TWO)
    fit = fit_logistic(inputs, labels, weights=counts)
    found = np.append(fit.coefficients, fit.intercept)
    right = np.array([np.log(c / d) - np.log(a / b), np.log(a / b)])
    variances = np.array([1 / a + 1 / b + 1 / c + 1 / d, 1 / a + 1 / b])
    errors = np.asarray(standard_errors(fit, inputs, labels, weights=counts))
    return (
        float(np.max(np.abs(found - right))),
        float(np.max(np.abs(errors / np.sqrt(variances) - 1))),
    )


def _every_label() -> float:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((EXAMPLES, 2))
    columns = np.column_stack([inputs, np.ones(EXAMPLES)])
    probs = 1 / (1 + np.exp(-columns @ [0.8, -0.5, 0.3]))
    every = np.array(list(itertools.product([0.0, 1.0], repeat=EXAMPLES)))
    chances = np.prod(np.where(every == 1, probs, 1 - probs), axis=1)
    scores = (every - probs) @ columns
    squares = (scores * chances[:, None]).T @ scores
    # the fit to the true probabilities as soft labels is the truth
    fit = fit_logistic(inputs, probs)
    information = np.asarray(fisher_information(fit, inputs, probs))
    return float(np.max(np.abs(information - squares)) / np.max(np.abs(squares)))


def claims_of(found: Found) -> tuple[Claim, ...]:
    """To rounding."""
    return (
        Claim("estimates of a table of two by two off the log odds", found.estimates, "<=", 1e-9),
        Claim("their standard errors, relative", found.errors, "<=", 1e-9),
        Claim(
            f"Fisher information off the mean square of the score over all {2**EXAMPLES} sets of "
            "labels, relative",
            found.information,
            "<=",
            1e-9,
        ),
    )
