"""Floor 1: the losses, one number per example, with their derivatives in closed form."""

from bcejax.losses.asymmetric import asymmetric_loss
from bcejax.losses.box_cox import generalized_cross_entropy
from bcejax.losses.class_balance import class_balanced_weights
from bcejax.losses.contrastive import sigmoid_contrastive
from bcejax.losses.divergence import bernoulli_entropy, bernoulli_kl
from bcejax.losses.focal import sigmoid_focal_loss
from bcejax.losses.from_logits import (
    Derivatives,
    bce_gradient,
    bce_hessian,
    bce_value_gradient_hessian,
    bce_with_logits,
)
from bcejax.losses.from_probs import bce_with_log_probs, bce_with_probs
from bcejax.losses.label_noise import forward_corrected_loss
from bcejax.losses.linear_head import Positives, linear_bce
from bcejax.losses.poly import poly1_loss
from bcejax.losses.priors import (
    adjust_logits,
    apply_pos_weight,
    logit_adjusted_loss,
    probs_under_pos_weight,
    undo_pos_weight,
)
from bcejax.losses.reduction import reduce_losses, smooth_labels
from bcejax.losses.symmetric import symmetric_cross_entropy
from bcejax.losses.tempered import bi_tempered_loss

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
