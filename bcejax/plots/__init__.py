"""Floor 5: draw what lower floors computed, each on the Axes it is given."""

from bcejax.plots.audits import draw_audit
from bcejax.plots.coefficients import draw_coefficients
from bcejax.plots.decomposition import draw_decomposition
from bcejax.plots.error_atlas import draw_error_atlas
from bcejax.plots.error_curves import draw_errors
from bcejax.plots.history import draw_history
from bcejax.plots.isotonic_reliability import draw_isotonic_reliability
from bcejax.plots.loss_curves import draw_loss_curves
from bcejax.plots.penalty_curve import draw_penalty_curve
from bcejax.plots.prob_histogram import draw_prob_histogram
from bcejax.plots.recalibration import draw_recalibration
from bcejax.plots.reliability import draw_reliability
from bcejax.plots.smooth_reliability import draw_smooth_reliability
from bcejax.plots.style import PALETTE, house_style, save_drawing

__all__ = [
    "PALETTE",
    "draw_audit",
    "draw_coefficients",
    "draw_decomposition",
    "draw_error_atlas",
    "draw_errors",
    "draw_history",
    "draw_isotonic_reliability",
    "draw_loss_curves",
    "draw_penalty_curve",
    "draw_prob_histogram",
    "draw_recalibration",
    "draw_reliability",
    "draw_smooth_reliability",
    "house_style",
    "save_drawing",
]
