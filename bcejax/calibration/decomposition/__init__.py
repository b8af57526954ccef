"""Scores taken apart: what is lost by miscalibration, what is left to lose."""

from bcejax.calibration.decomposition.murphy import MurphyDecomposition, murphy_decomposition

__all__ = ["MurphyDecomposition", "murphy_decomposition"]
