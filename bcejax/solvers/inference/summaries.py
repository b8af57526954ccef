"""All that a fitted logistic regression says, as one table.

Per param: estimate b, standard error e, z = b / e, the probability 2 Phi(-|z|) of a larger |z| if
b were 0, an interval, and the odds ratio exp(b), by which the odds of label 1 change when the
column grows by 1, with its interval.  Above them the sums over the examples, the information
criteria, and the likelihood-ratio test against the intercept alone.  Below, in words, what the
numbers do not mean.

A number that the data do not give is inf or nan, never a plausible one: for separated labels the
estimates lie at infinity, and only profile intervals have an end.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from bcejax.numerics import ChiSquareTest, require
from bcejax.solvers.certificates import gradient_norm
from bcejax.solvers.inference.fitted import Fitted, as_fitted, evaluate
from bcejax.solvers.inference.information import Kind, spread_of
from bcejax.solvers.inference.intervals import normal_quantile
from bcejax.solvers.inference.likelihood_ratio import InformationCriteria, criteria_of
from bcejax.solvers.inference.profile import profile_intervals
from bcejax.solvers.solution import Solution
from bcejax.solvers.status import SolverStatus
from bcejax.solvers.wording import explain_status

HEADER = ("", "coef", "std err", "z", "P>|z|")
ASTRAY = 1e-4  # a gradient norm that no converged fit has


class Summary(NamedTuple):
    """All numbers of the table, NumPy's; arrays are (p,), the intercept last if there is one.

    Example:
        >>> from bcejax.solvers import fit_logistic
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
        >>> found = summary(fit_logistic(x, y), x, y, names=["dose"])
        >>> dict(zip(found.names, found.p_values.round(3).tolist()))
        {'dose': 0.403, 'intercept': 0.49}
    """

    names: tuple[str, ...]
    coefficients: np.ndarray
    errors: np.ndarray
    z_values: np.ndarray
    p_values: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    examples: float  # the sum of the weights
    events: float  # that of weights times labels
    criteria: InformationCriteria
    likelihood_ratio: ChiSquareTest  # against the intercept alone
    confidence: float
    covariance: str
    intervals: str
    status: SolverStatus
    notes: tuple[str, ...]

    @property
    def odds_ratios(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """exp of the coefficients and of the ends of their intervals."""
        with np.errstate(over="ignore"):
            return np.exp(self.coefficients), np.exp(self.lower), np.exp(self.upper)

    def head(self) -> tuple[str, ...]:
        """The lines above the table."""
        fit, test = self.criteria, self.likelihood_ratio
        degrees = "1 degree" if test.degrees == 1 else f"{int(test.degrees)} degrees"
        against = (
            f"likelihood ratio {test.statistic:.6g} on {degrees} of freedom,"
            f" p {_chance(float(test.p_value))};  "
        )
        return (
            f"logistic regression of {self.examples:.6g} examples, {self.events:.6g} events:"
            f" {self.status.name.lower().replace('_', ' ')}",
            f"log-likelihood {fit.log_likelihood:.6g}, of the intercept alone"
            f" {fit.null_log_likelihood:.6g}, pseudo R2 (McFadden) {fit.mcfadden:.4g}",
            f"{against if test.degrees else ''}AIC {fit.aic:.6g}, BIC {fit.bic:.6g}",
        )

    def columns(self) -> tuple[str, ...]:
        """The headings of the table."""
        ends = ((1 - self.confidence) / 2, (1 + self.confidence) / 2)
        below, above = (f"{end:.4g}" for end in ends)
        return (*HEADER, f"[{below}", f"{above}]", "odds ratio", f"[{below}", f"{above}]")

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The table, as text."""
        odds = self.odds_ratios
        for j, name in enumerate(self.names):
            head = (self.coefficients[j], self.errors[j], self.z_values[j])
            tail = (self.lower[j], self.upper[j], *(each[j] for each in odds))
            chance = _chance(float(self.p_values[j]))
            yield (name, *map(_short, head), chance, *map(_short, tail))

    def __str__(self) -> str:
        rows = [self.columns(), *self.rows()]
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in rows
        ]
        return "\n".join([*self.head(), "", *lines, "", *self.notes]).rstrip()

    def __rich__(self) -> Any:
        """The same in columns, which a console of rich asks for."""
        text = require("rich.text", extra="cli", purpose="a rich table").Text  # takes no markup
        table = require("rich.table", extra="cli", purpose="a rich table").Table(
            title=text("\n".join(self.head()), style="table.title"),
            caption=text("\n".join(self.notes), style="table.caption"),
            title_justify="left",
            caption_justify="left",
            box=None,
        )
        for k, heading in enumerate(self.columns()):
            table.add_column(text(heading), justify="right" if k else "left")
        for row in self.rows():
            table.add_row(*map(text, row))
        return table


