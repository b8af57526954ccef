"""Bins: which, by what rule at their edges, what they hold, and intervals of what they show."""

from bcejax.calibration.binning.intervals import (
    clopper_pearson_interval,
    jeffreys_interval,
    wilson_interval,
)
from bcejax.calibration.binning.rules import BinRule, bin_rule, settle
from bcejax.calibration.binning.table import (
    BinTable,
    ReliabilityCurve,
    bin_table,
    reliability_curve,
    sums_by_bin,
)

__all__ = [
    "BinRule",
    "BinTable",
    "ReliabilityCurve",
    "bin_rule",
    "bin_table",
    "clopper_pearson_interval",
    "jeffreys_interval",
    "reliability_curve",
    "settle",
    "sums_by_bin",
    "wilson_interval",
]
