"""Binary cross-entropy in JAX, right in every digit and every derivative.

The losses stand here; the rest is found in the subpackages, which load on first use:
``data``, ``models``, ``training``, ``solvers``, ``calibration``, ``analysis``, ``plots``,
``commands``.

Example:
    >>> import jax, jax.numpy as jnp
    >>> jax.vmap(jax.grad(bce_with_logits))(jnp.array([0.0, 20.0]), jnp.array([0, 1]))
    Array([ 5.0000000e-01, -2.0611537e-09], dtype=float32)
"""

import importlib
from types import ModuleType

from bcejax.losses import (
    Derivatives,
    Positives,
    adjust_logits,
    apply_pos_weight,
    asymmetric_loss,
    bce_gradient,
    bce_hessian,
    bce_value_gradient_hessian,
    bce_with_log_probs,
    bce_with_logits,
    bce_with_probs,
    bernoulli_entropy,
    bernoulli_kl,
    bi_tempered_loss,
    class_balanced_weights,
    forward_corrected_loss,
    generalized_cross_entropy,
    linear_bce,
    logit_adjusted_loss,
    poly1_loss,
    probs_under_pos_weight,
    reduce_losses,
    sigmoid_contrastive,
    sigmoid_focal_loss,
    smooth_labels,
    symmetric_cross_entropy,
    undo_pos_weight,
)
from bcejax.numerics import check_labels, check_probs

__all__ = [
    "Derivatives",
    "Positives",
    "adjust_logits",
    "apply_pos_weight",
    "asymmetric_loss",
    "bce_gradient",
    "bce_hessian",
    "bce_value_gradient_hessian",
    "bce_with_log_probs",
    "bce_with_logits",
    "bce_with_probs",
    "bernoulli_entropy",
    "bernoulli_kl",
    "bi_tempered_loss",
    "check_labels",
    "check_probs",
    "class_balanced_weights",
    "forward_corrected_loss",
    "generalized_cross_entropy",
    "linear_bce",
    "logit_adjusted_loss",
    "poly1_loss",
    "probs_under_pos_weight",
    "reduce_losses",
    "sigmoid_contrastive",
    "sigmoid_focal_loss",
    "smooth_labels",
    "symmetric_cross_entropy",
    "undo_pos_weight",
]

_SUBPACKAGES = (
    "analysis",
    "calibration",
    "commands",
    "data",
    "models",
    "plots",
    "solvers",
    "training",
)


def __getattr__(name: str) -> ModuleType:
    if name in _SUBPACKAGES:
        return importlib.import_module(f"bcejax.{name}")
    raise AttributeError(f"module 'bcejax' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_SUBPACKAGES])
