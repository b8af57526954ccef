"""Logistic regression on ever more examples of a truth that it can express."""

from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from bcejax.analysis.logistic_regression import sigmoid
from bcejax.data import Batch, draw_logistic
from experiments import Claim, Figure, Result, Table, Track, Verdict
from experiments.averages import Mean
from experiments.calibration_of_training.optimum import newton
from experiments.calibration_of_training.settings import SIGMAS, Config


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

    def surplus(self) -> Mean:
        """Mean distance above the predicted one, at the largest size."""
        return Mean(float(self.mean[-1] - self.predicted[-1]), float(self.error[-1]))


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


def near_the_truth(config: Config, track: Track) -> Result:
    """The distances found against those predicted."""
    nearing = approach(config, track)
    surplus, ratio = nearing.surplus(), nearing.mean / nearing.predicted
    claim = Claim(
        f"mean |p - truth| of logistic regression at n = {nearing.sizes[-1]}, off the predicted "
        "distance",
        abs(surplus.sigmas),
        "<=",
        SIGMAS,
        "standard errors",
    )
    details = (
        f"Logistic regression nears its own truth as predicted: {nearing.mean[-1]:.4f} off at n = "
        f"{nearing.sizes[-1]}, {nearing.predicted[-1]:.4f} by theory.",
    )
    table = Table(
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
    figure = Figure(
        "approach",
        "Distance of logistic regression from the truth that it can express: each draw, and the "
        "prediction of the theory of maximum likelihood.",
        alt=f"Clouds of points around a line that falls as 1 / sqrt(n), from "
        f"{nearing.predicted[0]:.3f} to {nearing.predicted[-1]:.4f}; their means are within "
        f"{np.abs(ratio - 1).max():.1%} of the line.",
        draw=partial(draw_approach, nearing=nearing),
    )
    return Result(Verdict((claim,), "", details), (table,), (figure,))


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
