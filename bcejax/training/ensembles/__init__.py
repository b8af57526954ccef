"""Many models of one kind, trained at once in one program, that answer together.

ensemble = fit_ensemble(make_model, train, n_models=8, key=jax.random.key(0))
ensemble.mean_logits(inputs), ensemble.spread(inputs)
"""

from bcejax.training.ensembles.averaging import (
    Uncertainty,
    decompose_entropy,
    mean_logits,
    mean_probs,
    spread,
)
from bcejax.training.ensembles.fitting import fit_ensemble
from bcejax.training.ensembles.record import Ensemble

__all__ = [
    "Ensemble",
    "Uncertainty",
    "decompose_entropy",
    "fit_ensemble",
    "mean_logits",
    "mean_probs",
    "spread",
]
