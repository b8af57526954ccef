"""The images, a convolutional network that learns them, and logistic regression."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from bcejax.data import Batch, load_digits, split
from bcejax.solvers import fit_logistic
from bcejax.training import fit
from experiments.saliency_of_digits.settings import Config

SIDE = 8
INK = 16  # the largest number in a pixel
NETWORK, LINEAR = "convolutional network", "logistic regression"

Model = Callable[[jax.Array], jax.Array]  # images (n, 64) to logits (n,)


class Learnt(NamedTuple):
    """Two models, and the images that they have not seen."""

    models: dict[str, Model]
    coefficients: np.ndarray  # (64,), of the linear one
    unseen: Batch


class ConvolutionalNetwork(nnx.Module):
    """Logits (n,) of images (n, 64): two 3 x 3 convolutions with relu, means of 2 x 2, one sum."""

    def __init__(self, channels: tuple[int, int], *, rngs: nnx.Rngs) -> None:
        first, second = channels
        self.first = nnx.Conv(1, first, (3, 3), rngs=rngs)
        self.second = nnx.Conv(first, second, (3, 3), rngs=rngs)
        self.output = nnx.Linear(SIDE * SIDE // 4 * second, 1, rngs=rngs)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """One logit for each image."""
        images = jnp.reshape(inputs, (-1, SIDE, SIDE, 1))
        values = nnx.relu(self.second(nnx.relu(self.first(images))))
        means = nnx.avg_pool(values, (2, 2), (2, 2))
        return self.output(means.reshape(len(images), -1))[:, 0]


def learn(config: Config) -> Learnt:
    """Both models, from one half of the images."""
    batch = load_digits().batch
    train, unseen = split(
        batch._replace(inputs=np.asarray(batch.inputs / INK, np.float32)),
        validation=0.5,
        seed=config.seed,
    )
    network = ConvolutionalNetwork(config.channels, rngs=nnx.Rngs(config.seed))
    fit(
        network,
        train,
        optimizer=optax.adam(config.rate),
        epochs=config.epochs,
        key=jax.random.key(config.seed),
        progress=False,
    )
    best = fit_logistic(train.inputs, train.labels, l2=config.l2)
    coefficients = np.asarray(best.coefficients, np.float32)
    models: dict[str, Model] = {
        NETWORK: network,
        LINEAR: lambda inputs: inputs @ coefficients + np.float32(best.intercept),
    }
    return Learnt(models, coefficients, unseen)
