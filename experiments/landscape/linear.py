"""Hessians and descents of linear models, by cross-entropy and by squared error."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from scipy.optimize import brentq

from bcejax.data import fit_standardizer, load_pima
from bcejax.losses import bce_with_logits
from bcejax.numerics import sigmoid
from experiments import Track
from experiments.landscape.settings import Config

CROSS_ENTROPY = "cross-entropy"
SQUARED = "squared error"

Carry: TypeAlias = tuple[jax.Array, jax.Array, jax.Array]  # place, the one before, step


def squared_error(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """(p - y)^2."""
    return (sigmoid(logits) - labels) ** 2


LOSSES: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    CROSS_ENTROPY: bce_with_logits,
    SQUARED: squared_error,
}


class Descents(NamedTuple):
    """Mean losses on the way down."""

    path: np.ndarray  # (moments, starts)
    moments: np.ndarray  # (moments,) steps

    @property
    def excess(self) -> np.ndarray:
        """Where each ended, above the best (starts,), relative to it."""
        return self.path[-1] / self.path[-1].min() - 1


class Terrain(NamedTuple):
    """What was found of linear models."""

    # by loss and scale: smallest eigenvalue over the largest |eigenvalue|, of each place
    curvature: dict[tuple[str, float], np.ndarray]
    descents: dict[str, Descents]
    inflection: float  # logit at which squared error turns, label 1


def survey(config: Config, track: Track) -> Terrain:
    """All of it, on Pima with standardised columns and an intercept."""
    batch = load_pima().batch
    inputs = fit_standardizer(batch.inputs)(batch.inputs).astype(np.float64)
    columns = np.column_stack([inputs, np.ones(len(inputs))])
    labels = np.asarray(batch.labels, np.float64)
    rng = np.random.default_rng(config.seed)
    curvature, descents = {}, {}
    for name, loss in track(tuple(LOSSES.items()), "curvature of linear models"):
        hessians = _hessians_of(loss, columns, labels)
        for scale in config.scales:
            places = scale * rng.standard_normal((config.places, columns.shape[1]))
            curvature[name, scale] = _lowest(np.asarray(hessians(places)))
    starts = config.scales[-1] * rng.standard_normal((columns.shape[1], config.starts))
    for name in track(tuple(LOSSES), "descents"):
        descents[name] = _descend(LOSSES[name], columns, labels, starts, config.steps)
    return Terrain(curvature, descents, _inflection())


def _hessians_of(
    loss: Callable[..., jax.Array], columns: np.ndarray, labels: np.ndarray
) -> Callable[[np.ndarray], jax.Array]:
    """The Hessians of the mean loss at coefficients (places, p), one place after the other."""
    hessian = jax.hessian(lambda b: loss(columns @ b, labels).mean())
    return jax.jit(lambda places: lax.map(hessian, places))


def _lowest(hessians: np.ndarray) -> np.ndarray:
    """Smallest eigenvalue over the largest absolute one, of each."""
    eigenvalues = np.linalg.eigvalsh(hessians)
    smallest: np.ndarray = eigenvalues[:, 0] / np.abs(eigenvalues).max(axis=1)
    return smallest


def _descend(
    loss: Callable[..., jax.Array],
    columns: np.ndarray,
    labels: np.ndarray,
    starts: np.ndarray,
    steps: int,
) -> Descents:
    """Nesterov's accelerated gradient from every start at once.

    The step is 1 / L with L the bound of cross-entropy's curvature; squared error's is smaller.
    """
    bound = float(np.linalg.norm(columns, 2)) ** 2 / (4 * len(columns))
    answers = np.broadcast_to(labels[:, None], (len(columns), starts.shape[1]))

    def means(params: jax.Array) -> jax.Array:
        return loss(columns @ params, answers).mean(axis=0)

    def step(_: jax.Array, carry: Carry) -> Carry:
        place, before, k = carry
        ahead = place + k / (k + 3) * (place - before)
        slope = jax.grad(lambda b: means(b).sum())(ahead)
        return ahead - slope / bound, place, k + 1

    lengths = np.diff(np.unique(np.r_[0, np.geomspace(1, steps, 40).astype(int)]))

    def stretch(carry: Carry, length: jax.Array) -> tuple[Carry, jax.Array]:
        carry = lax.fori_loop(0, length, step, carry)
        return carry, means(carry[0])

    @jax.jit
    def path(start: jax.Array) -> jax.Array:
        _, later = lax.scan(stretch, (start, start, jnp.zeros(())), jnp.asarray(lengths))
        return jnp.vstack([means(start), later])

    return Descents(np.asarray(path(starts)), np.r_[0, np.cumsum(lengths)])


def _inflection() -> float:
    """Where the second derivative of squared error at label 1 changes its sign."""
    bend = jax.jit(jax.grad(jax.grad(lambda x: squared_error(x, jnp.ones(())))))
    return float(brentq(lambda x: float(bend(x)), -3.0, 1.0, xtol=1e-15))
