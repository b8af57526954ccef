"""How well calibrated is what training gives, and how near is it to what the analysis says?

Run:     python -m experiments run calibration_of_training  half a minute on two cores
Expect:  The exact optimum of logistic regression keeps the analytic facts to rounding, Adam to
         about 0.001 after 1000 epochs and not at all after 10; an L2 penalty keeps the mean and
         makes the slope exceed 1. A network that is trained on and on becomes overconfident:
         its ECE on new patients rises from 0.03 to 0.2.

The facts. Let a logistic regression with logits x = X b have the minimal mean cross-entropy; b
holds the intercept, X a column of ones. Its gradient there is zero, so

    X^T (p - y) / n = 0      and, by the column of ones,      mean p = mean y

The logits a x + c of a recalibration are such logits too, b being a b + c, so none is better than
slope a = 1 and intercept c = 0. With a penalty lambda |w|^2 / 2 on the coefficients w, and none
on the intercept,

    X^T (p - y) / n = -lambda w      and still      mean p = mean y

and the loss still falls along the slope, d/da = w^T X^T (p - y) / n = -lambda |w|^2 < 0, so the
best slope exceeds 1: the model is too modest. All this is measured on the 768 patients of Pima,
in float64, with the sums in longdouble (bcejax.analysis).

What rounding leaves. Newton's method ends at the float64 numbers next to the optimum: each
b_k is off by u |b_k|, u = 2^-53, and the gradient of the sums below by their own rounding e, the
bound stated in bcejax.analysis.logistic_regression. So, entry by entry,

    |X^T (p - y) / n| <= u |H| |b| + e =: G        |(a - 1, c)| <= |M^-1| (|b|^T G, G_last)^T + ...

with H the Hessian in b and M that in (a, c), whose own rounding stands for the dots. These
bounds are computed, not chosen.

Held-out patients. Each patient is judged by models that were fitted without her (folds, each
class cut by itself; inputs standardised by the training part). The MLP and the overtrained MLP
are one network at two epochs of one training. How far differences may come from the choice of
patients is told by standard errors: of the paired losses, and of the ECE by a paired bootstrap.
An ECE is never 0: "were p true" is the mean ECE of labels drawn with the model's own
probabilities.

Known truth. Where p is known, mean |p - truth| needs no bins and no labels, and an ECE with the
true probabilities for labels has no noise of labels. For logistic regression on its own model the
theory of maximum likelihood predicts, with Fisher's information F = E h x x^T, h = p (1 - p),

    mean |p - truth| = sqrt(2 / (pi n)) E h sqrt(x^T F^-1 x)

On labels that depend on a product of two inputs alone, x_1 x_2, the best linear logit is 0:
calibrated, and blind. A fitted one is near 0 but leans along some w, and as E(x_1 x_2 | w x = t)
grows as w_1 w_2 t^2, what little it says is not calibrated.

Sources: D. R. Cox, Two further applications of a model for binary regression (1958), slope and
intercept; C. Guo et al., On calibration of modern neural networks (2017); A. W. van der Vaart,
Asymptotic statistics (1998), section 5.5.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from bcejax.analysis import logistic_gradient, logistic_hessian, logistic_loss
from bcejax.analysis.logistic_regression import residual, sigmoid
from bcejax.calibration import ReliabilityCurve, expected_calibration_error, reliability_curve
from bcejax.data import (
    Batch,
    Draw,
    Split,
    draw_interaction,
    draw_logistic,
    fit_standardizer,
    load_pima,
    split_rows,
    standardize,
)
from bcejax.data.records import Array
from bcejax.losses import bce_with_logits
from bcejax.models import MLP, LogisticRegression
from bcejax.plots import draw_reliability
from bcejax.training import History, fit
from experiments import Claim, Experiment, Figure, Result, Table, Track, Verdict, untracked

LOGISTIC, NETWORK, OVERTRAINED = MODELS = ("logistic regression", "MLP", "overtrained MLP")
UNIT = np.finfo(np.float64).eps / 2
SIGMAS = 4  # by chance beyond in 1 of 16 000


@dataclass(frozen=True)
class Config:
    """What to train, for how long, and how much to draw."""

    hidden: tuple[int, ...] = (64,)
    """Widths of the MLP."""
    epochs: int = 30
    """Epochs of the MLP."""
    overtraining: int = 3000
    """Epochs of the overtrained MLP."""
    folds: int = 4
    """Parts of Pima, each judged by models fitted to the others."""
    short: int = 10
    """Epochs of Adam on logistic regression."""
    long: int = 1000
    """And many of them."""
    starts: int = 5
    """Trainings by Adam, each from its own parameters and in its own order."""
    penalty: float = 0.1
    """L2 penalty lambda on the coefficients, beside the mean loss."""
    drawn: int = 1024
    """Synthetic examples to learn from."""
    judged: int = 20000
    """Synthetic examples to judge by."""
    sizes: tuple[int, ...] = (250, 1000, 4000, 16000)
    """Numbers of examples by which logistic regression nears the truth."""
    repeats: int = 100
    """Draws of each size, and 10 times as many bootstraps."""
    bins: int = 10
    """Bins of reliability."""
    seed: int = 0
    """Seed of all that is random."""


# --- the exact optimum --------------------------------------------------------------------------


def newton(batch: Batch, *, penalty: float = 0.0, dtype: Any = np.longdouble) -> np.ndarray:
    """The optimal coefficients, the intercept last, with gradients in ``dtype``."""
    ridge = _ridge(batch, penalty)
    b = np.zeros(len(ridge))
    for _ in range(50):
        at = (batch.inputs, batch.labels, b[:-1], b[-1])
        gradient = logistic_gradient(*at, dtype=dtype) + ridge * b
        hessian = logistic_hessian(*at, dtype=np.float64) + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient.astype(np.float64))
        b = b - step
        if np.max(np.abs(step)) <= 1e-10 * np.max(np.abs(b)):  # the next would be its square
            break
    return b


def recalibration(logits: np.ndarray, labels: Array) -> np.ndarray:
    """Slope and intercept of the best affine map of the logits."""
    return newton(Batch(logits[:, None], labels))


def _ridge(batch: Batch, penalty: float) -> np.ndarray:
    """The penalty on each coefficient; the intercept has none."""
    return np.append(np.full(batch.inputs.shape[1], penalty), 0.0)


def left_by_rounding(batch: Batch, b: np.ndarray, *, penalty: float = 0.0) -> np.ndarray:
    """What each entry of the gradient may be at float64 numbers next to the optimum."""
    inputs, labels = (np.asarray(each) for each in batch[:2])
    design = np.abs(np.column_stack([inputs, np.ones_like(labels)]))
    n, columns = design.shape
    hessian = logistic_hessian(inputs, labels, b[:-1], b[-1]) + np.diag(_ridge(batch, penalty))
    wrong = np.abs(residual(logits_of(inputs, b), labels))
    terms = design.T @ (wrong * (1 + design @ np.abs(b))) / n
    own = (n + columns + 19) * np.finfo(np.longdouble).eps  # as bcejax.analysis states it
    return UNIT * np.abs(hessian) @ np.abs(b) + own * terms


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


def logits_of(inputs: Array, b: np.ndarray) -> np.ndarray:
    """Logits in longdouble."""
    return np.asarray(inputs, np.longdouble) @ b[:-1] + b[-1]


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


# --- what models say of examples that they have not seen ----------------------------------------


class Trained(NamedTuple):
    """Logits (n,) of each model, and how the overtrained one came to be."""

    logits: dict[str, np.ndarray]
    history: History


def train_models(train: Batch, unseen: Batch, config: Config, seed: int, **more: Any) -> Trained:
    """Fit all three to one batch and let them judge another."""
    inputs = np.asarray(unseen.inputs)
    b = newton(train)
    logits = {LOGISTIC: logits_of(inputs, b).astype(np.float64)}
    for name, epochs in ((NETWORK, config.epochs), (OVERTRAINED, config.overtraining)):
        model = MLP(inputs.shape[1], config.hidden, rngs=nnx.Rngs(seed), param_dtype=np.float64)
        key = jax.random.key(seed)
        history = fit(model, train, epochs=epochs, key=key, progress=False, **more)
        logits[name] = np.asarray(model(inputs))
    return Trained(logits, history)


def judge_all(batch: Batch, config: Config, track: Track) -> Trained:
    """Every example judged by models that were fitted without it; the mean history."""
    rows = split_rows(batch.labels, [1 / config.folds] * config.folds, seed=config.seed)
    pooled = {name: np.empty(len(batch.labels)) for name in MODELS}
    losses = np.zeros((2, config.overtraining))
    for fold in track(range(config.folds), "folds of Pima"):
        rest = np.concatenate(rows[:fold] + rows[fold + 1 :])
        (train, unseen), _ = standardize(
            Split(*(_take(batch, each) for each in (rest, rows[fold])))
        )
        trained = train_models(train, unseen, config, config.seed + fold, validation=unseen)
        history = trained.history
        losses += np.array([history.loss, history.validation_loss]) / config.folds
        for name, logits in trained.logits.items():
            pooled[name][rows[fold]] = logits
    mean = dataclasses.replace(history, loss=losses[0], validation_loss=losses[1])
    return Trained(pooled, mean)


def _take(batch: Batch, rows: np.ndarray) -> Batch:
    return Batch(batch.inputs[rows], batch.labels[rows])


def ece(labels: Any, logits: np.ndarray, config: Config, **more: Any) -> jax.Array:
    """The expected calibration error of logits."""
    return expected_calibration_error(labels, logits=logits, bins=config.bins, **more)


class Difference(NamedTuple):
    """How much more something is than something else, on the same examples."""

    value: float
    error: float  # standard error

    @property
    def sigmas(self) -> float:
        """In standard errors."""
        return self.value / self.error


def more_loss(labels: np.ndarray, worse: np.ndarray, better: np.ndarray) -> Difference:
    """Of the mean cross-entropy; the losses are paired."""
    each = np.asarray(bce_with_logits(worse, labels) - bce_with_logits(better, labels))
    return Difference(float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each))))


def more_ece(
    labels: np.ndarray, worse: np.ndarray, better: np.ndarray, config: Config
) -> Difference:
    """Of the ECE, by a paired bootstrap."""
    n = len(labels)
    rng = np.random.default_rng(config.seed)
    copies = rng.multinomial(n, np.full(n, 1 / n), size=10 * config.repeats).astype(np.float64)

    def difference(weights: Any) -> jax.Array:
        both = (ece(labels, each, config, weights=weights) for each in (worse, better))
        return next(both) - next(both)

    spread = np.asarray(jax.vmap(difference)(copies)).std(ddof=1)
    return Difference(float(difference(np.ones(n))), float(spread))


def more_than_true(labels: np.ndarray, logits: np.ndarray, config: Config) -> Difference:
    """Of the ECE, than if the labels had been drawn with these very probabilities."""
    rng = np.random.default_rng(config.seed)
    drawn = rng.random((10 * config.repeats, len(logits))) < sigmoid(logits)
    were = np.asarray(jax.vmap(lambda each: ece(each, logits, config))(drawn))
    return Difference(float(ece(labels, logits, config) - were.mean()), float(were.std(ddof=1)))


# --- where the truth is known -------------------------------------------------------------------

DRAWS: dict[str, Callable[[jax.Array, int], Draw]] = {
    "logistic": draw_logistic,
    "interaction": partial(draw_interaction, features=3),
}


class Judged(NamedTuple):
    """Models held against the truth of one kind of draw."""

    distance: dict[str, float]  # mean |p - truth|
    ece: dict[str, float]  # with the truth for labels
    curves: dict[str, ReliabilityCurve]


def judge_by_truth(draw: Callable[[jax.Array, int], Draw], config: Config) -> Judged:
    """Fit all three to one draw and hold them against the truth of another."""
    drawn = jax.jit(draw, static_argnums=1)(
        jax.random.key(config.seed), config.drawn + config.judged
    )
    drawn = jax.tree.map(np.asarray, drawn)
    train = jax.tree.map(lambda array: array[: config.drawn], drawn)
    unseen = jax.tree.map(lambda array: array[config.drawn :], drawn)
    logits = train_models(train.batch, unseen.batch, config, config.seed).logits
    truth = np.asarray(unseen.probs)
    return Judged(
        {name: float(np.abs(sigmoid(each) - truth).mean()) for name, each in logits.items()},
        {name: float(ece(truth, each, config)) for name, each in logits.items()},
        {name: curve_of(truth, each, config) for name, each in logits.items()},
    )


def curve_of(labels: np.ndarray, logits: np.ndarray, config: Config) -> ReliabilityCurve:
    """Reliability in NumPy arrays."""
    return jax.tree.map(np.asarray, reliability_curve(labels, logits=logits, bins=config.bins))


class Approach(NamedTuple):
    """How far logistic regression is from the truth that it can express, by examples."""

    sizes: np.ndarray
    distances: np.ndarray  # (sizes, repeats) mean |p - truth|
    predicted: np.ndarray  # (sizes,)

    @property
    def mean(self) -> np.ndarray:
        """Mean distance at each size."""
        return self.distances.mean(axis=1)

    @property
    def error(self) -> np.ndarray:
        """Standard error of that mean."""
        return self.distances.std(axis=1, ddof=1) / np.sqrt(self.distances.shape[1])

    def surplus(self) -> Difference:
        """Mean distance above the predicted one, at the largest size."""
        return Difference(float(self.mean[-1] - self.predicted[-1]), float(self.error[-1]))


def approach(config: Config, track: Track) -> Approach:
    """Logistic regression on ever more examples of a logistic truth."""
    keys = jax.random.split(jax.random.key(config.seed + 1), config.repeats + 1)
    many = jax.jit(jax.vmap(partial(draw_logistic, examples=max(config.sizes))))(keys)
    inputs, labels, probs = (np.asarray(each) for each in (*many.batch[:2], many.probs))
    unseen, truth = inputs[-1], probs[-1]
    distances = np.empty((len(config.sizes), config.repeats))
    for i, size in enumerate(track(config.sizes, "examples")):
        for k in range(config.repeats):
            b = newton(Batch(inputs[k, :size], labels[k, :size]), dtype=np.float64)
            p = sigmoid(unseen @ b[:-1] + b[-1])
            distances[i, k] = np.abs(p - truth).mean()
    design = np.column_stack([unseen, np.ones_like(truth)])
    h = truth * (1 - truth)
    information = design.T @ (h[:, None] * design) / len(truth)
    spread = np.sqrt(np.sum(design @ np.linalg.inv(information) * design, axis=1))
    sizes = np.array(config.sizes)
    predicted = np.sqrt(2 / np.pi / sizes) * np.mean(h * spread)
    return Approach(sizes, distances, predicted)


# --- the answer ---------------------------------------------------------------------------------

EXACT, PENALISED = "exact", "L2 penalty"


def run(config: Config, track: Track = untracked) -> Result:
    """All three parts, in float64."""
    with jax.enable_x64(True):
        pima = load_pima().batch
        facts = find_facts(pima, config, track)
        unseen = judge_unseen(pima, config, track)
        known = {
            name: judge_by_truth(DRAWS[name], config)
            for name in track(tuple(DRAWS), "known truths")
        }
        nearing = approach(config, track)
    parts = (
        report_facts(facts, config),
        report_unseen(unseen, config),
        report_truth(known, nearing, config),
    )
    claims, answers, tables, figures = (
        [each for part in parts for each in getattr(part, name)] for name in Part._fields
    )
    return Result(Verdict(tuple(claims), " ".join(answers)), tuple(tables), tuple(figures))


class Part(NamedTuple):
    """What one part of the experiment adds to its result."""

    claims: list[Claim]
    answer: list[str]
    tables: list[Table]
    figures: list[Figure]


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
    identity = fits[PENALISED][0].gradient + _ridge(batch, config.penalty) * ridge
    return Found(
        fits,
        bounds_at(batch, best),
        float(np.abs(identity).max()),
        float(left_by_rounding(batch, ridge, penalty=config.penalty).max()),
    )


def _adam(epochs: int) -> str:
    return f"Adam, {epochs} epochs" if epochs > 1 else "Adam, 1 epoch"


def report_facts(found: Found, config: Config) -> Part:
    """The analytic facts."""
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
    answer = [
        f"The exact optimum keeps X^T (p - y) / n = 0 to {exact[0]:.0e} and the slope 1 to "
        f"{exact[2]:.0e}; Adam to {long[0]:.0e} and {long[2]:.0e} after {config.long} epochs, "
        f"{short[0]:.0e} and {short[2]:.0e} after {config.short} (medians); a penalty of "
        f"{config.penalty:g} keeps the mean to {abs(ridge.mean):.0e} and gives slope "
        f"{ridge.slope:.3f}."
    ]
    rows = [(name, each) for name, starts in found.fits.items() for each in starts]
    best = found.fits[EXACT][0].loss
    table = Table(
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
    figure = Figure(
        "facts",
        "How far each fit is from the analytic facts. Short bars: what rounding may leave at the "
        "exact optimum, by the bound in the text. A point on the lower edge is exactly 0.",
        alt=f"Four groups of points on a logarithmic axis: the exact optimum near {exact[0]:.0e}, "
        f"Adam after {config.long} epochs near {long[0]:.0e}, after {config.short} near "
        f"{short[0]:.0e}; with a penalty the mean alone is at {abs(ridge.mean):.0e}.",
        draw=partial(draw_facts, gaps=gaps, bounds=found.bounds),
    )
    return Part(claims, answer, [table], [figure])


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


class Unseen(NamedTuple):
    """How each model judged patients that it had not seen."""

    labels: np.ndarray
    trained: Trained
    loss: dict[str, float]
    ece: dict[str, float]
    above_true: dict[str, Difference]
    affine: dict[str, np.ndarray]  # slope and intercept of recalibration
    more_loss: dict[str, Difference]  # of the overtrained one than of each other
    more_ece: dict[str, Difference]
    curves: dict[str, ReliabilityCurve]


def judge_unseen(pima: Batch, config: Config, track: Track) -> Unseen:
    """Scores of all held-out judgements."""
    trained = judge_all(pima, config, track)
    labels, logits = np.asarray(pima.labels), trained.logits
    worst, others = logits[OVERTRAINED], (LOGISTIC, NETWORK)
    return Unseen(
        labels,
        trained,
        {name: float(np.mean(bce_with_logits(each, labels))) for name, each in logits.items()},
        {name: float(ece(labels, each, config)) for name, each in logits.items()},
        {name: more_than_true(labels, each, config) for name, each in logits.items()},
        {name: recalibration(each, labels) for name, each in logits.items()},
        {name: more_loss(labels, worst, logits[name]) for name in others},
        {name: more_ece(labels, worst, logits[name], config) for name in others},
        {name: curve_of(labels, each, config) for name, each in logits.items()},
    )


def report_unseen(unseen: Unseen, config: Config) -> Part:
    """Reliability on held-out patients."""
    sigmas = "standard errors"
    claims = [
        Claim(
            f"held-out {what} of the overtrained MLP above {name}'s",
            more.sigmas,
            ">=",
            SIGMAS,
            sigmas,
        )
        for what, both in (("loss", unseen.more_loss), ("ECE", unseen.more_ece))
        for name, more in both.items()
    ]
    claims += [
        Claim(
            "held-out ECE of logistic regression above what it were if p were true",
            unseen.above_true[LOGISTIC].sigmas,
            "<=",
            SIGMAS,
            sigmas,
        ),
        Claim(
            "held-out slope of the overtrained MLP over that of the MLP",
            unseen.affine[OVERTRAINED][0] / unseen.affine[NETWORK][0],
            "<=",
            0.5,
        ),
    ]
    history = unseen.trained.history
    held = np.asarray(history.validation_loss)
    lowest = int(np.argmin(held)) + 1
    eces = ", ".join(f"{unseen.ece[name]:.3f} for {name}" for name in MODELS)
    answer = [
        f"Held-out ECE on Pima: {eces}; the last exceeds the others by at least "
        f"{min(each.sigmas for each in unseen.more_ece.values()):.0f} standard errors, and its "
        f"slope is {unseen.affine[OVERTRAINED][0]:.2f}."
    ]
    scores = Table(
        "held_out",
        f"Models on the {len(unseen.labels)} patients of Pima, each judged by models fitted "
        "without her.",
        {
            "model": MODELS,
            "loss": list(unseen.loss.values()),
            "ECE": list(unseen.ece.values()),
            "ECE were p true": [
                unseen.ece[name] - more.value for name, more in unseen.above_true.items()
            ],
            "slope": [each[0] for each in unseen.affine.values()],
            "intercept": [each[1] for each in unseen.affine.values()],
        },
        formats=dict.fromkeys(("loss", "ECE", "ECE were p true", "slope", "intercept"), ".4f"),
    )
    course = Table(
        "loss_by_epoch",
        "Loss of the overtrained MLP in each epoch, mean over the folds.",
        {
            "epoch": np.arange(1, len(history.loss) + 1),
            "training": history.loss,
            "held-out": held,
        },
    )
    reliability = Figure(
        "reliability",
        f"Reliability on held-out patients of Pima, {config.bins} bins with 95 % intervals: the "
        f"network after {config.epochs} epochs (left) and after {config.overtraining} (right), "
        "each beside logistic regression. The strip along the foot shows where the "
        "probabilities lie.",
        alt="Left, logistic regression and the MLP follow the diagonal within their intervals. "
        "Right, the overtrained MLP has most of its probabilities near 0 and near 1, where the "
        f"share of label 1 is {_end(unseen, 0):.2f} and {_end(unseen, -1):.2f}.",
        draw=partial(draw_curves, curves=unseen.curves),
        panels=(1, 2),
    )
    losses = Figure(
        "loss_by_epoch",
        f"Loss of the network as it is overtrained, mean over the {config.folds} folds; at the "
        f"dotted line, {config.epochs} epochs, it is the MLP of the tables.",
        alt=f"The training loss falls to {history.loss[-1]:.2g}; the held-out loss is lowest, "
        f"{held[lowest - 1]:.3f}, after epoch {lowest}, and climbs to "
        f"{held[-1]:.2f}.",
        draw=partial(draw_course, history=history, taken=config.epochs),
    )
    return Part(claims, answer, [scores, course], [reliability, losses])


def _end(unseen: Unseen, place: int) -> float:
    """Share of label 1 in an outer bin of the overtrained MLP."""
    return float(unseen.curves[OVERTRAINED].mean_label[place])


def draw_curves(*axes: Any, curves: dict[str, ReliabilityCurve]) -> None:
    """Each network beside logistic regression."""
    for ax, network in zip(axes, (NETWORK, OVERTRAINED), strict=True):
        for name in (LOGISTIC, network):
            draw_reliability(ax, curves[name], label=name)


def draw_course(ax: Any, *, history: History, taken: int) -> None:
    """Losses by epoch, at epochs that lie evenly: dashes run together where there are all."""
    last = len(history.loss)
    epochs = np.unique(np.geomspace(1, last, 100).astype(int))
    ax.plot(epochs, history.loss[epochs - 1], label="training")
    ax.plot(epochs, np.asarray(history.validation_loss)[epochs - 1], "--", label="held-out")
    ax.axvline(taken, color="black", linewidth=1, linestyle=":")
    ax.set(xscale="log", ylim=(0, None), xlabel="epoch", ylabel="loss")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.legend()


def report_truth(known: dict[str, Judged], nearing: Approach, config: Config) -> Part:
    """Models where the truth is known."""
    right, blind = known["logistic"], known["interaction"]
    surplus = nearing.surplus()
    claims = [
        Claim(
            f"mean |p - truth| of logistic regression at n = {nearing.sizes[-1]}, off the "
            "predicted distance",
            abs(surplus.sigmas),
            "<=",
            SIGMAS,
            "standard errors",
        ),
        Claim(
            "mean |p - truth| on a logistic truth, overtrained MLP over logistic regression",
            right.distance[OVERTRAINED] / right.distance[LOGISTIC],
            ">=",
            1.5,
            "times",
        ),
        Claim(
            "mean |p - truth| on an interaction, logistic regression over the MLP",
            blind.distance[LOGISTIC] / blind.distance[NETWORK],
            ">=",
            2,
            "times",
        ),
    ]
    answer = [
        f"On its own truth logistic regression is {nearing.mean[-1]:.4f} off at n = "
        f"{nearing.sizes[-1]} ({nearing.predicted[-1]:.4f} predicted); on an interaction, where "
        f"it is blind, {blind.distance[LOGISTIC]:.2f} ({blind.distance[NETWORK]:.2f} for the MLP)."
    ]
    rows = [(name, judged, model) for name, judged in known.items() for model in MODELS]
    table = Table(
        "truth",
        f"Models fitted to {config.drawn} synthetic examples, held against the true "
        f"probabilities of {config.judged} others.",
        {
            "truth": [name for name, _, _ in rows],
            "model": [model for _, _, model in rows],
            "mean |p - truth|": [judged.distance[model] for _, judged, model in rows],
            "ECE with the truth for labels": [judged.ece[model] for _, judged, model in rows],
        },
        formats=dict.fromkeys(("mean |p - truth|", "ECE with the truth for labels"), ".4f"),
    )
    ratio = nearing.mean / nearing.predicted
    sizes = Table(
        "approach",
        f"Logistic regression on its own truth, mean of {config.repeats} draws of each size.",
        {
            "examples": nearing.sizes,
            "mean |p - truth|": nearing.mean,
            "predicted": nearing.predicted,
            "ratio": ratio,
            "standard error of the ratio": nearing.error / nearing.predicted,
        },
    )
    curves = Figure(
        "truth",
        "Mean true probability by bin, on two truths: no noise of labels.",
        alt="Left, a logistic truth: logistic regression and the MLP near the diagonal, the "
        "overtrained MLP flatter. Right, an interaction: logistic regression has points near 1/2 "
        "only, the MLP follows the diagonal, the overtrained MLP is flatter than it.",
        draw=partial(draw_truths, known=known),
        panels=(1, 2),
    )
    distance = Figure(
        "approach",
        "Distance of logistic regression from the truth that it can express: each draw, and the "
        "prediction of the theory of maximum likelihood.",
        alt=f"Clouds of points around a line that falls as 1 / sqrt(n), from "
        f"{nearing.predicted[0]:.3f} to {nearing.predicted[-1]:.4f}; their means are within "
        f"{np.abs(ratio - 1).max():.1%} of the line.",
        draw=partial(draw_approach, nearing=nearing),
    )
    return Part(claims, answer, [table, sizes], [curves, distance])


def draw_truths(*axes: Any, known: dict[str, Judged]) -> None:
    """The models' curves on one axis for each truth."""
    for ax, (name, judged) in zip(axes, known.items(), strict=True):
        for model, curve in judged.curves.items():
            draw_reliability(ax, curve, label=model, intervals=False)
        ax.set(title=f"truth: {name}", ylabel="mean true probability")


def draw_approach(ax: Any, *, nearing: Approach) -> None:
    """Distances by size."""
    many = np.repeat(nearing.sizes, nearing.distances.shape[1])
    ax.plot(many, nearing.distances.ravel(), ".", alpha=0.15, label="each draw")
    ax.plot(nearing.sizes, nearing.mean, "o", label="mean")
    ax.plot(nearing.sizes, nearing.predicted, color="black", linewidth=1, label="predicted")
    ax.set(xscale="log", yscale="log", xlabel="examples", ylabel="mean |p - truth|")
    ax.set_xticks(nearing.sizes, nearing.sizes)
    ax.set_xticks([], minor=True)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.legend()


EXPERIMENT = Experiment(
    run,
    default=Config(),
    tiny=Config(
        hidden=(32,),
        overtraining=1500,
        short=2,
        long=200,
        starts=2,
        judged=5000,
        sizes=(250, 1000),
        repeats=20,
    ),
)
