"""Floor 2: minimise the cross-entropy, to full accuracy."""

from bcejax.solvers.newton import (
    NewtonFit,
    NewtonStatus,
    invert_semidefinite,
    minimise_bce,
)

__all__ = ["NewtonFit", "NewtonStatus", "invert_semidefinite", "minimise_bce"]
