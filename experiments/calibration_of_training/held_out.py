"""How the three models judge patients whom they have not seen."""

import dataclasses
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from bcejax.calibration import ReliabilityCurve
from bcejax.data import Batch, Split, split_rows, standardize
from bcejax.losses import bce_with_logits
from bcejax.plots import draw_reliability
from bcejax.training import History
from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.averages import Mean
from experiments.calibration_of_training.models import Trained, train_models
from experiments.calibration_of_training.optimum import recalibration
from experiments.calibration_of_training.scores import (
    curve_of,
    ece,
    more_ece,
    more_loss,
    more_than_true,
)
from experiments.calibration_of_training.settings import (
    LOGISTIC,
    MODELS,
    NETWORK,
    OVERTRAINED,
    SIGMAS,
    Config,
)


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


class Unseen(NamedTuple):
    """How each model judged patients that it had not seen."""

    labels: np.ndarray
    trained: Trained
    loss: dict[str, float]
    ece: dict[str, float]
    above_true: dict[str, Mean]
    affine: dict[str, np.ndarray]  # slope and intercept of recalibration
    more_loss: dict[str, Mean]  # of the overtrained one than of each other
    more_ece: dict[str, Mean]
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


def judge_held_out(pima: Batch, config: Config, track: Track) -> Result:
    """Reliability on held-out patients."""
    unseen = judge_unseen(pima, config, track)
    history = unseen.trained.history
    return Result(
        Verdict(claims_of(unseen), *answer_of(unseen)),
        (table_of_scores(unseen), table_of_losses(history)),
        (figure_of_reliability(unseen, config), figure_of_losses(history, config)),
    )


def claims_of(unseen: Unseen) -> tuple[Claim, ...]:
    """Overtraining costs, and logistic regression is as calibrated as chance lets it be."""
    sigmas = "standard errors"
    worse = [
        Claim(
            f"held-out {what} of the overtrained MLP above that of {name}",
            more.sigmas,
            ">=",
            SIGMAS,
            sigmas,
        )
        for what, both in (("loss", unseen.more_loss), ("ECE", unseen.more_ece))
        for name, more in both.items()
    ]
    return (
        *worse,
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
    )


def answer_of(unseen: Unseen) -> tuple[str, tuple[str, ...]]:
    """Each model's error, and how sure the difference is."""
    eces = [unseen.ece[name] for name in MODELS]
    answer = (
        f"On new patients logistic regression has a calibration error (ECE) of {eces[0]:.3f}, "
        f"and a network trained for too long {eces[2]:.3f}."
    )
    return answer, (
        f"Held-out ECE on Pima: {eces[0]:.3f} for logistic regression, {eces[1]:.3f} for the MLP, "
        f"{eces[2]:.3f} for the overtrained MLP, more by "
        f"{min(each.sigmas for each in unseen.more_ece.values()):.0f} standard errors or above, "
        f"with slope {unseen.affine[OVERTRAINED][0]:.2f}.",
    )


def table_of_scores(unseen: Unseen) -> Table:
    """Each model as unseen patients find it."""
    return Table(
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


def table_of_losses(history: History) -> Table:
    """The course of overtraining."""
    return Table(
        "loss_by_epoch",
        "Loss of the overtrained MLP in each epoch, mean over the folds.",
        {
            "epoch": np.arange(1, len(history.loss) + 1),
            "training": history.loss,
            "held-out": history.validation_loss,
        },
    )


def figure_of_reliability(unseen: Unseen, config: Config) -> Figure:
    """The network before and after it is overtrained."""
    return Figure(
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


def _end(unseen: Unseen, place: int) -> float:
    """Share of label 1 in an outer bin of the overtrained MLP."""
    return float(unseen.curves[OVERTRAINED].mean_label[place])


def draw_curves(*axes: Any, curves: dict[str, ReliabilityCurve]) -> None:
    """Each network beside logistic regression."""
    for ax, network in zip(axes, (NETWORK, OVERTRAINED), strict=True):
        for name in (LOGISTIC, network):
            draw_reliability(ax, curves[name], label=name)
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))


def figure_of_losses(history: History, config: Config) -> Figure:
    """Losses by epoch."""
    held = np.asarray(history.validation_loss)
    lowest = int(np.argmin(held)) + 1
    return Figure(
        "loss_by_epoch",
        f"Loss of the network as it is overtrained, mean over the {config.folds} folds; at the "
        f"dotted line, {config.epochs} epochs, it is the MLP of the tables.",
        alt=f"The training loss falls to {history.loss[-1]:.2g}; the held-out loss is lowest, "
        f"{held[lowest - 1]:.3f}, after epoch {lowest}, and climbs to "
        f"{held[-1]:.2f}.",
        draw=partial(draw_course, history=history, taken=config.epochs),
    )


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
