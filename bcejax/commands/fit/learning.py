"""The work of ``bcejax fit``, stage by stage."""

import jax
import numpy as np

from bcejax.calibration.binning import reliability_curve
from bcejax.calibration.reporting.report import Progress
from bcejax.commands.fit.coefficients import coefficient_table
from bcejax.commands.fit.flags import Flags, listed
from bcejax.commands.fit.penalties import search_penalty
from bcejax.commands.fit.results import HeldOut, Results
from bcejax.commands.fit.rows import Rows, read_rows
from bcejax.commands.judging import judge
from bcejax.commands.model_file import Model
from bcejax.commands.stages import Stages
from bcejax.data import Standardizer, fit_standardizer, split_rows
from bcejax.numerics import sigmoid
from bcejax.solvers import Solution, SolverStatus, fit_logistic
from bcejax.solvers.inference.information import covariance

FINE = 50  # bins of the histogram


def learn(flags: Flags, stages: Stages) -> Results:
    """Everything that is written, computed in float64."""
    with stages.stage("read", str(flags.data)):
        rows = read_rows(
            flags.data,
            label=flags.label,
            weight=flags.weight,
            features=listed(flags.features),
            drop=listed(flags.drop),
        )
        learnt, held = _parts(rows.labels, flags)
    train = rows.taken(learnt)
    standardizer = _standardizer(train.inputs, flags)
    train = train._replace(inputs=np.asarray(standardizer(train.inputs)))
    l2, search = flags.l2 or 0.0, None
    if flags.cv is not None:
        with stages.stage("tried", f"penalties in {flags.cv} folds"):
            l2, search = search_penalty(train, folds=flags.cv, seed=flags.seed)
    with stages.stage("fitted", f"{learnt.size} rows of {len(rows.names)} columns"):
        solution, spread = _fit(train, l2, flags)
    model = Model(
        features=rows.names,
        label=flags.label,
        standardizer=standardizer,
        coefficients=np.asarray(solution.coefficients),
        intercept=np.asarray(solution.intercept),
        covariance=spread if np.isfinite(spread).all() else None,
        l2=l2,
        l1=flags.l1 or 0.0,
        firth=flags.firth,
        status=SolverStatus(int(solution.status)),
    )
    judged = None
    if held.size:
        with stages.stage("judged", f"{held.size} rows held out") as say:
            judged = _judged(model, rows.taken(held), 1 + held, flags, say)
    table = coefficient_table(rows.names, solution, spread, flags.confidence)
    deviations = train.inputs.std(axis=0)
    return Results(model, solution, table, deviations, learnt.size, search, judged, flags.asked)


def _parts(labels: np.ndarray, flags: Flags) -> tuple[np.ndarray, np.ndarray]:
    """The rows to learn from, and those to hold out."""
    if flags.test == 0:
        return np.arange(labels.size), np.arange(0)
    learnt, held = split_rows(labels, [1 - flags.test, flags.test], seed=flags.seed)
    return learnt, held


def _standardizer(inputs: np.ndarray, flags: Flags) -> Standardizer:
    if flags.standardize and flags.penalised:
        return fit_standardizer(inputs)
    columns = inputs.shape[1]
    return Standardizer(np.zeros(columns), np.ones(columns))


def _fit(train: Rows, l2: float, flags: Flags) -> tuple[Solution, np.ndarray]:
    """The solution and its covariance, nan where there is none."""
    _, inputs, labels, _ = train
    solution = fit_logistic(
        inputs, labels, **train.given, l2=l2, l1=flags.l1 or 0.0, firth=flags.firth
    )
    if flags.l1:
        return solution, np.full([inputs.shape[1] + 1] * 2, np.nan)
    return solution, np.asarray(covariance(solution, inputs, labels, **train.given, l2=l2))


def _judged(model: Model, rows: Rows, numbers: np.ndarray, flags: Flags, say: Progress) -> HeldOut:
    """What rows that it has not seen say of the model."""
    logits = model.logits(rows.inputs)
    given = {"logits": logits, **rows.given}
    with jax.enable_x64(True):
        report = judge(
            rows.labels,
            **given,
            key=jax.random.key(flags.seed),
            resamples=flags.resamples,
            calibrators=(),
            progress=say,
        )
        return HeldOut(
            rows=numbers,
            labels=rows.labels,
            weights=rows.weights,
            logits=logits,
            probs=np.asarray(sigmoid(logits)),
            report=report,
            binned=reliability_curve(rows.labels, **given),
            fine=reliability_curve(rows.labels, **given, bins=FINE),
        )
