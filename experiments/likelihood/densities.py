"""The cross-entropy is minus the log-density of Bernoulli labels: values and derivatives."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bcejax import bce_with_logits
from bcejax.data import draw_logistic
from bcejax.numerics import require
from experiments import Claim, Table
from experiments.likelihood.settings import Config
from experiments.peers_of_calibration.peers import quietly
from experiments.versions import version_of

PEERS = ("numpyro", "distrax")
EXAMPLES = 1000


class Density(NamedTuple):
    """A sum of log-densities, and its gradient in the coefficients."""

    program: str
    value: float
    gradient: np.ndarray  # (d,)


def densities(config: Config) -> list[Density]:
    """By plain NumPy first, then by us and by the peers that are here, in float64."""
    drawn = jax.jit(draw_logistic, static_argnums=1)(jax.random.key(config.seed), EXAMPLES)
    batch = drawn.batch
    inputs, labels = jnp.asarray(batch.inputs), jnp.asarray(batch.labels)
    coefficients = jnp.array([1.5, -2.0, 0.25])

    def ours(logits: jax.Array) -> jax.Array:
        return -bce_with_logits(logits, labels)

    ways: dict[str, Callable[[jax.Array], jax.Array]] = {"bcejax": ours}
    for name in PEERS:
        if number := version_of(name):
            ways[f"{name} {number}"] = _peer(name, labels)
    found = [_by_hand(np.asarray(inputs), np.asarray(labels), np.asarray(coefficients))]
    with quietly():
        for name, way in ways.items():
            total = jax.jit(jax.value_and_grad(lambda b, way=way: jnp.sum(way(inputs @ b))))
            value, gradient = total(coefficients)
            found.append(Density(name, float(value), np.asarray(gradient)))
    return found


def _peer(name: str, labels: jax.Array) -> Callable[[jax.Array], jax.Array]:
    module = "numpyro.distributions" if name == "numpyro" else name

    def log_density(logits: jax.Array) -> jax.Array:
        package = require(module, extra="peers", purpose="a comparison of densities")
        density: jax.Array = package.Bernoulli(logits=logits).log_prob(labels)
        return density

    return log_density


def _by_hand(inputs: np.ndarray, labels: np.ndarray, coefficients: np.ndarray) -> Density:
    """y log p + (1 - y) log(1 - p), and X'(y - p)."""
    probs = 1 / (1 + np.exp(-inputs @ coefficients))
    logs = labels * np.log(probs) + (1 - labels) * np.log1p(-probs)
    return Density("NumPy, by the definition", float(logs.sum()), (labels - probs) @ inputs)


def claims_of(found: list[Density]) -> tuple[Claim, ...]:
    """All say the same; relative to the definition."""
    truth, *others = found
    return tuple(
        Claim(f"sum of {EXAMPLES} log-densities by {each.program}, {what} off", off, "<=", 1e-12)
        for each in others
        for what, off in (
            ("value", abs(each.value / truth.value - 1)),
            ("gradient", float(np.max(np.abs(each.gradient / truth.gradient - 1)))),
        )
    )


def tabulate(found: list[Density]) -> Table:
    """Values and gradients."""
    return Table(
        "densities",
        f"The sum of {EXAMPLES} Bernoulli log-densities, and its gradient in three coefficients.",
        {
            "program": [each.program for each in found],
            "sum": [each.value for each in found],
            **{f"gradient {j + 1}": [each.gradient[j] for each in found] for j in range(3)},
        },
        formats={"sum": ".15g"} | {f"gradient {j + 1}": ".13g" for j in range(3)},
    )
