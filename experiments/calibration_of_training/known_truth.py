"""The three models where the true probabilities are known."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from bcejax.analysis.logistic_regression import sigmoid
from bcejax.calibration import ReliabilityCurve
from bcejax.data import Draw, draw_interaction, draw_logistic
from bcejax.plots import draw_reliability
from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.calibration_of_training.models import train_models
from experiments.calibration_of_training.scores import curve_of, ece
from experiments.calibration_of_training.settings import (
    LOGISTIC,
    MODELS,
    NETWORK,
    OVERTRAINED,
    Config,
)

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


def judge_known_truths(config: Config, track: Track) -> Result:
    """Distance from the truth, and reliability without noise of labels."""
    known = {
        name: judge_by_truth(DRAWS[name], config) for name in track(tuple(DRAWS), "known truths")
    }
    own, blind = known["logistic"].distance, known["interaction"].distance
    claims = (
        Claim(
            "mean |p - truth| on a logistic truth, overtrained MLP over logistic regression",
            own[OVERTRAINED] / own[LOGISTIC],
            ">=",
            1.5,
            "times",
        ),
        Claim(
            "mean |p - truth| on an interaction, logistic regression over the MLP",
            blind[LOGISTIC] / blind[NETWORK],
            ">=",
            2,
            "times",
        ),
    )
    details = (
        f"From {config.drawn} examples, the mean distance from a logistic truth is "
        f"{own[LOGISTIC]:.3f} for logistic regression and {own[OVERTRAINED]:.3f} for the "
        f"overtrained MLP; from an interaction, {blind[LOGISTIC]:.2f} for logistic regression, "
        f"which is blind to it, and {blind[NETWORK]:.2f} for the MLP.",
    )
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
    figure = Figure(
        "truth",
        "Mean true probability by bin, on two truths: no noise of labels. Blind to the "
        "interaction, logistic regression says little but 1/2; where it leans, the truth rises or "
        "falls on both sides alike.",
        alt="Left, a logistic truth: logistic regression and the MLP near the diagonal, the "
        "overtrained MLP flatter. Right, an interaction: logistic regression has few bins, "
        "around 1/2 and off the diagonal; the MLP follows it from 0 to 1, the overtrained MLP is "
        "flatter.",
        draw=partial(draw_truths, known=known),
        panels=(1, 2),
    )
    return Result(Verdict(claims, "", details), (table,), (figure,))


def draw_truths(*axes: Any, known: dict[str, Judged]) -> None:
    """The models' curves on one axis for each truth."""
    for ax, (name, judged) in zip(axes, known.items(), strict=True):
        for model, curve in judged.curves.items():
            draw_reliability(ax, curve, label=model, intervals=False)
        ax.set(title=f"truth: {name}", ylabel="mean true probability")
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
