"""Scores taken apart: what is lost by miscalibration, what is left to lose."""

from bcejax.calibration.decomposition.corp import CorpDecomposition, corp_decomposition
from bcejax.calibration.decomposition.murphy import MurphyDecomposition, murphy_decomposition
from bcejax.calibration.decomposition.variational import Refinement, refinement

__all__ = [
    "CorpDecomposition",
    "MurphyDecomposition",
    "Refinement",
    "corp_decomposition",
    "murphy_decomposition",
    "refinement",
]
