"""Floor 3: the oracle, units in the last place, the audit of any loss, derivatives by hand."""

from bcejax.analysis.adapters import find_subject
from bcejax.analysis.auditing import AuditReport, Check, Curve, Status, audit
from bcejax.analysis.backpropagation import (
    RELU,
    TANH,
    Activation,
    network_gradient,
    network_hessian_product,
    network_loss,
)
from bcejax.analysis.derivatives import gradients_of, hessian_products_of, hessians_of
from bcejax.analysis.differences import StepScan, central_difference, scan_steps
from bcejax.analysis.double_double import Extended, as_extended, extended
from bcejax.analysis.logistic_regression import (
    logistic_gradient,
    logistic_hessian,
    logistic_hessian_product,
    logistic_loss,
)
from bcejax.analysis.oracle import exact, exact_values, settle
from bcejax.analysis.stencils import (
    CENTRAL,
    FIVE_POINT,
    FORWARD,
    complex_step,
    elementwise_difference,
)
from bcejax.analysis.subjects import Subject
from bcejax.analysis.ulp import Worst, relative_error, spacing, ulp_error, worst

__all__ = [
    "CENTRAL",
    "FIVE_POINT",
    "FORWARD",
    "RELU",
    "TANH",
    "Activation",
    "AuditReport",
    "Check",
    "Curve",
    "Extended",
    "Status",
    "StepScan",
    "Subject",
    "Worst",
    "as_extended",
    "audit",
    "central_difference",
    "complex_step",
    "elementwise_difference",
    "exact",
    "exact_values",
    "extended",
    "find_subject",
    "gradients_of",
    "hessian_products_of",
    "hessians_of",
    "logistic_gradient",
    "logistic_hessian",
    "logistic_hessian_product",
    "logistic_loss",
    "network_gradient",
    "network_hessian_product",
    "network_loss",
    "relative_error",
    "scan_steps",
    "settle",
    "spacing",
    "ulp_error",
    "worst",
]
