"""Real models on real rows: what autodiff differentiates.

The parameters of a Flax model are one vector, as jax.flatten_util.ravel_pytree lays them out; each
layer of it is also a matrix, the kernel with the bias as its last row, which meets inputs with a
column of ones.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.flatten_util import ravel_pytree

from bcejax.data import Batch, fit_standardizer, load_pima, load_spambase
from bcejax.losses import bce_with_logits, reduce_losses
from bcejax.models import MLP, LogisticRegression

DATA = {"Pima": load_pima, "Spambase": load_spambase}
LOGISTIC, NETWORK = "logistic regression", "network"
OURS, OPTAX, PROBABILITIES = "bcejax", "optax", "through probabilities"

Precision = Literal["float64", "float32", "bfloat16"]


@dataclass(frozen=True)
class Config:
    """What to differentiate, where, and in which precisions."""

    data: tuple[Literal["Pima", "Spambase"], ...] = ("Pima", "Spambase")
    """Data sets; figures show the first."""
    hidden: tuple[int, int] = (16, 4)
    """Hidden units of the network on Pima and on Spambase."""
    precisions: tuple[Precision, ...] = ("float64", "float32", "bfloat16")
    """Dtypes of inputs, parameters and arithmetic."""
    rows: int = 5000
    """Rows for gradients and Hessian products, at most."""
    hessian_rows: int = 256
    """Rows for whole Hessians and for finite differences, at most."""
    confidence: float = 20.0
    """Median |logit| of a sure model."""
    confidences: int = 6
    """Confidences up to that at which the losses are compared, and as many beyond."""
    seed: int = 0
    """Seed of the parameters and of the direction of products."""


class Problem(NamedTuple):
    """A model's parameters as one vector of size P, and the n rows it is differentiated on."""

    graph: nnx.GraphDef
    unravel: Callable[[jax.Array], nnx.State]
    places: list[np.ndarray]  # where in the vector each layer stands: a kernel, its bias below
    params: jax.Array
    inputs: jax.Array
    labels: jax.Array

    def model(self, params: jax.Array) -> Any:
        """The Flax model with these parameters."""
        return nnx.merge(self.graph, self.unravel(params))

    def given(self) -> tuple[jax.Array, jax.Array, jax.Array]:
        """What the mean loss is a function of."""
        return self.params, self.inputs, self.labels

    def layers(self, vector: jax.Array) -> list[np.ndarray]:
        """Each layer of a vector as a kernel with its bias as the last row."""
        return [np.asarray(vector)[place] for place in self.places]

    def vector(self, layers: Sequence[np.ndarray]) -> np.ndarray:
        """Layers as one vector again."""
        return np.concatenate([layer.ravel() for layer in layers])[self.order()]

    def order(self) -> np.ndarray:
        """Where among the entries of all layers, one after the other, the vector's are."""
        return np.argsort(np.concatenate([place.ravel() for place in self.places]))

    def on(self, rows: Any) -> "Problem":
        """The same model on some of the rows."""
        return self._replace(inputs=self.inputs[rows], labels=self.labels[rows])

    def thinned(self, rows: int) -> "Problem":
        """The same model on every k-th row, at most so many: the files are sorted by label."""
        return self.on(slice(None, None, math.ceil(len(self.labels) / rows)))

    def rounded(self, precision: str) -> "Problem":
        """The same numbers in another dtype."""
        params, inputs, labels = (jnp.asarray(each, precision) for each in self.given())
        return self._replace(params=params, inputs=inputs, labels=labels)

    def scaled(self, factor: float) -> "Problem":
        """The same with the last layer times a factor, rounded."""
        wide = np.array(self.params, np.float64)
        wide[self.places[-1]] *= factor
        return self._replace(params=jnp.asarray(wide, self.params.dtype))


class Setting(NamedTuple):
    """A model that was made for data, in one precision."""

    data: str
    model: str
    precision: str
    problem: Problem
    logits: np.ndarray  # (n,) before any rounding or scaling

    @property
    def median(self) -> float:
        """The median |logit|."""
        return float(np.median(np.abs(self.logits)))

    def words(self) -> dict[str, Any]:
        """What tables say of it."""
        return {"data": self.data, "model": self.model, "precision": self.precision}


def settings_of(config: Config) -> dict[str, Setting]:
    """Each model for each data set in each precision, by a name to show."""
    hidden, found = dict(zip(DATA, config.hidden, strict=True)), {}
    for data in config.data:
        batch = DATA[data]().batch
        for name in (LOGISTIC, NETWORK):
            problem = make_problem(batch, name, hidden[data], config.seed)
            logits = np.asarray(problem.model(problem.params)(problem.inputs))
            for precision in config.precisions:
                setting = Setting(data, name, precision, problem.rounded(precision), logits)
                found[f"{data}, {name}, {precision}"] = setting
    return found


def make_problem(batch: Batch, model: str, hidden: int, seed: int) -> Problem:
    """A model as Flax makes it, on all rows of its data, standardised; in float64."""
    inputs = fit_standardizer(batch.inputs)(batch.inputs)
    make = LogisticRegression if model == LOGISTIC else partial(MLP, hidden=(hidden,))
    made = make(inputs.shape[1], rngs=nnx.Rngs(seed), param_dtype=jnp.float64)
    graph, state = nnx.split(made)
    params, unravel = ravel_pytree(state)
    places = _layers_of(nnx.merge(graph, unravel(jnp.arange(params.size))))
    labels = jnp.asarray(batch.labels, jnp.float64)
    return Problem(graph, unravel, places, params, jnp.asarray(inputs), labels)


def _layers_of(model: Any) -> list[np.ndarray]:
    if isinstance(model, LogisticRegression):
        pairs = [(np.asarray(model.coefficients[...])[:, None], model.intercept[...])]
    else:
        pairs = [(each.kernel[...], each.bias[...]) for each in (*model.hidden, model.output)]
    return [np.vstack([np.asarray(kernel), np.asarray(bias)]) for kernel, bias in pairs]


def _through_probabilities(logits: jax.Array, labels: jax.Array) -> jax.Array:
    p = jax.nn.sigmoid(logits)
    return -jnp.mean(labels * jnp.log(p) + (1 - labels) * jnp.log(1 - p))


LOSSES: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    OURS: lambda logits, labels: reduce_losses(bce_with_logits(logits, labels)),
    OPTAX: lambda logits, labels: jnp.mean(optax.sigmoid_binary_cross_entropy(logits, labels)),
    PROBABILITIES: _through_probabilities,
}


def mean_loss(problem: Problem, loss: str = OURS) -> Callable[..., jax.Array]:
    """The mean loss as a function of parameters, inputs and labels."""
    return lambda params, inputs, labels: LOSSES[loss](problem.model(params)(inputs), labels)
