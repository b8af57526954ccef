"""Scores taken apart: what is lost by miscalibration, what is left to lose."""

from bcejax.calibration.decomposition.murphy import MurphyDecomposition, murphy_decomposition
from bcejax.calibration.decomposition.variational import Refinement, refinement

__all__ = ["MurphyDecomposition", "Refinement", "murphy_decomposition", "refinement"]
