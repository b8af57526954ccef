"""What ``fit_ensemble`` gives back: trained models in one pytree, and what they say together."""

import operator

import jax
import jax.numpy as jnp
from flax import nnx, struct
from jax.typing import ArrayLike

from bcejax.numerics import sigmoid
from bcejax.training.ensembles import averaging
from bcejax.training.ensembles.averaging import Uncertainty
from bcejax.training.records import History
from bcejax.training.state import TrainState


@struct.dataclass
class Ensemble:
    """Models of one kind, as they ended training; a frozen record and a pytree.

    Every array has the models as its first axis, so ``jax.tree.map(lambda a: a[keep], ensemble)``
    is the ensemble of some of them: ``keep = ensemble.history.status != Status.DIVERGED``.

    Attributes:
        state: of all models at once; ``state.params`` holds their parameters.
        history: of each model, as NumPy arrays: the figures (n_models, epochs), nan where a model
            did not finish the epoch; ``epochs``, ``best_epoch`` and ``status`` (n_models,).

    Example:
        >>> from bcejax.models import LogisticRegression
        >>> from bcejax.training import init_state
        >>> states = jax.vmap(
        ...     lambda key: init_state(LogisticRegression(2, rngs=nnx.Rngs(key)))
        ... )(jax.random.split(jax.random.key(0), 3))
        >>> ensemble = Ensemble(states, history=None)
        >>> ensemble.n_models, ensemble.logits(jnp.ones((5, 2))).shape
        (3, (3, 5))
        >>> ensemble.model(1)(jnp.ones((5, 2))).shape
        (5,)
    """

    state: TrainState
    history: History

    @property
    def n_models(self) -> int:
        """How many there are."""
        return len(self.state.step)

    def logits(self, inputs: ArrayLike) -> jax.Array:
        """Logits (n_models, n) of inputs (n, d), dropout off and batch statistics as they are.

        The hidden layers of all models are in memory at once.
        """
        return _logits(self.state, jnp.asarray(inputs))

    def probs(self, inputs: ArrayLike) -> jax.Array:
        """Probabilities (n_models, n) of label 1."""
        return sigmoid(self.logits(inputs))

    def mean_logits(self, inputs: ArrayLike) -> jax.Array:
        """The logits (n,) of the mean probabilities, with their digits; see ``mean_logits``.

        These are what losses, calibration errors and calibrators take of an ensemble.
        """
        return averaging.mean_logits(self.logits(inputs))

    def mean_probs(self, inputs: ArrayLike) -> jax.Array:
        """The mean probabilities (n,) of label 1."""
        return averaging.mean_probs(self.logits(inputs))

    def spread(self, inputs: ArrayLike) -> jax.Array:
        """The standard deviations (n,) of the probabilities from model to model."""
        return averaging.spread(self.logits(inputs))

    def uncertainty(self, inputs: ArrayLike) -> Uncertainty:
        """The entropy (n,) of the mean, and what of it is disagreement."""
        return averaging.decompose_entropy(self.logits(inputs))

    def model(self, i: int) -> nnx.Module:
        """Model i, counted from 0, as a module of its own.

        Raises:
            ValueError: there is no such model.
            TypeError: ``i`` is not an integer.
        """
        place = operator.index(i)
        if not 0 <= place < self.n_models:
            raise ValueError(f"i must be from 0 to {self.n_models - 1}, got {i}")
        state = self.state
        arrays = jax.tree.map(lambda array: array[place], (state.params, state.rest))
        device = min(state.step.devices(), key=lambda each: each.id)
        model: nnx.Module = nnx.merge(state.graphdef, *jax.device_put(arrays, device))
        return model


_logits = jax.jit(jax.vmap(TrainState.logits, in_axes=(0, None)))
