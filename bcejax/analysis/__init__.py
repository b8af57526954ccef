"""Floor 3: the oracle, units in the last place, and the ways to take a derivative."""

from bcejax.analysis.double_double import Extended, as_extended, extended
from bcejax.analysis.oracle import exact, exact_values, settle
from bcejax.analysis.ulp import Worst, spacing, ulp_error, worst

__all__ = [
    "Extended",
    "Worst",
    "as_extended",
    "exact",
    "exact_values",
    "extended",
    "settle",
    "spacing",
    "ulp_error",
    "worst",
]
