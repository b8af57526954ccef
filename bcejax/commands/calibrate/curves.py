"""The curves that the figures of a calibration show.

Those of the predictions alone, which take longest, need no report and are traced beside it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from bcejax.calibration.binning import ReliabilityCurve, reliability_curve
from bcejax.calibration.errors.smooth import SmoothCurve, smooth_reliability_curve
from bcejax.calibration.inference import Band, consistency_band
from bcejax.commands.calibrate.predictions import Predictions

FINE = 50  # bins of the histogram
GROUPS = 6  # that are drawn: so many colours can be told apart on one axes
IN_A_BIN = 30  # rows of the smallest group that is drawn
WORK = 2 * 10**7  # rows times simulations of the band, of 40 to 1000 simulations


class Curves(NamedTuple):
    """Of the predictions."""

    binned: ReliabilityCurve
    fine: ReliabilityCurve  # in many bins, for the histogram
    smooth: SmoothCurve
    consistency: Band


class Comparisons(NamedTuple):
    """Of what is set against them."""

    after: ReliabilityCurve  # of probabilities calibrated without their own fold
    groups: Mapping[str, ReliabilityCurve]


def trace_curves(rows: Predictions, key: jax.Array) -> Curves:
    """The curves of the predictions.

    Args:
        rows: the predictions.
        key: of the simulations.
    """
    simulations = min(1000, max(40, WORK // rows.labels.size))
    return Curves(
        binned=reliability_curve(rows.labels, **rows.given),
        fine=reliability_curve(rows.labels, **rows.given, bins=FINE),
        smooth=smooth_reliability_curve(rows.labels, **rows.given),
        consistency=consistency_band(
            rows.labels, **rows.given, key=key, n_simulations=simulations, points=200
        ),
    )


def trace_comparisons(
    rows: Predictions, unseen: Mapping[str, jax.Array], groups: Sequence[str]
) -> Comparisons:
    """The curves after calibration and by group.

    Args:
        rows: the predictions.
        unseen: (n,) cross-fitted logits, and their probabilities.
        groups: names of the groups, the largest first.
    """
    # probabilities where probabilities came, so that before and after share a program
    after: dict[str, Any] = {name: unseen[name] for name in rows.scores}
    drawn = groups[:GROUPS]
    smallest = min((np.sum(rows.groups == name) for name in drawn), default=0)
    bins = int(np.clip(smallest // IN_A_BIN, 3, 15))  # few rows in many bins are a tangle
    return Comparisons(
        after=reliability_curve(rows.labels, weights=rows.weights, **after),
        groups={
            name: reliability_curve(rows.labels, **rows.given, where=rows.groups == name, bins=bins)
            for name in drawn
        },
    )
