"""What a model says of images that it has not seen, and what its maps are good for."""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from bcejax.analysis import relative_error
from bcejax.calibration import accuracy, log_score
from bcejax.data import Batch
from bcejax.losses import bce_gradient
from experiments import Claim, Result, Table, Verdict
from experiments.averages import Mean, mean_of
from experiments.saliency_of_digits.figures import examples, means, speaking_for_8
from experiments.saliency_of_digits.maps import LOSSES, Maps, look
from experiments.saliency_of_digits.networks import LINEAR, NETWORK, SIDE, Learnt, Model
from experiments.saliency_of_digits.settings import Config

LOGIT, CLIPPED, PROBABILITY = LOSSES


class Found(NamedTuple):
    """A model on n unseen images."""

    maps: Maps
    accuracy: float
    loss: float  # mean, nats
    blank: dict[str, int]  # by each loss: images whose gradient is 0 in every pixel
    product: float  # gradients of the loss off (p - y) times those of the logit, relative
    unaccounted: float  # attributions off what they add up to, relative to the largest difference
    farther: Mean  # how much farther the logit falls than with random pixels
    on_the_left: float  # how much of what speaks for an 8 lies in the left half


def judge(model: Model, unseen: Batch, config: Config) -> Found:
    """All that is asked of a model."""
    inputs, labels = (np.asarray(each, np.float32) for each in unseen[:2])
    program = jax.jit(partial(look, model=model, steps=config.steps, erased=config.erased))
    maps = jax.tree.map(np.asarray, program(inputs, labels, jax.random.key(config.seed)))
    slopes = np.asarray(bce_gradient(maps.logits, labels))[:, None]
    off = maps.attributions.sum(axis=1) - maps.difference
    for_8 = np.maximum(speaking_for_8(maps, labels), 0).reshape(SIDE, SIDE)
    return Found(
        maps,
        float(accuracy(labels, logits=maps.logits)),
        float(log_score(labels, logits=maps.logits)),
        {name: int((each == 0).all(axis=1).sum()) for name, each in maps.of_loss.items()},
        row_error(maps.of_loss[LOGIT], slopes * maps.gradients),
        float(abs(off).max() / abs(maps.difference).max()),
        mean_of(maps.falls[0] - maps.falls[1]),
        float(for_8[:, : SIDE // 2].sum() / for_8.sum()),
    )


def row_error(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest error of a row relative to the row: some are a billionth of others."""
    return max(relative_error(*rows) for rows in zip(found, expected, strict=True) if rows[1].any())


def report(found: dict[str, Found], learnt: Learnt, config: Config) -> Result:
    """Claims, a table, pictures."""
    network, linear, n = found[NETWORK], found[LINEAR], len(learnt.unseen.labels)
    every = list(found.values())
    same = np.broadcast_to(learnt.coefficients, linear.maps.gradients.shape)
    claims = (
        Claim("accuracy on unseen images, the least", min(e.accuracy for e in every), ">=", 0.95),
        Claim(
            "gradient of the loss off (p - y) times that of the logit, relative, the most",
            max(each.product for each in every),
            "<=",
            1e-5,
        ),
        Claim(
            "logistic regression: its map off its coefficients, relative",
            relative_error(linear.maps.gradients, same),
            "<=",
            1e-6,
        ),
        Claim("images without a map, from the logit", network.blank[LOGIT], "==", 0),
        Claim(f"images without a map, {CLIPPED}, of {n}", network.blank[CLIPPED], ">", 0),
        Claim(f"images without a map, {PROBABILITY}, of {n}", network.blank[PROBABILITY], ">", 0),
        Claim(
            "attributions off the difference that they add up to, relative, the most",
            max(each.unaccounted for each in every),
            "<=",
            0.01,
        ),
        Claim(
            f"how much farther the logit falls without {config.erased} pixels of most attribution"
            " than without random ones, least of the models",
            min(each.farther.sigmas for each in every),
            ">=",
            config.sigmas,
            "standard errors",
        ),
        Claim(
            "share of what speaks for an 8 that lies on the left, the least",
            min(each.on_the_left for each in every),
            ">=",
            0.6,
        ),
    )
    fall, random = (float(each.mean()) for each in network.maps.falls)
    answer = (
        f"Those on the left: {network.on_the_left:.0%} of what speaks for an 8 lies there. Of {n}"
        f" images {network.blank[CLIPPED]} have no map through a clipped probability, for its"
        f" gradient is 0, and {network.blank[LOGIT]} through the logit."
    )
    details = (
        f"The network has {network.accuracy:.1%} of {n} unseen images right. Without the"
        f" {config.erased} pixels of most attribution its logit falls by {fall:.1f}, without random"
        f" ones by {random:.1f}.",
        f"Images without a map: from the logit {network.blank[LOGIT]},"
        f" {CLIPPED} {network.blank[CLIPPED]}, {PROBABILITY} {network.blank[PROBABILITY]}.",
    )
    figures = examples(network.maps, learnt.unseen), means(network.maps, learnt)
    return Result(Verdict(claims, answer, details), (tabulate(found),), figures)


def tabulate(found: dict[str, Found]) -> Table:
    """One row for each model."""
    every = list(found.values())
    return Table(
        "models",
        "Two models on images that they have not seen. A map is blank where the gradient of the"
        " loss is 0 in every pixel; falls are means of how far the logit falls.",
        {
            "model": list(found),
            "accuracy": [each.accuracy for each in every],
            "log loss (nats)": [each.loss for each in every],
            "median |logit|": [float(np.median(abs(each.maps.logits))) for each in every],
            **{f"blank maps {name}": [each.blank[name] for each in every] for name in LOSSES},
            "for an 8, on the left": [each.on_the_left for each in every],
            "fall without what matters": [float(each.maps.falls[0].mean()) for each in every],
            "fall without random ink": [float(each.maps.falls[1].mean()) for each in every],
        },
        {"accuracy": ".4f", "log loss (nats)": ".4f"},
    )
