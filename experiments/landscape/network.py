"""Spectra of the Hessian of a network's mean loss while it learns."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import lax
from jax.flatten_util import ravel_pytree
from jax.typing import ArrayLike

from bcejax.data import Batch, fit_standardizer, load_pima, load_spambase
from bcejax.losses import bce_with_logits
from bcejax.models import MLP
from bcejax.numerics import bernoulli_variance, sigmoid
from bcejax.training import fit
from experiments import Track
from experiments.landscape.settings import Config

DATA = {"pima": load_pima, "spambase": load_spambase}
SMALL = 500  # parameters up to which all eigenvalues are taken
OPTIMIZER = optax.adam(1e-2)


class Ritz(NamedTuple):
    """What Lanczos gives: nodes and weights of a quadrature of the density, (probes, products)."""

    values: np.ndarray
    weights: np.ndarray

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest eigenvalue."""
        return float(self.values.min()), float(self.values.max())


class Parts(NamedTuple):
    """All eigenvalues, ascending, of the Hessian and its two parts."""

    whole: np.ndarray
    gauss_newton: np.ndarray
    residual: np.ndarray
    off: float  # largest entry of H - G - R, relative to the largest of H


class Spectrum(NamedTuple):
    """Of one network at one moment."""

    data: str
    units: int
    epoch: int
    loss: float
    ritz: Ritz
    parts: Parts | None  # None where the network is large

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest eigenvalue, exact where the network is small."""
        if self.parts is None:
            return self.ritz.ends
        return float(self.parts.whole[0]), float(self.parts.whole[-1])


def watch(config: Config, track: Track) -> list[Spectrum]:
    """Each network at each moment."""
    found = []
    for data, units in track(config.networks, "networks"):
        batch = DATA[data]().batch
        inputs = fit_standardizer(batch.inputs)(batch.inputs).astype(np.float64)
        train = Batch(inputs, np.asarray(batch.labels, np.float64))
        model = MLP(
            inputs.shape[1],
            (units,),
            jnp.tanh,  # whose second derivative is not 0, unlike relu's
            rngs=nnx.Rngs(config.seed),
            dtype=jnp.float64,
            param_dtype=jnp.float64,
        )
        look, before = _observer(model, train, config), 0
        for epoch in config.epochs:
            _learn(model, train, epoch - before, config.seed + before)
            before = epoch
            found.append(Spectrum(data, units, epoch, *look(nnx.state(model, nnx.Param))))
    return found


def _learn(model: MLP, train: Batch, epochs: int, seed: int) -> None:
    if epochs:
        fit(
            model,
            train,
            optimizer=OPTIMIZER,
            epochs=epochs,
            batch_size=len(train.labels),
            key=jax.random.key(seed),
            progress=False,
        )


def _observer(
    model: MLP, train: Batch, config: Config
) -> Callable[[nnx.State], tuple[float, Ritz, Parts | None]]:
    """From params the mean loss and what is known of its Hessian, by one program for all epochs."""
    graph, params = nnx.split(model, nnx.Param)
    flat, unravel = ravel_pytree(params)
    inputs, labels = jnp.asarray(train.inputs), jnp.asarray(train.labels)

    def logits(t: jax.Array) -> jax.Array:
        return nnx.merge(graph, unravel(t))(inputs)

    def mean_loss(t: jax.Array) -> jax.Array:
        return bce_with_logits(logits(t), labels).mean()

    probes = np.random.default_rng(config.seed).standard_normal((config.probes, len(flat)))
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    products, small = min(config.products, len(flat)), len(flat) <= SMALL

    @jax.jit
    def observe(params: nnx.State) -> tuple:
        t = ravel_pytree(params)[0]
        steps = lanczos(lambda v: jax.jvp(jax.grad(mean_loss), (t,), (v,))[1], probes, products)
        return mean_loss(t), steps, _matrices(logits, mean_loss, labels, t) if small else None

    def look(params: nnx.State) -> tuple[float, Ritz, Parts | None]:
        loss, steps, matrices = observe(params)
        return float(loss), ritz_of(*steps), matrices and _parts(*map(np.asarray, matrices))

    return look


def lanczos(
    product: Callable[[jax.Array], jax.Array], probes: ArrayLike, products: int
) -> tuple[jax.Array, jax.Array]:
    """Diagonals and subdiagonals of a symmetric operator's T from unit vectors (probes, size).

    Every new vector is made orthogonal to all before it, twice: without that the extreme
    eigenvalues come again and again.
    """

    def from_one(probe: jax.Array) -> tuple[jax.Array, jax.Array]:
        def step(
            carry: tuple[jax.Array, jax.Array], k: jax.Array
        ) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
            basis, q = carry
            basis = basis.at[k].set(q)
            image = product(q)
            diagonal = q @ image
            for _ in range(2):
                image = image - (basis @ image) @ basis
            length = jnp.linalg.norm(image)
            return (basis, image / jnp.where(length > 0, length, 1)), (diagonal, length)

        basis = jnp.zeros((products, probe.size), probe.dtype)
        return lax.scan(step, (basis, probe), jnp.arange(products))[1]

    return lax.map(from_one, jnp.asarray(probes))


def ritz_of(diagonals: ArrayLike, lengths: ArrayLike) -> Ritz:
    """Eigenvalues of each T, and the squared first entries of its eigenvectors."""
    values, weights = [], []
    for diagonal, length in zip(np.asarray(diagonals), np.asarray(lengths), strict=True):
        tridiagonal = np.diag(diagonal) + np.diag(length[:-1], 1) + np.diag(length[:-1], -1)
        nodes, vectors = np.linalg.eigh(tridiagonal)
        values.append(nodes)
        weights.append(vectors[0] ** 2)
    return Ritz(np.array(values), np.array(weights))


def _matrices(
    logits: Callable[[jax.Array], jax.Array],
    mean_loss: Callable[[jax.Array], jax.Array],
    labels: jax.Array,
    t: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """H, G and R, each from derivatives of its own."""
    x = logits(t)
    jacobian = jax.jacrev(logits)(t)
    gauss_newton = (jacobian.T * bernoulli_variance(x)) @ jacobian / x.size
    residuals = lax.stop_gradient(sigmoid(x) - labels)
    residual = jax.hessian(lambda each: (residuals * logits(each)).mean())(t)
    return jax.hessian(mean_loss)(t), gauss_newton, residual


def _parts(whole: np.ndarray, gauss_newton: np.ndarray, residual: np.ndarray) -> Parts:
    """Their eigenvalues."""
    off = np.abs(whole - gauss_newton - residual).max() / np.abs(whole).max()
    return Parts(
        np.linalg.eigvalsh(whole),
        np.linalg.eigvalsh(gauss_newton),
        np.linalg.eigvalsh(residual),
        float(off),
    )
