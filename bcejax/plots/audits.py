"""What an audit measured: the errors of one quantity, a colour for each label."""

from typing import TYPE_CHECKING

import numpy as np

from bcejax.analysis import Curve
from bcejax.plots.error_curves import draw_cloud, frame_errors

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_audit(ax: "Axes", curve: Curve) -> None:
    """Error in ulp against the logit or the probability, as ``draw_errors`` draws it.

    Args:
        ax: where to draw.
        curve: one of ``AuditReport.curves``.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = Figure().subplots()
        >>> probs, zeros = np.array([0.25, 0.5, 0.75]), np.zeros(3)
        >>> draw_audit(ax, Curve("hessian", "probs", probs, zeros, zeros, bound=6.0))
        >>> ax.get_ylabel(), ax.get_xlabel()
        ('hessian, error (ulp)', 'probability')
    """
    for label in np.unique(curve.labels):
        own = curve.labels == label
        draw_cloud(ax, curve.scores[own], curve.errors[own], f"y = {label:.3g}")
    frame_errors(ax, curve.bound)
    ax.set_ylabel(f"{curve.quantity}, error (ulp)")
    if curve.form == "probs":
        ax.set_xscale("logit")  # the errors stand where p or 1 - p is small
        ax.set_xlabel("probability")
