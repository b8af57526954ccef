"""The work of ``bcejax fit``, stage by stage."""

import jax
import numpy as np

from bcejax.calibration.binning import reliability_curve
from bcejax.calibration.calibrators.base import probs_of
from bcejax.calibration.reporting.report import Progress
from bcejax.commands.fit.flags import Flags, listed
from bcejax.commands.fit.results import HeldOut, Results, Search
from bcejax.commands.fit.rows import Rows, read_rows
from bcejax.commands.flags import asked_of
from bcejax.commands.judging import FEWEST, judge
from bcejax.commands.model_file import Model
from bcejax.commands.stages import Stages
from bcejax.data import Standardizer, fit_standardizer, split_rows
from bcejax.data.standardization import moments
from bcejax.solvers import Solution, SolverStatus, explain_status, fit_logistic
from bcejax.solvers.inference.information import covariance
from bcejax.solvers.inference.summaries import Summary, summary
from bcejax.solvers.many.cross_validation import cross_validate

FINE = 50  # bins of the histogram
L2 = np.logspace(1, -6, 29)  # of standardised columns: from where hardly anything is learnt to all


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
        learnt, held = _parts(rows, flags)
    train = rows.taken(learnt)
    standardizer = _standardizer(train, flags)
    train = train._replace(inputs=np.asarray(standardizer(train.inputs)))
    l2, search = flags.l2 or 0.0, None
    if flags.cv is not None:
        with stages.stage("tried", f"penalties in {flags.cv} folds"):
            l2, search = _search(train, flags.cv, flags.seed)
    with stages.stage("fitted", f"{learnt.size} x {len(rows.names)} numbers"):
        solution, told, spread = _fit(train, l2, flags)
    model = Model(
        features=rows.names,
        label=flags.label,
        standardizer=standardizer,
        coefficients=np.asarray(solution.coefficients),
        intercept=np.asarray(solution.intercept),
        covariance=spread,
        l2=l2,
        l1=flags.l1 or 0.0,
        firth=flags.firth,
        status=SolverStatus(int(solution.status)),
    )
    judged = None
    if held.size:
        with stages.stage("judged", f"{held.size} rows held out") as say:
            judged = _judged(model, rows.taken(held), 1 + held, flags, say)
    _, deviations = moments(train.inputs, train.weights)
    return Results(model, solution, told, deviations, learnt.size, search, judged, asked_of(flags))


def _parts(rows: Rows, flags: Flags) -> tuple[np.ndarray, np.ndarray]:
    """The rows to learn from, and those to hold out."""
    labels, weights = rows.labels, rows.weights
    if flags.test == 0:
        return np.arange(labels.size), np.arange(0)
    try:
        learnt, held = split_rows(labels, [1 - flags.test, flags.test], seed=flags.seed)
    except ValueError:
        few = _fewest(labels)
        share = "none" if flags.test < 0.5 else "all"
        raise ValueError(
            f"test is {flags.test}, which of {few} rows of one class is {share}: take another"
            " share, or 0 to hold out none"
        ) from None
    if held.size < FEWEST:
        raise ValueError(
            f"test is {flags.test}, which of {labels.size} rows holds out {held.size}, too few to"
            f" judge by, for {FEWEST} can be: take another share, or 0 to hold out none"
        )
    for part, use in ((learnt, "to learn from"), (held, "held out")):
        if weights is not None and not weights[part].any():
            raise ValueError(
                f"test is {flags.test}, which leaves all {part.size} rows {use} with weight 0: take"
                " another --seed or share, or 0 to hold out none"
            )
    return learnt, held


def _fewest(labels: np.ndarray) -> int:
    """Rows of the rarer class."""
    return min(int(np.count_nonzero(labels == label)) for label in (0, 1))


def _standardizer(train: Rows, flags: Flags) -> Standardizer:
    if flags.standardize and flags.penalised:
        return fit_standardizer(train.inputs, train.weights)
    columns = train.inputs.shape[1]
    return Standardizer(np.zeros(columns), np.ones(columns))


def _search(train: Rows, folds: int, seed: int) -> tuple[float, Search]:
    """The l2 of least cross-validated log loss, and all that were tried.

    Raises:
        ValueError: there are more folds than rows, or none could be judged, for a fold has taken a
            class whole.
    """
    if folds > len(train.labels):
        raise ValueError(f"cv is {folds}, but there are {len(train.labels)} rows to learn from")
    found = cross_validate(
        train.inputs, train.labels, **train.given, grid=L2, folds=folds, seed=seed
    )
    search = Search(*map(np.asarray, (found.grid, found.mean, found.standard_error)))
    if not np.isfinite(search.loss[found.best]):
        counted = train.labels if train.weights is None else train.labels[train.weights > 0]
        few = _fewest(counted)
        fewer = f"at most {few} folds, or " if 1 < few < folds else ""
        raise ValueError(
            f"cv is {folds}, but without one of the folds no penalty has an optimum"
            f" (rows of one class: {few}): take {fewer}--l2"
        )
    return float(L2[found.best]), search


def _fit(train: Rows, l2: float, flags: Flags) -> tuple[Solution, Summary, np.ndarray | None]:
    """The solution, what it says, and its covariance where there is one.

    Raises:
        ValueError: the fit diverged, so that there is nothing to say.
    """
    names, inputs, labels, _ = train
    l1, given = flags.l1 or 0.0, {**train.given, "l2": l2}
    solution = fit_logistic(inputs, labels, **given, l1=l1, firth=flags.firth)
    if solution.status == SolverStatus.DIVERGED:
        raise ValueError(f"{flags.data}: {explain_status(solution.status)}")
    told = summary(
        solution,
        inputs,
        labels,
        **given,
        l1=l1,
        firth=flags.firth,
        names=names,
        confidence=flags.confidence,
    )
    spread = np.asarray(covariance(solution, inputs, labels, **given))
    known = l1 == 0 and bool(np.isfinite(spread).all())
    return solution, told, spread if known else None


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
            probs=np.asarray(probs_of(logits)),
            report=report,
            binned=reliability_curve(rows.labels, **given),
            fine=reliability_curve(rows.labels, **given, bins=FINE),
        )