def summary(
    solution: Solution,
    inputs: Any,
    labels: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    where: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    l2: float = 0.0,
    l1: float = 0.0,
    intercept: bool = True,
    firth: bool = False,
    names: Sequence[str] | None = None,
    confidence: float = 0.95,
    covariance: Kind = "fisher",
    clusters: ArrayLike | None = None,
    corrected: bool = False,
    intervals: Literal["wald", "profile"] = "wald",
) -> Summary:
    """A table of a fit, to be printed, and all its numbers.

    Args:
        solution: of ``fit_logistic``.
        inputs: (n, d), those of the fit, as are all that follow.
        labels: (n,).
        weights: (n,), how many copies of each example there are.
        where: (n,) bool.
        offset: (n,).
        l2: the ridge penalty of the fit.
        l1: its lasso penalty; then no standard error is valid, and none is given.
        intercept: whether one was fitted.
        firth: whether the fit is Firth's.
        names: d of them, of the columns; None is those of a data frame, or x0, x1, ... The
            intercept's is "intercept".
        confidence: of the intervals, in (0, 1).
        covariance: the kind of standard errors: see ``covariance``.
        clusters: (n,), for the sandwich.
        corrected: of the sandwich.
        intervals: "wald", or "profile", which takes longer and is right for few examples too.

    Returns:
        A ``Summary``. Print it, or have rich print it.

    Raises:
        TypeError, ValueError: as ``covariance``; names that are not d; other intervals; or, of a
            fit that converged, the gradient at the solution is not 0: then these are not the data,
            weights or penalties of the fit.

    Example:
        >>> from bcejax.solvers import fit_logistic
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
        >>> print(summary(fit_logistic(x, y), x, y, names=["dose"]))
        logistic regression of 4 examples, 2 events: converged
        log-likelihood -2.34749, of the intercept alone -2.77259, pseudo R2 (McFadden) 0.1533
        likelihood ratio 0.850204 on 1 degree of freedom, p 0.356;  AIC 8.69497, BIC 7.46756
        <BLANKLINE>
                     coef  std err        z  P>|z|  [0.025  0.975]  odds ratio    [0.025  0.975]
        dose       0.9082    1.085   0.8369  0.403  -1.219   3.035        2.48    0.2956    20.8
        intercept  -1.362    1.975  -0.6898  0.490  -5.233   2.508      0.2561  0.005338   12.29

    Accuracy: that of what it calls (tests/solvers/inference/test_summaries.py).
    """
    if intervals not in ("wald", "profile"):
        raise ValueError(f"intervals {intervals!r} is neither 'wald' nor 'profile'")
    if names is None and hasattr(inputs, "to_numpy"):
        names = inputs.columns
    data: dict[str, Any] = {"weights": weights, "where": where, "offset": offset}
    data |= {"l2": l2, "intercept": intercept}
    fitted = as_fitted(solution, inputs, labels, **data)
    if not firth:
        _check_same(solution, fitted, float(l1))
    estimates, errors, lower, upper = _estimates(
        fitted, float(l1), covariance, clusters, corrected, normal_quantile(confidence)
    )
    if intervals == "profile" and l1 == 0:
        ends = profile_intervals(
            solution, inputs, labels, firth=firth, confidence=confidence, **data
        )
        lower, upper = np.asarray(ends.lower), np.asarray(ends.upper)
    criteria: InformationCriteria = jax.tree.map(np.asarray, evaluate(criteria_of, fitted))
    w = np.asarray(fitted.problem.total * fitted.problem.weights, float)
    # that of a constant column under a ridge is 0
    z_values = estimates / np.where(np.isfinite(errors) & (errors > 0), errors, np.nan)
    drawn = Summary(
        _named(names, fitted),
        *(estimates, errors, z_values, _two_sided(z_values), lower, upper),
        float(np.sum(w)),
        float(w @ np.asarray(fitted.problem.labels, float)),
        criteria,
        _against_null(criteria, fitted, plain=l2 == l1 == 0 and not firth),
        confidence,
        covariance,
        intervals,
        SolverStatus(int(solution.status)),
        (),
    )
    return drawn._replace(notes=tuple(_notes(drawn, fitted, float(l2), float(l1), firth)))


