"""The curves that the figures of a calibration show."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax

from bcejax.calibration.binning import ReliabilityCurve, reliability_curve
from bcejax.calibration.decomposition.corp import CorpDecomposition, corp_decomposition
from bcejax.calibration.errors.smooth import SmoothCurve, smooth_reliability_curve
from bcejax.calibration.inference import Band, consistency_band
from bcejax.commands.calibrate.predictions import Predictions
from bcejax.numerics import sigmoid

FINE = 50  # bins of the histogram
GROUPS = 6  # that are drawn: so many colours can be told apart on one axes
WORK = 2 * 10**7  # rows times simulations of the band, of 40 to 1000 simulations


class Curves(NamedTuple):
    """All that is drawn."""

    binned: ReliabilityCurve
    fine: ReliabilityCurve  # in many bins, for the histogram
    smooth: SmoothCurve
    consistency: Band
    parts: CorpDecomposition
    after: ReliabilityCurve  # of probabilities calibrated without their own fold
    groups: Mapping[str, ReliabilityCurve]


def trace_curves(
    rows: Predictions, unseen: jax.Array, key: jax.Array, groups: Sequence[str]
) -> Curves:
    """All curves.

    Args:
        rows: the predictions.
        unseen: (n,) cross-fitted logits.
        key: of the simulations.
        groups: names of the groups, the largest first.
    """
    simulations = min(1000, max(40, WORK // rows.labels.size))
    # probabilities where probabilities came, so that before and after share a program
    after: dict[str, Any] = {"logits": unseen} if rows.probs is None else {"probs": sigmoid(unseen)}
    return Curves(
        binned=reliability_curve(rows.labels, **rows.given),
        fine=reliability_curve(rows.labels, **rows.given, bins=FINE),
        smooth=smooth_reliability_curve(rows.labels, **rows.given),
        consistency=consistency_band(
            rows.labels, **rows.given, key=key, n_simulations=simulations, points=200
        ),
        parts=corp_decomposition(rows.labels, **rows.given),
        after=reliability_curve(rows.labels, **after, weights=rows.weights),
        groups={
            name: reliability_curve(rows.labels, **rows.given, where=rows.groups == name)
            for name in groups[:GROUPS]
        },
    )
