"""The analytic facts of calibration: at the exact optimum, where Adam stops, with a penalty."""

from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from bcejax.analysis import logistic_gradient, logistic_hessian, logistic_loss
from bcejax.analysis.logistic_regression import sigmoid
from bcejax.data import Batch, fit_standardizer
from bcejax.models import LogisticRegression
from bcejax.training import fit
from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.calibration_of_training.optimum import (
    left_by_rounding,
    logits_of,
    newton,
    penalties,
    recalibration,
)
from experiments.calibration_of_training.settings import Config

EXACT, PENALISED = "exact", "L2 penalty"
GAPS = ("max |X^T (p - y) / n|", "|mean p - mean y|", "|slope - 1|", "|intercept|")


class Facts(NamedTuple):
    """What the analysis says is zero at the optimum, but for the slope, which is 1."""

    gradient: np.ndarray  # X^T (p - y) / n, the column of ones last
    mean: float  # mean p - mean y
    slope: float
    intercept: float
    loss: float

    def gaps(self) -> np.ndarray:
        """How far off each of GAPS is."""
        each = (np.max(np.abs(self.gradient)), self.mean, self.slope - 1, self.intercept)
        return np.abs(np.array(each, np.float64))


def facts_of(batch: Batch, b: np.ndarray) -> Facts:
    """The analytic facts of calibration at coefficients b, on the data that b was fitted to."""
    logits, labels = logits_of(batch.inputs, b), np.asarray(batch.labels, np.longdouble)
    slope, intercept = recalibration(logits, labels)
    return Facts(
        gradient=logistic_gradient(batch.inputs, labels, b[:-1], b[-1]),
        mean=np.mean(sigmoid(logits)) - np.mean(labels),
        slope=slope,
        intercept=intercept,
        loss=float(logistic_loss(batch.inputs, labels, b[:-1], b[-1])),
    )


def bounds_at(batch: Batch, b: np.ndarray) -> np.ndarray:
    """What rounding may leave of each of GAPS at the exact optimum."""
    left = left_by_rounding(batch, b)
    logits, same = logits_of(batch.inputs, b)[:, None], np.array([1.0, 0.0])
    own = left_by_rounding(Batch(logits, batch.labels), same)
    moved = np.array([np.abs(b) @ left, left[-1]]) + own
    hessian = logistic_hessian(logits, batch.labels, same[:1], same[1], dtype=np.float64)
    return np.array([left.max(), left[-1], *np.abs(np.linalg.inv(hessian)) @ moved], np.float64)


def fit_by_adam(batch: Batch, epochs: int, seed: int) -> np.ndarray:
    """Coefficients that Adam reaches, the intercept last."""
    rngs = nnx.Rngs(seed)
    model = LogisticRegression(batch.inputs.shape[1], rngs=rngs, param_dtype=np.float64)
    fit(model, batch, epochs=epochs, key=jax.random.key(seed), progress=False)
    return np.append(np.asarray(model.coefficients[...]), np.asarray(model.intercept[...]))


class Found(NamedTuple):
    """The facts at each fit of logistic regression to Pima."""

    fits: dict[str, list[Facts]]  # one for each start
    bounds: np.ndarray  # on GAPS at the exact optimum
    broken: float  # by how much the penalised optimum breaks its identity
    broken_bound: float


def find_facts(pima: Batch, config: Config, track: Track) -> Found:
    """Fit logistic regression to all of Pima, exactly, by Adam and with a penalty."""
    batch = Batch(fit_standardizer(pima.inputs)(pima.inputs), pima.labels)
    best, ridge = newton(batch), newton(batch, penalty=config.penalty)
    fits = {EXACT: [facts_of(batch, best)]}
    for epochs in track((config.long, config.short), "epochs of Adam"):
        starts = range(config.seed, config.seed + config.starts)
        fits[_adam(epochs)] = [facts_of(batch, fit_by_adam(batch, epochs, each)) for each in starts]
    fits[PENALISED] = [facts_of(batch, ridge)]
    identity = fits[PENALISED][0].gradient + penalties(batch, config.penalty) * ridge
    return Found(
        fits,
        bounds_at(batch, best),
        float(np.abs(identity).max()),
        float(left_by_rounding(batch, ridge, penalty=config.penalty).max()),
    )


def _adam(epochs: int) -> str:
    return f"Adam, {epochs} epochs" if epochs > 1 else "Adam, 1 epoch"


