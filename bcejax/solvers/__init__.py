"""Floor 2: minimise the cross-entropy, to full accuracy."""

from bcejax.solvers.newton import NewtonFit, NewtonStatus, minimise_bce

__all__ = ["NewtonFit", "NewtonStatus", "minimise_bce"]
