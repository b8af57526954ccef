"""Where the expected loss is least, for each true probability: no model, no chance."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax.numerics import sigmoid
from experiments.calibration_of_losses.links import Link, of_slopes
from experiments.calibration_of_losses.settings import Config

FAR = 40.0  # the largest logit that is looked at
_HALVINGS = 60


class Minimiser(NamedTuple):
    """Of one loss, at each truth."""

    logits: np.ndarray  # x*, held in [-FAR, FAR]
    probs: np.ndarray  # s(x*)
    above_least: float  # by how much the expected loss exceeds that at any logit of a grid
    strays: float  # largest difference of the inverse link on paper and that by derivatives
    restored: np.ndarray | None  # inverse link at x*
    reach: tuple[float, float]  # between which truths are given back


def truths(config: Config) -> np.ndarray:
    """Evenly spaced true probabilities, symmetric about 1/2."""
    return (np.arange(config.points) + 0.5) / config.points


def minimise(link: Link, truth: np.ndarray) -> Minimiser:
    """Follow the sign of the expected slope, then look at a grid for anything lower."""
    low, high = np.full_like(truth, -FAR), np.full_like(truth, FAR)
    for _ in range(_HALVINGS):
        x = (low + high) / 2
        slope = _expected(truth, _both_labels(link, x)[1])
        low, high = np.where(slope < 0, x, low), np.where(slope < 0, high, x)
    losses, slopes = _both_labels(link, x)
    grid, _ = _both_labels(link, np.linspace(-FAR, FAR, len(truth)))  # of one size: compiled once
    above = float(np.max(_expected(truth, losses) - _expected(truth[:, None], grid).min(axis=1)))
    p = np.asarray(sigmoid(x))
    if link.inverse is None:
        return Minimiser(x, p, above, 0.0, None, (0.0, 1.0))
    restored = np.asarray(link.inverse(jnp.asarray(x)))
    strays = np.abs(of_slopes(-slopes[1], slopes[0]) - restored)[np.abs(x) < FAR / 2].max()
    reach = np.asarray(link.inverse(jnp.array([-700.0, 700.0])))
    return Minimiser(x, p, above, float(strays), restored, (float(reach[0]), float(reach[1])))


def _expected(truth: np.ndarray, of_labels: np.ndarray) -> np.ndarray:
    """The mean, where label 1 has the probability ``truth``, of numbers of labels 0 and 1."""
    mean: np.ndarray = truth * of_labels[1] + (1 - truth) * of_labels[0]
    return mean


def _both_labels(link: Link, x: np.ndarray) -> np.ndarray:
    """Losses and slopes (2, 2, n) of labels 0 and 1."""
    return np.asarray(_looked_at(link, x))


@partial(jax.jit, static_argnums=0)
def _looked_at(link: Link, x: jax.Array) -> jax.Array:
    labels = jnp.repeat(jnp.array([0.0, 1.0]), len(x))
    found = jax.vmap(jax.value_and_grad(link.loss))(jnp.tile(x, 2), labels)
    return jnp.stack(found).reshape(2, 2, len(x))


def wrong_side(truth: np.ndarray, found: Minimiser) -> float:
    """Share of truths of which the minimiser lies on the other side of 1/2."""
    return float(np.mean((found.logits > 0) != (truth > 0.5)))


def told_apart(truth: np.ndarray, found: Minimiser) -> bool:
    """Whether the minimiser rises with the truth, as far as it reaches."""
    within = (found.reach[0] < truth) & (truth < found.reach[1])
    return bool(np.all(np.diff(found.logits[within]) > 0))