def _named(names: Sequence[str] | None, fitted: Fitted) -> tuple[str, ...]:
    d = fitted.problem.inputs.shape[1]
    columns = tuple(f"x{j}" for j in range(d)) if names is None else tuple(map(str, names))
    if len(columns) != d:
        raise ValueError(f"names are {len(columns)}, but inputs have {d} columns")
    return (*columns, "intercept") if fitted.problem.intercept else columns


def _check_same(solution: Solution, fitted: Fitted, l1: float) -> None:
    """Refuse data that are not those of the fit."""
    norm = float(evaluate(_gradient_norm, fitted, l1))
    settled = solution.status in (SolverStatus.CONVERGED, SolverStatus.SINGULAR)
    if settled and not norm <= max(ASTRAY, 10 * float(solution.gradient_norm)):
        raise ValueError(
            f"the gradient at the solution is {norm:.2g} and not 0: give the inputs, labels,"
            " weights, where, offset, l2, l1, intercept and firth of the fit"
        )


@jax.jit
def _gradient_norm(fitted: Fitted, l1: jax.Array) -> jax.Array:
    problem = dataclasses.replace(fitted.problem, l1=jnp.asarray(l1, fitted.params.dtype))
    return gradient_norm(problem, fitted.params, problem.gradient(fitted.params))


def _estimates(
    fitted: Fitted,
    l1: float,
    kind: Kind,
    clusters: ArrayLike | None,
    corrected: bool,
    z: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Estimates, standard errors and Wald intervals; none where there is no finite optimum."""
    errors = spread_of(fitted, kind, clusters, corrected).errors
    b, e = np.asarray(fitted.params, float), np.asarray(errors, float)
    if int(fitted.status) == SolverStatus.SEPARATED:
        b = np.copysign(e, np.asarray(fitted.direction, float))
        return b, e, -e, e
    e = np.full_like(e, np.nan) if l1 > 0 else e
    return b, e, b - z * e, b + z * e


def _two_sided(z_values: np.ndarray) -> np.ndarray:
    """2 Phi(-|z|)."""
    from scipy.special import erfc  # noqa: PLC0415

    return np.asarray(erfc(np.abs(z_values) / np.sqrt(2)))


def _against_null(criteria: InformationCriteria, fitted: Fitted, *, plain: bool) -> ChiSquareTest:
    """The likelihood-ratio test against the intercept alone; no p-value for penalised fits."""
    from scipy.special import chdtrc  # noqa: PLC0415

    gain = float(criteria.log_likelihood) - float(criteria.null_log_likelihood)
    statistic = np.maximum(2 * gain, 0)  # nan stays
    known = plain and np.isfinite(criteria.degrees)  # they are not where the fit diverged
    degrees = round(float(criteria.degrees)) - fitted.problem.intercept if known else 0
    chance = chdtrc(degrees, statistic) if degrees > 0 else np.nan
    numbers: Any = (np.float64(statistic), np.int32(degrees), np.float64(chance))
    return ChiSquareTest(*numbers)


def _notes(drawn: Summary, fitted: Fitted, l2: float, l1: float, firth: bool) -> Iterator[str]:
    """What the numbers do not mean, in words."""
    endless = [name for name, e in zip(drawn.names, drawn.errors, strict=True) if np.isinf(e)]
    if drawn.events in (0, drawn.examples):
        label = int(drawn.events > 0)
        yield f"all labels are {label}: no logit is high enough; look for other data, or firth=True"
    elif drawn.status != SolverStatus.CONVERGED:
        yield explain_status(drawn.status)
    if endless:
        yield f"no estimate of finite error: {', '.join(endless)}"
    if drawn.status == SolverStatus.SEPARATED and drawn.intervals == "wald":
        yield 'intervals="profile" gives the ends that there are'
    if l1 > 0:
        yield (
            "l1 > 0: the labels have chosen the columns, so that no standard error is valid and"
            " none is given; fit the chosen columns to other data"
        )
    elif l2 > 0 and drawn.covariance == "posterior":
        yield "l2 > 0: the errors are those of the posterior under the prior that l2 stands for"
    elif l2 > 0:
        yield "l2 > 0: the errors are about the shrunken mean; intervals leave its bias out"
    if l1 > 0 or l2 > 0 or firth:
        yield "the log-likelihood is that of a penalised fit: it has no likelihood-ratio test"
    if drawn.covariance == "sandwich":
        yield "errors hold whether or not the model does (sandwich); weights are sampling weights"


def _short(number: float) -> str:
    return f"{number:.4g}"


def _chance(p: float) -> str:
    return f"{p:.3f}" if not p < 1e-3 else f"{p:.1e}"