def check_facts(pima: Batch, config: Config, track: Track) -> Result:
    """Every fact at every fit."""
    found = find_facts(pima, config, track)
    gaps = {name: np.array([each.gaps() for each in starts]) for name, starts in found.fits.items()}
    exact, long, short, _ = (np.median(each, axis=0) for each in gaps.values())
    ridge = found.fits[PENALISED][0]
    claims = [
        Claim(f"{gap} at the exact optimum, against what rounding may leave", value, "<=", bound)
        for gap, value, bound in zip(GAPS, exact, found.bounds, strict=True)
    ]
    claims += [
        Claim(f"median {gap} of Adam, {config.long} over {config.short} epochs", ratio, "<=", 0.1)
        for gap, ratio in zip(GAPS, long / short, strict=True)
    ]
    claims += [
        Claim(
            "max |X^T (p - y) / n + lambda w| at the optimum with a penalty, against what rounding "
            "may leave",
            found.broken,
            "<=",
            found.broken_bound,
        ),
        Claim(
            "|mean p - mean y| at the optimum with a penalty, against what rounding may leave",
            abs(ridge.mean),
            "<=",
            found.broken_bound,
        ),
        Claim("slope of recalibration at the optimum with a penalty", ridge.slope, ">", 1),
    ]
    answer = (
        "At the exact optimum of logistic regression the analysis holds to rounding "
        f"({exact[0]:.0e}); {config.short} epochs of Adam are not there yet."
    )
    details = (
        f"The exact optimum keeps X^T (p - y) / n = 0 to {exact[0]:.0e}, and slope 1 and "
        f"intercept 0 to {max(exact[2:]):.0e}; Adam to {long[0]:.0e} and {max(long[2:]):.0e} after "
        f"{config.long} epochs, {short[0]:.1f} and {max(short[2:]):.1f} after {config.short}; a "
        f"penalty of {config.penalty:g} keeps mean p = mean y to {abs(ridge.mean):.0e} but has "
        f"slope {ridge.slope:.2f}.",
    )
    figure = figure_of(gaps, found, config)
    return Result(Verdict(tuple(claims), answer, details), (tabulate(found.fits),), (figure,))


def tabulate(fits: dict[str, list[Facts]]) -> Table:
    """Every start of every fit."""
    rows = [(name, each) for name, starts in fits.items() for each in starts]
    best = fits[EXACT][0].loss
    return Table(
        "facts",
        "The analytic facts at each fit of logistic regression to Pima; every start of Adam.",
        {
            "fit": [name for name, _ in rows],
            **{gap: [each.gaps()[k] for _, each in rows] for k, gap in enumerate(GAPS[:2])},
            "slope": [each.slope for _, each in rows],
            "intercept": [each.intercept for _, each in rows],
            "loss above the optimum": [each.loss - best for _, each in rows],
        },
        formats={"slope": ".9f"} | dict.fromkeys((*GAPS[:2], "intercept"), ".2e"),
    )


def figure_of(gaps: dict[str, np.ndarray], found: Found, config: Config) -> Figure:
    """The distances from the facts."""
    exact, long, short, _ = (np.median(each, axis=0) for each in gaps.values())
    ridge = found.fits[PENALISED][0]
    return Figure(
        "facts",
        "How far each fit is from the analytic facts. Short bars: what rounding may leave at the "
        "exact optimum, by the bound in the text. A point on the lower edge is exactly 0.",
        alt=f"Four groups of points on a logarithmic axis: the exact optimum near {exact[0]:.0e}, "
        f"Adam after {config.long} epochs near {long[0]:.0e}, after {config.short} near "
        f"{short[0]:.0e}; with a penalty the mean alone is at {abs(ridge.mean):.0e}.",
        draw=partial(draw_facts, gaps=gaps, bounds=found.bounds),
    )


def draw_facts(ax: Any, *, gaps: dict[str, np.ndarray], bounds: np.ndarray) -> None:
    """Each gap of each fit."""
    lowest = 1e-20
    for k, gap in enumerate(GAPS):
        shift = 0.16 * (k - 1.5)
        places = np.concatenate([np.full(len(each), i) for i, each in enumerate(gaps.values())])
        values = np.concatenate([each[:, k] for each in gaps.values()])
        (points,) = ax.plot(
            places + shift, np.maximum(values, lowest), "o", label=gap, clip_on=False
        )
        ax.hlines(bounds[k], shift - 0.07, shift + 0.07, color=points.get_color())
    ax.set(yscale="log", ylim=(lowest, 10), ylabel="distance from the fact")
    ax.set_xticks(range(len(gaps)), [name.replace(", ", "\n") for name in gaps])
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
