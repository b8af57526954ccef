"""How the coefficients of real data spread over a thousand resamples."""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import jax
import numpy as np

from bcejax.data import Table as RealSet
from bcejax.data import fit_standardizer, load_pima, load_spambase
from bcejax.solvers import SolverStatus, bootstrap_logistic, fit_logistic
from bcejax.solvers.inference import standard_errors
from experiments import Claim, Figure, Table
from experiments.bootstrap_thousand.settings import PIMA, SPAMBASE, Config

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPAM = (
    *("word_freq_free", "word_freq_hp", "word_freq_george", "word_freq_000"),
    *("char_freq_exclamation", "char_freq_dollar", "capital_run_longest"),
)


class Spread(NamedTuple):
    """One coefficient, of a column of standard deviation 1."""

    data: str
    column: str
    estimate: float
    fisher: float
    sandwich: float
    refits: np.ndarray  # (resamples,)

    @property
    def bootstrap(self) -> float:
        """The standard deviation over the resamples."""
        return float(self.refits.std(ddof=1))

    @property
    def skewness(self) -> float:
        """0 for a normal law."""
        return float(np.mean(((self.refits - self.refits.mean()) / self.refits.std()) ** 3))


class Sample(NamedTuple):
    """Real data with columns of mean 0 and standard deviation 1."""

    name: str
    columns: tuple[str, ...]
    inputs: np.ndarray  # (n, d)
    labels: np.ndarray  # (n,)


def sample_of(name: str) -> Sample:
    """Pima whole, or some columns of Spambase, heavy-tailed as they are."""
    if name == PIMA:
        pima = load_pima()
        return _sample(name, pima, pima.features)
    return _sample(name, load_spambase(), SPAM)


def _sample(name: str, table: RealSet, columns: tuple[str, ...]) -> Sample:
    places = [table.features.index(column) for column in columns]
    kept = np.asarray(table.batch.inputs)[:, places]
    inputs = np.asarray(fit_standardizer(kept)(kept))
    return Sample(name, columns, inputs, np.asarray(table.batch.labels))


def spreads_of(sample: Sample, config: Config) -> tuple[list[Spread], int]:
    """Each coefficient, and how many resamples have no estimate."""
    inputs, labels = sample.inputs, sample.labels
    fit = fit_logistic(inputs, labels)
    refits = bootstrap_logistic(
        inputs, labels, key=jax.random.key(config.seed), n_resamples=config.resamples
    )
    good = np.asarray(refits.status) == SolverStatus.CONVERGED
    fisher, sandwich = (
        np.asarray(standard_errors(fit, inputs, labels, kind=kind))
        for kind in ("fisher", "sandwich")
    )
    spreads = [
        Spread(
            sample.name,
            column,
            float(fit.coefficients[j]),
            float(fisher[j]),
            float(sandwich[j]),
            np.asarray(refits.coefficients)[good, j],
        )
        for j, column in enumerate(sample.columns)
    ]
    return spreads, int((~good).sum())


def tabulate(spreads: list[Spread]) -> Table:
    """Three standard errors of each coefficient, and the ends of the middle 95 %."""
    low, high = zip(*(np.quantile(each.refits, [0.025, 0.975]) for each in spreads), strict=True)
    return Table(
        "coefficients",
        "Coefficients of columns of standard deviation 1, their standard errors by the Fisher "
        "information, the sandwich and the bootstrap, and how the resamples spread.",
        {
            "data": [each.data for each in spreads],
            "column": [each.column for each in spreads],
            "estimate": [each.estimate for each in spreads],
            "Fisher": [each.fisher for each in spreads],
            "sandwich": [each.sandwich for each in spreads],
            "bootstrap": [each.bootstrap for each in spreads],
            "2.5 % of resamples": list(low),
            "97.5 % of resamples": list(high),
            "skewness": [each.skewness for each in spreads],
        },
    )


def claims_of(spreads: list[Spread], without: int) -> tuple[Claim, ...]:
    """No resample fails; Pima's law is that of the sandwich, Spambase's not that of Fisher."""
    pima = [each.bootstrap / each.sandwich for each in spreads if each.data == PIMA]
    spam = [each.bootstrap / each.fisher for each in spreads if each.data == SPAMBASE]
    found = [Claim("resamples without an estimate", without, "==", 0)]
    if pima:
        largest, least = max(pima), min(pima)
        what = "Pima: bootstrap over sandwich errors"
        found += [Claim(f"{what}, largest", largest, "<=", 1.25, "times")]
        found += [Claim(f"{what}, least", least, ">=", 0.8, "times")]
    if spam:
        what = "Spambase: bootstrap over Fisher's errors, least"
        found += [Claim(what, min(spam), ">=", 1.3, "times")]
    return tuple(found)


def details_of(spreads: list[Spread], without: int) -> str:
    """How far Fisher's errors are from the bootstrap's, by data."""
    told = []
    for data in dict.fromkeys(each.data for each in spreads):
        those = [each for each in spreads if each.data == data]
        ratios = [each.bootstrap / each.fisher for each in those]
        skew = max(those, key=lambda each: abs(each.skewness))
        told.append(
            f"bootstrap errors of {data} are {min(ratios):.2f} to {max(ratios):.2f} times those of "
            f"the Fisher information, the largest skewness is {skew.skewness:.2f} ({skew.column})"
        )
    return f"Over the resamples {'; '.join(told)}; resamples without an estimate: {without}."


def figure_of(spreads: list[Spread]) -> Figure:
    """A histogram for each coefficient of Pima and then of Spambase."""
    told = ", ".join(
        f"{each.data} {each.column} {each.estimate:.2f}, skewness {each.skewness:.2f}"
        for each in spreads
    )
    rows = -(-len(spreads) // COLUMNS)
    return Figure(
        "refits",
        "Each coefficient over the resamples; the line is the normal law of the Fisher "
        "information.",
        alt=f"Histograms beside normal curves: {told}.",
        draw=partial(draw_refits, spreads=spreads),
        panels=(rows, COLUMNS),
    )


COLUMNS = 3


def draw_refits(*axes: "Axes", spreads: list[Spread]) -> None:
    """Histogram and curve."""
    for ax, each in zip(axes, spreads, strict=False):
        ax.hist(each.refits, bins=30, density=True, color="C0", alpha=0.5)
        at = each.estimate + each.fisher * np.linspace(-4, 4, 200)
        ax.plot(at, _normal(at, each.estimate, each.fisher), color="C1", linewidth=1)
        ax.set_title(f"{each.data}: {each.column}")
        ax.set_yticks([])
    for ax in axes[len(spreads) :]:
        ax.set_axis_off()


def _normal(at: np.ndarray, mean: float, error: float) -> np.ndarray:
    return np.exp(-(((at - mean) / error) ** 2) / 2) / (error * np.sqrt(2 * np.pi))
